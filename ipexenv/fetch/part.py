"""A file that is not whole yet: its pieces, its hash so far, and what the next run has to know to go on.

``NAME.part`` holds the bytes, each at its place, and ``NAME.json`` which of them are there. The part is locked while a
process works on it. Nothing here is forced to the disk: after a power cut the hash of the whole tells the truth.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipexenv.errors import OutsideError
from ipexenv.fetch.part_state import PartState, forget_state, read_state
from ipexenv.fetch.trouble import Trouble, disk_error

if TYPE_CHECKING:
    from pathlib import Path

_SAVE_EVERY_BYTES = 8 << 20
_READ_BYTES = 1 << 20
_NO_LOCKS = frozenset({errno.ENOTSUP, errno.ENOSYS, errno.ENOLCK, errno.EINVAL})


class SupersededError(Exception):
    """The file began anew, or the work is over, while this piece was on its way: nobody waits for it any more."""


@dataclass(slots=True)
class Piece:
    """Consecutive bytes of a file that one request after the other brings."""

    first: int
    size_bytes: int | None
    """None while the size of the file is not known."""
    done_bytes: int = 0
    busy: bool = False

    @property
    def whole(self) -> bool:
        """Say whether nothing is missing."""
        return self.size_bytes is not None and self.done_bytes >= self.size_bytes


class Part:
    """The file under way. Made by ``open_part``; every method may be called from any thread."""

    def __init__(self, path: Path, descriptor: int) -> None:
        """Take over an open, locked file."""
        self.path = path
        self.generation = 0
        """Counts how often the file began anew."""
        self.pieces: list[Piece] = [Piece(0, None)]
        self.total_bytes: int | None = None
        self.validator: str | None = None
        self.resumed = False
        """Whether some of the bytes are from an earlier run."""
        self._descriptor = descriptor
        self._lock = threading.RLock()
        self._hash_lock = threading.Lock()
        self._sha256 = hashlib.sha256()
        self._hashed_bytes = 0
        self._unsaved_bytes = 0
        self._closed = False

    @property
    def done_bytes(self) -> int:
        """Return how much is there."""
        with self._lock:
            return sum(piece.done_bytes for piece in self.pieces)

    @property
    def whole(self) -> bool:
        """Say whether nothing is missing."""
        with self._lock:
            return all(piece.whole for piece in self.pieces)

    def plan(self, total_bytes: int | None, piece_bytes: int | None) -> None:
        """Divide the file: into pieces of ``piece_bytes`` where that is worth it, else leave it in one.

        The bytes that the first piece has already stay.
        """
        with self._lock:
            first = self.pieces[0]
            self.total_bytes = total_bytes
            if total_bytes is None or piece_bytes is None or total_bytes < 2 * piece_bytes:
                first.size_bytes = total_bytes
                return
            first.size_bytes = piece_bytes
            self.pieces[1:] = [
                Piece(start, min(piece_bytes, total_bytes - start))
                for start in range(piece_bytes, total_bytes, piece_bytes)
            ]

    def begin_anew(self) -> None:
        """Forget everything that came so far."""
        with self._lock, self._hash_lock:
            self.generation += 1
            self.pieces = [Piece(0, None)]
            self.total_bytes, self.validator, self.resumed = None, None, False
            self._sha256, self._hashed_bytes = hashlib.sha256(), 0
            if not self._closed:
                os.ftruncate(self._descriptor, 0)
                forget_state(self.path)

    def hand_over(self) -> None:
        """Keep the bytes and let go of whoever was bringing more: the next source brings the rest."""
        with self._lock:
            self.generation += 1
            self.validator = None
            self.pieces = [Piece(piece.first, piece.size_bytes, piece.done_bytes) for piece in self.pieces]

    def write(self, piece: Piece, chunk: bytes, *, generation: int) -> None:
        """Add the next bytes of ``piece``.

        Raises SupersededError where the piece is of an earlier generation, Trouble where more comes than belongs to it,
        OutsideError where the disk takes no more.
        """
        with self._lock:
            if self._closed or generation != self.generation:
                raise SupersededError
            if piece.size_bytes is not None and piece.done_bytes + len(chunk) > piece.size_bytes:
                raise Trouble("more bytes come than were announced", code="wrong-length")
            self._write_at(piece.first + piece.done_bytes, chunk)
            piece.done_bytes += len(chunk)
            self._unsaved_bytes += len(chunk)
            due = self._unsaved_bytes >= _SAVE_EVERY_BYTES
            if due:
                self._save()
        if due:
            self._catch_up(wait=False)

    def sha256(self) -> str:
        """Return the hash of the whole file."""
        self._catch_up(wait=True)
        with self._hash_lock:
            return self._sha256.hexdigest()

    def end_at(self, piece: Piece) -> None:
        """Take what came for the whole: the server never told how long the file is, and ended it in good order."""
        with self._lock:
            piece.size_bytes = self.total_bytes = piece.done_bytes

    def publish(self, target: Path) -> None:
        """Move the whole file to ``target``, on the same file system, in one step, and close it."""
        with self._lock:
            os.fchmod(self._descriptor, 0o444)  # hard links of it will lie about: nobody shall write through one
            self.path.replace(target)
            forget_state(self.path)
            self._close()

    def close(self, *, keep: bool = True) -> None:
        """Close the file, so that another run can go on with it, or without ``keep`` remove it."""
        with self._lock:
            if self._closed:
                return
            if keep and self.done_bytes:
                try:
                    self._save()
                except OutsideError:  # the disk is full: without its state the part is of no use
                    keep = False
            if not keep or not self.done_bytes:
                self.path.unlink(missing_ok=True)
                forget_state(self.path)
            self._close()

    def load(self) -> None:
        """Take up what an earlier run left, if it makes sense, else begin with nothing."""
        state = read_state(self.path)
        size_bytes = os.fstat(self._descriptor).st_size
        if state is None or not state.end_bytes <= size_bytes <= state.total_bytes:
            self.begin_anew()
            return
        self.total_bytes, self.validator, self.resumed = state.total_bytes, state.validator, any(state.done)
        self.pieces = [
            Piece(first, size_bytes, done_bytes)
            for first, size_bytes, done_bytes in zip(state.starts, state.sizes, state.done, strict=True)
        ]

    def _write_at(self, offset: int, chunk: bytes) -> None:
        view = memoryview(chunk)
        try:
            while view:
                written = os.pwrite(self._descriptor, view, offset)
                view, offset = view[written:], offset + written
        except OSError as error:
            raise disk_error(error, self.path.parent) from None

    def _catch_up(self, *, wait: bool) -> None:
        """Hash what has come without a gap; the bytes are still in memory then."""
        if not self._hash_lock.acquire(blocking=wait):
            return
        try:
            frontier = self._frontier()
            while self._hashed_bytes < frontier and not self._closed:
                count = min(_READ_BYTES, frontier - self._hashed_bytes)
                data = os.pread(self._descriptor, count, self._hashed_bytes)
                if not data:
                    return
                self._sha256.update(data)
                self._hashed_bytes += len(data)
        finally:
            self._hash_lock.release()

    def _frontier(self) -> int:
        end = 0
        for piece in tuple(self.pieces):
            end = piece.first + piece.done_bytes
            if not piece.whole:
                break
        return end

    def _save(self) -> None:
        self._unsaved_bytes = 0
        if self.total_bytes is None:
            return
        state = PartState(
            validator=self.validator,
            sizes=tuple(piece.size_bytes or 0 for piece in self.pieces),
            done=tuple(piece.done_bytes for piece in self.pieces),
        )
        try:
            state.save(self.path)
        except OSError as error:
            raise disk_error(error, self.path.parent) from None

    def _close(self) -> None:
        with self._hash_lock:
            self._closed = True
            os.close(self._descriptor)


def open_part(path: Path) -> Part | None:
    """Open and lock the part at ``path``, with what an earlier run left; None where another process works on it.

    A lock on the file itself leaves nothing behind. Where the file system knows no locks it goes without.
    Raises OutsideError where the file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise disk_error(error, path.parent) from None
    if not _locked(descriptor) or not _is_at(path, descriptor):
        os.close(descriptor)
        return None
    part = Part(path, descriptor)
    part.load()
    return part


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in _NO_LOCKS
    return True


def _is_at(path: Path, descriptor: int) -> bool:
    """Say whether the file is still the one at ``path``: its last owner may have moved it away meanwhile."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except OSError:
        return False
