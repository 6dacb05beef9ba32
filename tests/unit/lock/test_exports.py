from __future__ import annotations

from dataclasses import replace

import pytest
import yaml
from packaging.requirements import Requirement

from ipexenv.errors import UsageError
from ipexenv.lock.conda import conda_text
from ipexenv.lock.dockerfile import dockerfile_text
from ipexenv.lock.exporting import target_of
from ipexenv.lock.requirements import constraints_text, requirements_text
from tests.unit.lock.locks import BRIDGE, lock, platform, target, wheel

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


def instructions(text: str) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile: comments left out, lines joined, here-documents as part of theirs."""
    found: list[tuple[str, str]] = []
    lines = iter(text.splitlines())
    for line in lines:
        if not line or line.startswith("#"):
            continue
        whole = line
        while whole.endswith("\\"):
            whole = whole[:-1] + next(lines)
        word, _, rest = whole.partition(" ")
        if "<<'" in rest:
            mark = rest.partition("<<'")[2].partition("'")[0]
            body = iter(lambda: next(lines), mark)
            rest += "\n" + "\n".join(body)
        found.append((word, rest))
    return found


def test_the_dockerfile_is_well_formed_slim_hashed_and_not_root() -> None:
    text = dockerfile_text(lock(), target(), lock_name=NAME)
    assert text.startswith("# syntax=docker/dockerfile:1\n")
    steps = instructions(text)
    words = [word for word, _ in steps]
    assert set(words) <= {"FROM", "ARG", "ENV", "RUN", "COPY", "USER", "WORKDIR", "CMD"}
    assert words[0] == "FROM"
    assert steps[0][1] == "--platform=linux/amd64 python:3.11-slim-bookworm"
    (copy,) = [rest for word, rest in steps if word == "COPY"]
    lines = copy.splitlines()[1:]
    assert lines[0] == "--only-binary :all:"
    assert [line.split()[0] for line in lines[1:]] == ["numpy", "torch", "typing-extensions"]
    assert all(" @ https://" in line and "--hash=sha256:" in line for line in lines[1:])
    install = next(rest for word, rest in steps if word == "RUN" and "--require-hashes" in rest)
    assert install.startswith("--mount=type=cache,target=/var/cache/pip ")
    assert words[-3:] == ["USER", "WORKDIR", "CMD"]
    assert steps[-3][1] != "root"
    assert "pylock.toml" not in "".join(rest for _, rest in steps)


def test_a_container_builds_the_bridge_before_it_gives_up_root() -> None:
    made = target(bridge=BRIDGE)
    steps = instructions(dockerfile_text(lock(made), made, lock_name=NAME))
    build = next(number for number, (_, rest) in enumerate(steps) if "--ccl bridge" in rest)
    assert steps[build - 1] == ("COPY", '["pylock.toml", "/opt/pylock.toml"]')
    assert "pip install ipexenv==0.1.0" in steps[build][1]
    assert steps[build + 1][0] == "USER"


@pytest.mark.parametrize(
    ("glibc", "image"), [("2.28", "bookworm"), ("2.36", "bookworm"), ("2.39", "trixie"), ("2.43", "trixie")]
)
def test_the_base_accepts_what_the_locked_machine_accepts(glibc: str, image: str) -> None:
    from packaging.version import Version  # noqa: PLC0415 (beside its only use)

    made = target(platform=replace(platform(), libc_version=Version(glibc)))
    assert f"python:3.11-slim-{image}" in dockerfile_text(lock(made), made, lock_name=NAME)


def test_a_container_cannot_reach_folders_and_has_no_odd_pythons() -> None:
    local = target(files=(wheel("torch", "2.8.0", url="file:///srv/torch-2.8.0-py3-none-any.whl"),))
    for made, code in (
        (local, "local-files"),
        (target(platform=platform(libc_family="musl")), "no-image"),
        (target(platform=platform(free_threaded=True)), "no-image"),
    ):
        with pytest.raises(UsageError) as caught:
            dockerfile_text(lock(made), made, lock_name=NAME)
        assert caught.value.code == code


def test_an_export_is_for_one_target() -> None:
    several = lock(target("3.10"), target("3.11"))
    assert target_of(several, "3.11").platform.minor == "3.11"
    assert target_of(lock(), None).platform.minor == "3.11"
    for python, code in ((None, "several-targets"), ("3.9", "no-such-target")):
        with pytest.raises(UsageError) as caught:
            target_of(several, python)
        assert caught.value.code == code
        assert caught.value.hint == "name one, as `--target-python 3.10`" if python is None else caught.value.hint
