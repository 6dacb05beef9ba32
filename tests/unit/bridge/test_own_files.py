from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest
from packaging.version import Version

from ipexenv.bridge.own_files import PAYLOAD, own_files
from ipexenv.errors import IpexenvError

VERSION = Version("2022.2.0+ipexenv.bridge.7")
ROOT = Path(__file__).parents[3]


def test_the_version_is_written_into_the_package() -> None:
    text = own_files(VERSION)["ipexenv_oneccl_bridge/__init__.py"].decode()
    values = [
        node.value.value
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and ast.unparse(node.targets[0]) == "__version__"
    ]
    assert values == ["2022.2.0+ipexenv.bridge.7"]


def test_everything_that_runs_in_the_target_is_there_and_nothing_else() -> None:
    found = own_files(VERSION)
    modules = {path.relative_to(PAYLOAD).as_posix() for folder in PAYLOAD.iterdir() for path in folder.glob("**/*.py")}
    assert {name for name in found if name.endswith(".py")} == modules
    assert {name for name in found if not name.endswith(".py")} == {
        "ipexenv_oneccl_bridge/licenses/ipexenv/LICENSE",
        "oneccl_bindings_for_pytorch/env/setvars.sh",
    }


def test_the_licence_is_the_project_s_own() -> None:
    assert own_files(VERSION)["ipexenv_oneccl_bridge/licenses/ipexenv/LICENSE"] == (ROOT / "LICENSE").read_bytes()


def test_what_an_editor_or_python_leaves_there_stays_out(tmp_path: Path) -> None:
    payload = tmp_path / "payload"
    shutil.copytree(PAYLOAD, payload, ignore=shutil.ignore_patterns("__pycache__"))
    (payload / "ipexenv_oneccl_bridge" / "engine.py~").write_text("")
    (payload / "ipexenv_oneccl_bridge" / "__pycache__").mkdir()
    (payload / "ipexenv_oneccl_bridge" / "__pycache__" / "engine.cpython-311.pyc").write_bytes(b"")
    assert own_files(VERSION, payload) == own_files(VERSION)


def test_an_incomplete_installation_is_named(tmp_path: Path) -> None:
    payload = tmp_path / "payload"
    shutil.copytree(PAYLOAD, payload)
    (payload / "oneccl_bindings_for_pytorch" / "env" / "setvars.sh").unlink()
    with pytest.raises(IpexenvError, match="incomplete") as caught:
        own_files(VERSION, payload)
    assert caught.value.causes == (f"{payload}/oneccl_bindings_for_pytorch/env/setvars.sh is missing",)


def test_a_package_without_the_place_for_the_version_is_a_bug(tmp_path: Path) -> None:
    payload = tmp_path / "payload"
    shutil.copytree(PAYLOAD, payload)
    (payload / "ipexenv_oneccl_bridge" / "__init__.py").write_text("")
    with pytest.raises(IpexenvError) as caught:
        own_files(VERSION, payload)
    assert caught.value.causes == ("ipexenv_oneccl_bridge/__init__.py has no version to replace",)
