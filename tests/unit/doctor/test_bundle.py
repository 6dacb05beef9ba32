"""The bundle: whole or not at all, never over another file, for its owner alone."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import pytest

from ipexenv.doctor.bundle import refuse_existing, write_bundle
from ipexenv.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_bundle_holds_report_data_and_the_last_failure(tmp_path: Path) -> None:
    path = tmp_path / "report.zip"
    write_bundle(path, "# report\n", {"findings": []}, "it failed\n")
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name).decode() for name in archive.namelist()} == {
            "report.md": "# report\n",
            "report.json": json.dumps({"findings": []}, indent=2),
            "last-failure.log": "it failed\n",
        }
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "report.zip"
    path.write_text("mine")
    with pytest.raises(UsageError, match="nothing is written over it"):
        refuse_existing(path)
    with pytest.raises(UsageError, match="nothing is written over it"):
        write_bundle(path, "", {})
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_that_leads_nowhere_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "report.zip"
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError):
        write_bundle(path, "", {})
    assert not (tmp_path / "elsewhere").exists()


def test_where_it_cannot_be_written_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match="cannot write"):
        write_bundle(tmp_path / "none" / "report.zip", "", {})
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_packed_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write_bundle(tmp_path / "report.zip", "", {"odd": object()})
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_links_does_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    path = tmp_path / "report.zip"
    write_bundle(path, "", {})
    assert zipfile.is_zipfile(path)
    with pytest.raises(UsageError):
        write_bundle(path, "", {})
    assert list(tmp_path.iterdir()) == [path]


def test_names_that_are_no_text_stay_readable(tmp_path: Path) -> None:
    write_bundle(tmp_path / "report.zip", "/x\udcff.so", {"path": "/x\udcff.so"})
    with zipfile.ZipFile(tmp_path / "report.zip") as archive:
        assert archive.read("report.md") == b"/x\\udcff.so"
        assert json.loads(archive.read("report.json")) == {"path": "/x\udcff.so"}
