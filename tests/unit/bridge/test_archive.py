from __future__ import annotations

import io
import struct
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipexenv.bridge.archive import WrongFileError, take_out
from tests.unit.bridge.parts import file_of, noise, write_zip

if TYPE_CHECKING:
    from pathlib import Path

    from ipexenv.tables.bridge import BridgeFile

TEXT = b"the library, or what stands for it here " * 50
FILE = file_of("data/lib/a.so", "lib/a.so", TEXT)
CONTENTS = {"before": noise(1, 300), FILE.path: TEXT, "after": noise(2, 300)}


def wheel_bytes(contents: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return file.getvalue()


def refusal(content: bytes, file: BridgeFile = FILE) -> str:
    with pytest.raises(WrongFileError) as caught:
        take_out(io.BytesIO(content), [file])
    return str(caught.value)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_the_file_comes_out_under_its_place(method: int) -> None:
    assert take_out(io.BytesIO(wheel_bytes(CONTENTS, method)), [FILE]) == {"lib/a.so": TEXT}


def test_a_wheel_of_many_gigabytes_has_longer_records(tmp_path: Path) -> None:
    path = tmp_path / "large.whl"
    with zipfile.ZipFile(path, "w") as archive, archive.open(FILE.path, "w", force_zip64=True) as member:
        member.write(TEXT)
    with path.open("rb") as file:
        assert take_out(file, [FILE]) == {"lib/a.so": TEXT}


def test_it_is_told_where_the_files_lie_before_they_are_read() -> None:
    told: list[list[tuple[int, int]]] = []
    content = wheel_bytes(CONTENTS)
    take_out(io.BytesIO(content), [FILE], announce=told.append)
    (((start, end),),) = told
    assert content[start : start + 4] == b"PK\x03\x04"
    assert content[:end].count(FILE.path.encode()) >= 1
    assert end - start < 2000


def test_a_file_that_is_not_there_is_named() -> None:
    assert refusal(wheel_bytes({"other": b""})) == "it does not hold data/lib/a.so"


def test_another_size_is_told_before_anything_is_unpacked() -> None:
    bomb = wheel_bytes({FILE.path: b"\0" * 50_000_000})
    assert refusal(bomb) == f"data/lib/a.so has 50000000 bytes in it, and {len(TEXT)} are recorded"


def test_another_content_of_the_same_size_is_told_by_its_hash() -> None:
    words = refusal(wheel_bytes({FILE.path: TEXT.upper()}))
    assert words.startswith("data/lib/a.so has the SHA-256 ")
    assert words.endswith(f", and {FILE.sha256} is recorded")


def directory_lies(content: bytes, *, size_bytes: int) -> bytes:
    """Let the directory claim another unpacked size for the file, and the same for the other copy in the header."""
    entry = content.index(b"PK\x01\x02", content.index(FILE.path.encode()))
    while content[entry + 46 : entry + 46 + len(FILE.path)] != FILE.path.encode():
        entry = content.index(b"PK\x01\x02", entry + 4)
    return content[: entry + 24] + struct.pack("<I", size_bytes) + content[entry + 28 :]


def test_a_bomb_with_a_modest_size_in_the_directory_unpacks_no_further() -> None:
    content = directory_lies(wheel_bytes({FILE.path: b"\0" * 50_000_000}), size_bytes=len(TEXT))
    assert "damaged" in refusal(content) or "SHA-256" in refusal(content)


def test_a_file_that_unpacks_to_less_than_the_directory_says() -> None:
    content = directory_lies(wheel_bytes({FILE.path: TEXT[:10]}), size_bytes=len(TEXT))
    assert refusal(content) == f"data/lib/a.so unpacks to 10 bytes, and {len(TEXT)} are recorded"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_no_wheel_packs_with_is_not_unpacked(method: int) -> None:
    assert refusal(wheel_bytes({FILE.path: TEXT}, method)) == "data/lib/a.so is packed as no wheel packs it"


def test_an_encrypted_file_is_not_asked_for_its_password() -> None:
    content = bytearray(wheel_bytes({FILE.path: TEXT}))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    assert refusal(bytes(content)) == "data/lib/a.so is packed as no wheel packs it"


@pytest.mark.parametrize("content", [b"", b"no zip archive", b"PK\x05\x06" + b"\xff" * 18, b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_archive(content: bytes) -> None:
    assert refusal(content)


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9, 0.999])
def test_an_archive_that_breaks_off(keep: float) -> None:
    content = wheel_bytes(CONTENTS)
    assert refusal(content[: int(len(content) * keep)])


def test_names_that_lead_elsewhere_are_just_names(tmp_path: Path) -> None:
    evil = replace(FILE, path="../../evil")
    with write_zip(tmp_path / "evil.whl", {"../../evil": TEXT, "/etc/evil": b""}).open("rb") as file:
        assert take_out(file, [evil]) == {"lib/a.so": TEXT}
    assert [path.name for path in tmp_path.rglob("*")] == ["evil.whl"]


def right_or_refused(content: bytes) -> bool:
    """Say whether the file came out as it is or was refused with words; any other error is the test's failure."""
    try:
        return take_out(io.BytesIO(content), [FILE]) == {"lib/a.so": TEXT}
    except WrongFileError as error:
        return bool(str(error))


WHOLE = wheel_bytes(CONTENTS)


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_whatever_is_damaged_the_file_is_right_or_refused(changes: list[tuple[int, int]]) -> None:
    content = bytearray(WHOLE)
    for place, byte in changes:
        content[place] = byte
    assert right_or_refused(bytes(content))


DIRECTORY = WHOLE.index(b"PK\x01\x02")


@given(st.binary(min_size=1, max_size=60), st.integers(DIRECTORY, len(WHOLE)))
def test_whatever_the_directory_says_the_file_is_right_or_refused(lies: bytes, place: int) -> None:
    content = WHOLE[:place] + lies + WHOLE[place + len(lies) :]
    assert right_or_refused(content)
