from __future__ import annotations

import pytest
import yaml
from packaging.requirements import Requirement

from ipexenv.errors import UsageError
from ipexenv.lock.conda import conda_text
from ipexenv.lock.exporting import target_of
from ipexenv.lock.requirements import constraints_text, requirements_text
from tests.unit.lock.locks import BRIDGE, lock, target

NAME = "pylock.toml"
COMMAND = "ipexenv install --ccl bridge --from-lock pylock.toml"
TORCH = "torch @ https://files.test/torch-2.8.0%2Bcpu-cp311-cp311-manylinux_2_28_x86_64.whl"


def test_requirements_name_everything_with_its_hash() -> None:
    text = requirements_text(target(), lock_name=NAME)
    numpy, torch, typing = (file.sha256 for file in target().files)
    assert text == (
        "# Python 3.11 on linux x86_64: every distribution of pylock.toml, dependencies included. Install with\n"
        "# `pip install --require-hashes -r FILE` or `uv pip install --require-hashes -r FILE`.\n"
        "--only-binary :all:\n"
        f"numpy==1.26.4 \\\n    --hash=sha256:{numpy}\n"
        f"{TORCH} \\\n    --hash=sha256:{torch}\n"
        f"typing-extensions==4.16.0 \\\n    --hash=sha256:{typing}\n"
    )


def test_constraints_hold_every_version() -> None:
    lines = constraints_text(target(bridge=BRIDGE), lock_name=NAME).splitlines()
    assert [str(Requirement(line)) for line in lines if not line.startswith("#")] == [
        "numpy==1.26.4",
        "torch==2.8.0+cpu",
        "typing-extensions==4.16.0",
        "ipexenv-oneccl-bridge==2022.2.0+ipexenv.bridge.1",
    ]


def test_the_bridge_comes_as_a_command() -> None:
    with_bridge = target(bridge=BRIDGE)
    assert COMMAND in requirements_text(with_bridge, lock_name=NAME)
    assert COMMAND in conda_text(with_bridge, lock_name=NAME)
    assert "ipexenv-oneccl-bridge @" not in requirements_text(with_bridge, lock_name=NAME)
    assert "ipexenv install" not in requirements_text(target(), lock_name=NAME)


def test_conda_gives_python_and_pip_the_rest() -> None:
    document = yaml.safe_load(conda_text(target(bridge=BRIDGE), lock_name=NAME))
    assert document["name"] == "ipexenv"
    assert document["dependencies"][:2] == ["python=3.11.*", "pip"]
    given = document["dependencies"][2]["pip"]
    assert given[:2] == ["--require-hashes", "--only-binary :all:"]
    assert [line.split()[0] for line in given[2:]] == ["numpy==1.26.4", "torch", "typing-extensions==4.16.0"]
    assert all("--hash=sha256:" in line for line in given[2:])


def test_an_export_is_for_one_target() -> None:
    several = lock(target("3.10"), target("3.11"))
    assert target_of(several, "3.11").platform.minor == "3.11"
    assert target_of(lock(), None).platform.minor == "3.11"
    for python, code in ((None, "several-targets"), ("3.9", "no-such-target")):
        with pytest.raises(UsageError) as caught:
            target_of(several, python)
        assert caught.value.code == code
        assert caught.value.hint == "name one, as `--target-python 3.10`" if python is None else caught.value.hint
