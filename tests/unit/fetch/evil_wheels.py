"""Wheels with one thing wrong in each, made by hand: no packaging tool would write them."""

from __future__ import annotations

import base64
import hashlib
import io
import struct
import zipfile
from dataclasses import dataclass, field, replace

INFO = "demo-1.0.dist-info"
FILENAME = "demo-1.0-py3-none-any.whl"
WHEEL = "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
METADATA = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Dist: numpy<2\nRequires-Python: >=3.8\n"
CODE = b"answer = 42\n" * 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One member."""

    name: str
    data: bytes = b"x = 1\n"
    recorded: bool = True
    mode: int = 0o100644
    method: int = zipfile.ZIP_DEFLATED


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """What goes into a wheel; RECORD is written to match unless ``record`` says otherwise."""

    entries: tuple[Entry, ...] = (
        Entry(name="demo/__init__.py", data=CODE),
        Entry(name="demo/run.sh", mode=0o100755),
        Entry(name="demo-1.0.data/scripts/demo-tool"),
        Entry(
            name=f"{INFO}/entry_points.txt",
            data=b"[console_scripts]\ndemo = demo:main\n[torch.backends]\nccl = demo:load\n",
        ),
    )
    metadata: str = METADATA
    wheel: str = WHEEL
    info: str = INFO
    record: str | None = None
    record_extra: str = ""
    stamps: dict[str, str] = field(default_factory=dict)
    """Path -> what RECORD says of it instead of the truth."""

    def adding(self, *entries: Entry) -> Recipe:
        """Return the recipe with more members."""
        return replace(self, entries=(*self.entries, *entries))

    def build(self) -> bytes:
        """Return the wheel."""
        entries = (
            *self.entries,
            Entry(name=f"{self.info}/METADATA", data=self.metadata.encode()),
            Entry(name=f"{self.info}/WHEEL", data=self.wheel.encode()),
        )
        record = self.record
        if record is None:
            lines = [self.stamps.get(e.name) or _line(e) for e in entries if e.recorded and not e.name.endswith("/")]
            record = "\n".join([*lines, f"{self.info}/RECORD,,", self.record_extra])
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for entry in (*entries, Entry(name=f"{self.info}/RECORD", data=record.encode())):
                info = zipfile.ZipInfo("x", date_time=(2020, 1, 1, 0, 0, 0))
                info.filename = info.orig_filename = entry.name
                info.external_attr = entry.mode << 16
                info.compress_type = entry.method
                archive.writestr(info, entry.data)
        return buffer.getvalue()


def _line(entry: Entry) -> str:
    name = f'"{entry.name}"' if "," in entry.name else entry.name
    return f"{name},{hashed(entry.data)},{len(entry.data)}"


def hashed(data: bytes) -> str:
    """Return a hash as RECORD has it."""
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


def directory_field(wheel: bytes, name: str, offset: int, layout: str, value: int) -> bytes:
    """Return the wheel with one field of a member's entry in the central directory changed."""
    place = wheel.rindex(name.encode()) - 46
    while wheel[place : place + 4] != b"PK\1\2":
        place = wheel.rindex(name.encode(), 0, place + 46) - 46
    return wheel[: place + offset] + struct.pack(layout, value) + wheel[place + offset + struct.calcsize(layout) :]


def local_field(wheel: bytes, name: str, offset: int, layout: str, value: int) -> bytes:
    """Return the wheel with one field of a member's own header changed."""
    place = wheel.index(name.encode()) - 30
    assert wheel[place : place + 4] == b"PK\3\4"
    return wheel[: place + offset] + struct.pack(layout, value) + wheel[place + offset + struct.calcsize(layout) :]


def end_field(wheel: bytes, offset: int, layout: str, value: int) -> bytes:
    """Return the wheel with one field of its end record changed."""
    place = len(wheel) - 22 + offset
    return wheel[:place] + struct.pack(layout, value) + wheel[place + struct.calcsize(layout) :]


def bomb(times: int = 40) -> bytes:
    """Return a wheel whose one member unpacks to ``times`` MiB of nothing."""
    return Recipe().adding(Entry(name="demo/zeros.bin", data=bytes(times << 20))).build()


def overlapping() -> bytes:
    """Return a wheel whose directory names one member's bytes twice, as the better ZIP bombs do."""
    buffer = io.BytesIO(Recipe().build())
    with zipfile.ZipFile(buffer, "a") as archive:
        first = archive.getinfo("demo/run.sh")
        twin = zipfile.ZipInfo("demo/twin.sh", date_time=(2020, 1, 1, 0, 0, 0))
        for name in ("compress_type", "CRC", "compress_size", "file_size", "header_offset", "external_attr"):
            setattr(twin, name, getattr(first, name))
        archive.filelist.append(twin)
        archive.NameToInfo[twin.filename] = twin
        archive._didModify = True  # type: ignore[attr-defined]  # makes zipfile write the directory anew
    return buffer.getvalue()
