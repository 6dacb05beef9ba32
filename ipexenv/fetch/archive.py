"""The members of a ZIP archive, where every reader of it must see the same ones.

Python's zipfile, uv's reader and others disagree about archives that contradict themselves. Such an archive is refused:
one end record at the very end, one directory before it, the members one after the other from the first byte on, and
each described twice in the same words. (Format: PKWARE APPNOTE 6.3.)
"""

from __future__ import annotations

import stat
import struct
import zipfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from ipexenv.fetch.unsound import UnsoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

_END = struct.Struct("<4s4H2LH")
_LOCAL = struct.Struct("<4s5H3L2H")
_END_MARK, _LOCAL_MARK, _DESCRIPTOR_MARK = b"PK\5\6", b"PK\3\4", b"PK\7\10"
_ZIP64_EXTRA, _UNICODE_PATH_EXTRA = 0x0001, 0x7075
_FULL_32, _FULL_16 = 0xFFFFFFFF, 0xFFFF
_ENCRYPTED = 0x0001 | 0x0040 | 0x2000
_HAS_DESCRIPTOR, _UTF8 = 0x0008, 0x0800
_DESCRIPTOR_SIZES = (12, 16, 20, 24)
_METHODS = {zipfile.ZIP_STORED: "stored", zipfile.ZIP_DEFLATED: "deflated"}
_MOST_MEMBERS = 200_000
_LEAST_BOMB_BYTES = 64 << 20
_MOST_RATIO = 100
_DAMAGED = (zipfile.BadZipFile, NotImplementedError, struct.error, ValueError, OverflowError, EOFError, MemoryError)


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """One file of an archive, or a folder, whose name then ends with a slash."""

    name: str
    size_bytes: int
    packed_bytes: int
    crc: int
    deflated: bool
    data_start: int
    """Where its packed bytes begin in the archive."""
    executable: bool

    @property
    def is_folder(self) -> bool:
        """Say whether it is a folder."""
        return self.name.endswith("/")


def read_members(file: IO[bytes], *, max_bytes: int) -> tuple[Member, ...]:
    """Return the members in the order of the directory; ``max_bytes`` limits what they unpack to in all.

    Raises UnsoundError for an archive that is damaged, encrypted, ambiguous or a bomb, and OSError.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            infos, directory_start, comment = archive.infolist(), archive.start_dir, archive.comment
    except _DAMAGED as error:
        raise UnsoundError(f"it is not a ZIP archive that can be read: {error}") from None
    if comment:
        raise UnsoundError("the archive has a comment, in which another archive may hide")
    if len(infos) > _MOST_MEMBERS:
        raise UnsoundError(f"it has {len(infos)} members", code="too-large")
    _check_end(file, count=len(infos), directory_start=directory_start)
    _refuse_bomb(infos, file.seek(0, 2), max_bytes=max_bytes)
    for info in infos:
        _check_kind(info)
    return tuple(_members(file, infos, directory_start))


def _check_end(file: IO[bytes], *, count: int, directory_start: int) -> None:
    """See that the end record is the last thing in the file and tells what the directory holds."""
    size_bytes = file.seek(0, 2)
    file.seek(max(0, size_bytes - _END.size))
    end = file.read(_END.size)
    if len(end) < _END.size or not end.startswith(_END_MARK):
        raise UnsoundError("something follows the end of the archive")
    _mark, disk, directory_disk, here, total, directory_bytes, offset, _comment = _END.unpack(end)
    if disk or directory_disk or here != total or total not in {count, _FULL_16}:
        raise UnsoundError(f"its end record counts {total} members, and the directory holds {count}")
    if offset not in {directory_start, _FULL_32}:
        raise UnsoundError("something precedes the archive, or its end record lies about where the directory is")
    if _FULL_32 not in {offset, directory_bytes} and total != _FULL_16:
        if directory_start + directory_bytes + _END.size != size_bytes:
            raise UnsoundError("its end record lies about how long the directory is")
    elif not _has_zip64_end(file, size_bytes, directory_start, count):
        raise UnsoundError("its ZIP64 end record lies")


def _has_zip64_end(file: IO[bytes], size_bytes: int, directory_start: int, count: int) -> bool:
    locator_start = size_bytes - _END.size - 20
    file.seek(max(0, locator_start))
    mark, _disk, record_start, disks = struct.unpack("<4sLQL", file.read(20))
    if mark != b"PK\6\7" or disks != 1 or record_start != locator_start - 56:
        return False
    file.seek(record_start)
    record = struct.unpack("<4sQ2H2L4Q", file.read(56))
    return record[0] == b"PK\6\6" and record[6:] == (count, count, record_start - directory_start, directory_start)


def _refuse_bomb(infos: list[zipfile.ZipInfo], archive_bytes: int, *, max_bytes: int) -> None:
    unpacked = sum(info.file_size for info in infos)
    if unpacked > max_bytes:
        raise UnsoundError(f"it unpacks to {unpacked} bytes, and {max_bytes} are the limit", code="too-large")
    if unpacked > max(_LEAST_BOMB_BYTES, _MOST_RATIO * archive_bytes):
        text = f"it unpacks to {unpacked // archive_bytes} times its size, as a ZIP bomb does"
        raise UnsoundError(text, code="too-large")


def _check_kind(info: zipfile.ZipInfo) -> None:
    name, mode = info.orig_filename, info.external_attr >> 16
    if info.flag_bits & _ENCRYPTED:
        raise UnsoundError(f"{name} is encrypted")
    if info.compress_type not in _METHODS:
        raise UnsoundError(f"{name} is packed by method {info.compress_type}, which wheels do not use")
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        kind = "a symbolic link" if stat.S_ISLNK(mode) else "a special file"
        raise UnsoundError(f"{name} is {kind}")
    if not (name.isascii() or info.flag_bits & _UTF8):
        raise UnsoundError(f"{name!r} is not in UTF-8")
    if name.endswith("/") and info.file_size:
        raise UnsoundError(f"{name} is a folder with contents of its own")
    if info.compress_type == zipfile.ZIP_STORED and info.file_size != info.compress_size:
        raise UnsoundError(f"{name} is stored as it is, and its two sizes differ")


def _members(file: IO[bytes], infos: list[zipfile.ZipInfo], directory_start: int) -> Iterator[Member]:
    """Yield the members, having seen that they follow each other without overlap, gap or hidden member."""
    expected = 0
    slack: tuple[int, ...] = (0,)
    starts: dict[int, int] = {}
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset - expected not in slack:
            raise UnsoundError(f"{info.orig_filename} overlaps another member, or something is hidden before it")
        starts[info.header_offset] = _data_start(file, info)
        expected = starts[info.header_offset] + info.compress_size
        slack = _DESCRIPTOR_SIZES if info.flag_bits & _HAS_DESCRIPTOR else (0,)
    if directory_start - expected not in slack:
        raise UnsoundError("something is hidden before the directory, or the last member overlaps it")
    for info in infos:
        yield Member(
            name=info.orig_filename,
            size_bytes=info.file_size,
            packed_bytes=info.compress_size,
            crc=info.CRC,
            deflated=info.compress_type == zipfile.ZIP_DEFLATED,
            data_start=starts[info.header_offset],
            executable=bool(info.external_attr >> 16 & 0o111),
        )


def _data_start(file: IO[bytes], info: zipfile.ZipInfo) -> int:
    """Return where the data of a member begins; its local header must tell what the directory tells."""
    file.seek(info.header_offset)
    raw = file.read(_LOCAL.size)
    if len(raw) < _LOCAL.size or not raw.startswith(_LOCAL_MARK):
        raise UnsoundError(f"{info.orig_filename} is not where the directory says")
    _mark, _version, flags, method, _time, _date, crc, packed, size, name_bytes, extra_bytes = _LOCAL.unpack(raw)
    name, extra = file.read(name_bytes), file.read(extra_bytes)
    if name != info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8 else "ascii"):
        raise UnsoundError(f"{info.orig_filename} has another name in its own header")
    packed, size = _from_zip64(extra, packed, size)
    wanted = (info.flag_bits, info.compress_type, info.CRC, info.compress_size, info.file_size)
    told = (flags, method, crc, packed, size)
    later = bool(flags & _HAS_DESCRIPTOR) and told[2:] in {(0, 0, 0), (0, _FULL_32, _FULL_32)}
    if told[:2] != wanted[:2] or not (later or told == wanted):
        raise UnsoundError(f"{info.orig_filename} has other sizes, flags or checksum in its own header")
    if _UNICODE_PATH_EXTRA in {*_extras(extra), *_extras(info.extra)}:
        raise UnsoundError(f"{info.orig_filename} has a second name in an extra field")
    return int(info.header_offset + _LOCAL.size + name_bytes + extra_bytes)


def _from_zip64(extra: bytes, packed: int, size: int) -> tuple[int, int]:
    """Return the true packed and unpacked sizes where a local header keeps them in a ZIP64 field."""
    field = _extras(extra).get(_ZIP64_EXTRA)
    if field is None or _FULL_32 not in {packed, size}:
        return packed, size
    if len(field) < 16:  # noqa: PLR2004 (a local header has to hold both, of 8 bytes each)
        raise UnsoundError("a ZIP64 field is too short")
    long_size, long_packed = struct.unpack_from("<2Q", field)
    return (long_packed if packed == _FULL_32 else packed), (long_size if size == _FULL_32 else size)


def _extras(extra: bytes) -> dict[int, bytes]:
    fields: dict[int, bytes] = {}
    place = 0
    while place + 4 <= len(extra):
        kind, count = struct.unpack_from("<2H", extra, place)
        if kind in fields or place + 4 + count > len(extra):
            raise UnsoundError("an extra field is damaged")
        fields[kind] = extra[place + 4 : place + 4 + count]
        place += 4 + count
    return fields
