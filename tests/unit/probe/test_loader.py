from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

from ipexenv.probe.learnt import Learnt
from ipexenv.probe.loader import LIBPYTHON, SOUGHT, glibcxx_of, look_at_libraries
from ipexenv.system.files import Tree
from ipexenv.tables.load import load_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ipexenv.probe.target import TargetReport

    Look = Callable[..., tuple[Version | None, tuple[str, ...] | None]]

MULTIARCH = "/usr/lib/x86_64-linux-gnu"


def library(path: Path, *versions: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x7fELF\0" + b"\0".join(version.encode() for version in ("GLIBCXX_3.4", *versions)) + b"\0")
    return str(path)


@pytest.fixture
def look(tmp_path: Path, report: Callable[..., TargetReport]) -> Look:
    def build(
        *, env: Mapping[str, str] | None = None, learnt: Learnt | None = None, **changes: object
    ) -> tuple[Version | None, tuple[str, ...] | None]:
        return look_at_libraries(Tree.at(tmp_path / "root"), report(**changes), env or {}, learnt or Learnt())

    return build


@pytest.mark.parametrize(
    ("data", "version"),
    [
        (b"", None),
        (b"\0GLIBCXX_3.4\0GLIBCXX_DEBUG_MESSAGE_LENGTH\0", None),
        (b"\0GLIBCXX_3.4.9\0GLIBCXX_3.4.30\0GLIBCXX_3.4.4\0", Version("3.4.30")),
        (b"\0xGLIBCXX_3.4.99\0GLIBCXX_3.4.29\0GLIBCXX_3.4.99x", Version("3.4.29")),
    ],
)
def test_newest_version_by_number(data: bytes, version: Version | None) -> None:
    assert glibcxx_of(data) == version


def test_nothing_is_found_in_an_empty_root(look: Look) -> None:
    learnt = Learnt()
    assert look(learnt=learnt) == (None, ())
    assert learnt.notes["target.glibcxx"] == "the loader finds no libstdc++.so.6"
    assert learnt.notes["target.libraries"] == "libpython: the loader finds no libpython3.11.so.1.0"


def test_other_systems_are_not_looked_at(look: Look) -> None:
    assert look(system="Darwin") == (None, None)


def test_standard_directories(look: Look, tmp_path: Path) -> None:
    root = tmp_path / "root"
    library(root / f"{MULTIARCH}/libstdc++.so.6".lstrip("/"), "GLIBCXX_3.4.30")
    library(root / "lib64/libz.so.1")
    library(root / "usr/local/lib/libpython3.11.so.1.0")
    assert look() == (Version("3.4.30"), ("libz.so.1", "libpython"))


def test_conda_comes_before_everything(look: Look, tmp_path: Path) -> None:
    conda, named = tmp_path / "conda", tmp_path / "named"
    library(tmp_path / "root/lib/libstdc++.so.6", "GLIBCXX_3.4.30")
    library(named / "libstdc++.so.6", "GLIBCXX_3.4.28")
    library(conda / "lib/libstdc++.so.6", "GLIBCXX_3.4.34")
    library(conda / "lib/libxml2.so.2")
    env = {"LD_LIBRARY_PATH": f":relative:{named}"}
    found = look(env=env, base_prefix=str(conda), base_conda=True)
    assert found == (Version("3.4.34"), ("libxml2.so.2",))
    assert look(env=env, base_prefix=str(conda)) == (Version("3.4.28"), ())
    assert look() == (Version("3.4.30"), ())


def test_a_preloaded_library_wins(look: Look, tmp_path: Path) -> None:
    path = library(tmp_path / "new/libstdc++.so.6.0.33", "GLIBCXX_3.4.33")
    library(tmp_path / "root/lib/libstdc++.so.6", "GLIBCXX_3.4.28")
    assert look(env={"LD_PRELOAD": f"/x/libjemalloc.so {path}"})[0] == Version("3.4.33")


def test_the_own_libpython_need_not_be_searched(look: Look) -> None:
    learnt = Learnt()
    own = "/home/me/.pyenv/versions/3.7.16/lib/libpython3.7m.so.1.0"
    assert look(learnt=learnt, version="3.7.16", abiflags="m", mapped=[own]) == (None, ("libpython",))
    assert learnt.notes["target.libraries"] == f"libpython: {own}"


def test_the_libraries_that_are_named_are_sought(report: Callable[..., TargetReport], tmp_path: Path) -> None:
    library(tmp_path / "lib/libnuma.so.1")
    library(tmp_path / "lib/libz.so.1")
    tree = Tree.at(tmp_path)
    names = ("libtbb.so.12", "libpython", "libnuma.so.1")
    assert look_at_libraries(tree, report(), {}, Learnt(), names=names) == (None, ("libnuma.so.1",))


def test_every_library_of_the_tables_is_sought_where_nobody_names_any() -> None:
    needed = {name for release in load_tables().ipex if not release.broken for name in release.needed_libs}
    assert needed <= {*SOUGHT, LIBPYTHON}
