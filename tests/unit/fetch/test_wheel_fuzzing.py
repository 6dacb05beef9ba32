"""Whatever is done to a wheel: it is read, or refused with OutsideError. Nothing else ever comes out."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipexenv.errors import OutsideError
from ipexenv.fetch.metadata import read_entry_points, read_metadata, read_wheel_file
from ipexenv.fetch.record import read_record
from ipexenv.fetch.unsound import UnsoundError
from ipexenv.fetch.wheel import read_wheel
from tests.unit.fetch import evil_wheels as evil
from tests.unit.fetch.test_wheel import SOUND, offer_for

WHEEL = SOUND.build()
OFFER = offer_for(evil.FILENAME)
_STRUCTURE = [place for place in range(len(WHEEL) - 1) if WHEEL[place : place + 2] == b"PK"]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Change a few bytes, mostly in headers; cut pieces out, double them, or put others in."""
    wheel = bytearray(WHEEL)
    for _ in range(draw(st.integers(1, 4))):
        near = draw(st.sampled_from(_STRUCTURE)) + draw(st.integers(0, 60))
        place = min(draw(st.one_of(st.just(near), st.integers(0, len(wheel)))), len(wheel))
        kind = draw(st.sampled_from(["set", "full", "cut", "double", "insert"]))
        length = draw(st.integers(1, 40))
        if kind == "set":
            wheel[place : place + 1] = bytes([draw(st.integers(0, 255))])
        elif kind == "full":
            wheel[place : place + 4] = b"\xff\xff\xff\xff"
        elif kind == "cut":
            del wheel[place : place + length]
        elif kind == "double":
            wheel[place:place] = wheel[place : place + length]
        else:
            wheel[place:place] = draw(st.binary(max_size=40))
    return bytes(wheel)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(mutated())
def test_a_mutated_wheel_is_read_or_refused(wheel: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / evil.FILENAME
        path.write_bytes(wheel)
        with contextlib.suppress(OutsideError):
            found = read_wheel(path, OFFER)
            assert all(".." not in file.destination.path.split("/") for file in found.files)
        assert [file.name for file in Path(folder).iterdir()] == [evil.FILENAME]


@settings(max_examples=100)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
def test_texts_inside_are_read_or_refused(raw: bytes) -> None:
    for read in (read_metadata, read_wheel_file, read_record, read_entry_points):
        with contextlib.suppress(UnsoundError):
            read(raw)


@settings(max_examples=100)
@given(st.lists(st.text(alphabet='[]=:; \n\r\tabNV"\\,%.0-é\0', max_size=20), max_size=6))
def test_texts_with_structure_are_read_or_refused(lines: list[str]) -> None:
    raw = "\n".join(["[console_scripts]", "Name: a", "Version: 1", *lines]).encode()
    for read in (read_metadata, read_wheel_file, read_record, read_entry_points):
        with contextlib.suppress(UnsoundError):
            read(raw)
