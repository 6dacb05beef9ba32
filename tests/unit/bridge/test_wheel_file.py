from __future__ import annotations

import base64
import csv
import hashlib
import zipfile
from typing import TYPE_CHECKING

from ipexenv.bridge.wheel_file import write_wheel

if TYPE_CHECKING:
    from pathlib import Path

INFO = "name-1.dist-info"
CONTENTS = {f"{INFO}/METADATA": b"Name: name\n", "b/lib.so": bytes(range(256)), "a.py": b""}


def test_same_contents_same_bytes(tmp_path: Path) -> None:
    write_wheel(tmp_path / "one.whl", CONTENTS, info=INFO)
    write_wheel(tmp_path / "two.whl", dict(reversed(CONTENTS.items())), info=INFO)
    content = (tmp_path / "one.whl").read_bytes()
    assert content == (tmp_path / "two.whl").read_bytes()
    # The same on every machine and Python: a change of the format shows here, and changes every recorded hash.
    assert hashlib.sha256(content).hexdigest() == "318948533ab7157617e54af9cb26699717a5025799c50158350a4c61a5a9e2ac"


def test_the_record_names_every_file_with_its_hash(tmp_path: Path) -> None:
    write_wheel(tmp_path / "one.whl", CONTENTS, info=INFO)
    with zipfile.ZipFile(tmp_path / "one.whl") as archive:
        rows = list(csv.reader(archive.read(f"{INFO}/RECORD").decode().splitlines()))
        assert sorted(row[0] for row in rows) == sorted(archive.namelist())
        assert rows[-1] == [f"{INFO}/RECORD", "", ""]
        for name, digest, size_bytes in rows[:-1]:
            content = archive.read(name)
            raw = base64.urlsafe_b64decode(digest.removeprefix("sha256=") + "=")
            assert (raw, int(size_bytes)) == (hashlib.sha256(content).digest(), len(content))


def test_metadata_comes_last_and_all_can_be_read_by_everybody(tmp_path: Path) -> None:
    write_wheel(tmp_path / "one.whl", CONTENTS, info=INFO)
    with zipfile.ZipFile(tmp_path / "one.whl") as archive:
        assert archive.namelist() == ["a.py", "b/lib.so", f"{INFO}/METADATA", f"{INFO}/RECORD"]
        assert {item.external_attr >> 16 for item in archive.infolist()} == {0o100644}
        assert archive.testzip() is None
