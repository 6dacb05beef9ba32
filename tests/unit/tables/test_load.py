from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

from ipexenv.errors import TableError
from ipexenv.tables.load import PACKAGE, find_tables, load_releases, load_tables

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Edit = Callable[[str], str]


@pytest.fixture
def tables_dir(tmp_path: Path) -> Path:
    shutil.copytree(find_tables(PACKAGE), tmp_path / "tables")
    return tmp_path / "tables"


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_package_holds_them_where_a_wheel_puts_them(tmp_path: Path, tables_dir: Path) -> None:
    package = tmp_path / "site-packages" / "ipexenv"
    shutil.copytree(tables_dir, package / "compat")
    shutil.copytree(tables_dir, package.parent / "compat")
    (package.parent / "compat" / "ipex.toml").write_text("", encoding="utf-8")
    tables = load_tables(beside=package)
    assert tables.origin == str(package / "compat")
    assert len(tables.ipex) == len(load_tables(tables_dir).ipex)


def test_a_checkout_holds_them_beside_the_package(tmp_path: Path, tables_dir: Path) -> None:
    tables_dir.rename(tmp_path / "compat")
    assert load_tables(beside=tmp_path / "ipexenv").origin == str(tmp_path / "compat")


def test_a_folder_called_compat_that_is_someone_elses_is_passed_by(tmp_path: Path) -> None:
    (tmp_path / "compat").mkdir()
    with pytest.raises(TableError, match="missing from this installation") as caught:
        load_tables(beside=tmp_path / "ipexenv")
    assert str(tmp_path / "compat") in caught.value.causes[0]
    assert caught.value.hint is not None
    assert "--tables DIR" in caught.value.hint


def test_a_named_folder_is_taken_exactly(tables_dir: Path) -> None:
    assert load_tables(tables_dir).origin == str(tables_dir)


def test_a_named_folder_without_tables_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="cannot read the table .*ipex.toml: No such file") as caught:
        load_tables(tmp_path)
    assert caught.value.hint == (
        "a folder of tables holds ipex.toml, oneccl.toml, torch.toml, bridge.toml, transformers.toml, sources.toml"
    )


def test_releases_come_in_ascending_order_whatever_the_file_says(tables_dir: Path) -> None:
    file = tables_dir / "ipex.toml"
    head, *rows = file.read_text(encoding="utf-8").split("\n[[ipex]]\n")
    file.write_text(head + "".join(f"\n[[ipex]]\n{row}" for row in reversed(rows)), encoding="utf-8")
    versions = [release.version for release in load_tables(tables_dir).ipex]
    assert versions == sorted(versions)
    assert versions.index(Version("2.0.100")) > versions.index(Version("2.0.0"))


def test_sources_keep_the_order_of_their_file(tables_dir: Path) -> None:
    names = [source.name for source in load_tables(tables_dir).sources]
    assert names.index("intel-us") < names.index("intel-cn")


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("ipex.toml", 'torch = "2.8.*"\n', "", "ipex.toml [[ipex]] 2.8.0: torch is missing"),
        ("ipex.toml", "ipexrun = true", "ipexrn = true", "ipex.toml [[ipex]] 1.13.0: unknown key 'ipexrn'"),
        (
            "ipex.toml",
            'min_isa = "avx512"',
            'min_isa = "avx1024"',
            "ipex.toml [[ipex]] 1.8.0: min_isa is 'avx1024', expected unknown instruction-set level 'avx1024'",
        ),
        (
            "ipex.toml",
            "execstack = true",
            'execstack = "yes"',
            "ipex.toml [[ipex]] 2.1.0: execstack is 'yes', expected true or false",
        ),
        (
            "ipex.toml",
            'torch_check = "exit-127"',
            'torch_check = "exit"',
            "ipex.toml [[ipex]] 1.12.0: torch_check is 'exit', expected one of none, exit-127, attribute-error",
        ),
        (
            "ipex.toml",
            'confidence = "seen in docs"',
            'confidence = "sure"',
            "ipex.toml [[ipex]] 1.8.0: confidence is 'sure', expected one of seen in listing, seen in docs, inferred",
        ),
        ("ipex.toml", 'version = "1.8.0"', "version = 1.8", "ipex.toml [[ipex]] number 1: version is 1.8, expected"),
        ("ipex.toml", 'version = "1.9.0"', 'version = "1.8"', "ipex.toml [[ipex]] 1.8: there is another row for it"),
        (
            "ipex.toml",
            'sources = ["intel-find-links"]',
            'sources = ["intel-moon"]',
            "ipex.toml [[ipex]] 1.8.0: sources names 'intel-moon', which sources.toml does not have",
        ),
        (
            "oneccl.toml",
            'not_torch = ["1.12.1"]',
            'not_torch = ["newer"]',
            "oneccl.toml [[oneccl]] 1.12.0: not_torch is 'newer', expected a list of versions",
        ),
        (
            "oneccl.toml",
            'sources = ["intel-xpu-us"',
            'sources = ["intel-xpu-mars"',
            "oneccl.toml [[oneccl]] 2.8.0: sources names 'intel-xpu-mars'",
        ),
        ("torch.toml", 'numpy = "<2"', 'numpy = "old"', "torch.toml [[torch]] 1.8.0: numpy is 'old', expected"),
        ("torch.toml", 'version = "2.15.0"', 'version = "2.8.0"', "torch.toml [[torch]] 2.8.0: there is another row"),
        (
            "transformers.toml",
            'removed = "4.57.0"',
            'removed = "never"',
            "transformers.toml [[flag]] transformers --use_ipex: removed is 'never', expected a version",
        ),
        (
            "transformers.toml",
            'python = ">=3.6"',
            "python = 3.6",
            "transformers.toml [[framework]] transformers 4.17.0: python is 3.6, expected a string",
        ),
        (
            "sources.toml",
            'state = "serving"',
            'state = "well"',
            "sources.toml [[source]] pytorch-cpu: state is 'well', expected one of serving, partly, forbidden, gone",
        ),
        (
            "sources.toml",
            'name = "intel-cn"',
            'name = "intel-us"',
            "sources.toml [[source]] intel-us: there is another",
        ),
    ],
)
def test_a_bad_row_is_named_with_file_row_and_key(
    tables_dir: Path, file: str, old: str, new: str, message: str
) -> None:
    change(tables_dir / file, old, new)
    with pytest.raises(TableError) as caught:
        load_tables(tables_dir)
    assert message in caught.value.message
    assert caught.value.exit_code == 2
    assert caught.value.causes == (f"it was read from {tables_dir}",)


def test_a_row_without_a_source_is_refused(tables_dir: Path) -> None:
    (tables_dir / "sources.toml").write_text(
        (tables_dir / "sources.toml").read_text(encoding="utf-8")
        + '\n[[source]]\nname = "x"\nurl = "https://x.test/"\nkind = "simple"\nserves = []\nstate = "unknown"\n'
        'state_seen = "2026-01-01"\nconfidence = "inferred"\nsource = []\n',
        encoding="utf-8",
    )
    with pytest.raises(TableError, match="at least one source"):
        load_tables(tables_dir)


def test_rows_under_a_wrong_name_are_not_lost_in_silence(tables_dir: Path) -> None:
    change(tables_dir / "oneccl.toml", "\n[[oneccl]]\n", "\n[[onecl]]\n")
    with pytest.raises(TableError, match="oneccl.toml has an unknown table 'onecl'") as caught:
        load_tables(tables_dir)
    assert caught.value.hint == "its rows are [[oneccl]]"


def test_rows_that_are_not_rows_are_refused(tables_dir: Path) -> None:
    (tables_dir / "torch.toml").write_text('torch = "2.8.0"\n', encoding="utf-8")
    with pytest.raises(TableError, match=r"torch.toml: torch is not a list of \[\[torch\]\] rows"):
        load_tables(tables_dir)


@pytest.mark.parametrize("text", [b"[[ipex]\n", b"\xff\xfe", b'[[ipex]]\nversion = "2.8.0\n'])
def test_what_is_not_toml_is_named(tables_dir: Path, text: bytes) -> None:
    (tables_dir / "ipex.toml").write_bytes(text)
    with pytest.raises(TableError, match="ipex.toml is not valid TOML"):
        load_tables(tables_dir)


def test_the_releases_can_be_had_alone(tables_dir: Path) -> None:
    every = load_tables(tables_dir)
    (tables_dir / "sources.toml").unlink()
    (tables_dir / "transformers.toml").write_text("rubbish", encoding="utf-8")
    releases = load_releases(tables_dir)
    assert (releases.ipex, releases.oneccl, releases.torch) == (every.ipex, every.oneccl, every.torch)
    assert (releases.flags, releases.frameworks, releases.sources) == ((), (), ())


def test_the_libraries_that_releases_need_are_named_once(tables_dir: Path) -> None:
    needed = load_releases(tables_dir).needed_libraries
    assert {"libpython", "libxml2.so.2", "libz.so.1"} <= set(needed)
    assert len(needed) == len(set(needed))
