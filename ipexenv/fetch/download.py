"""Bring one file from one source: in pieces where that pays, resumed, retried, never mixed from two versions."""

from __future__ import annotations

import random
import threading
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING

from ipexenv.events import Event
from ipexenv.fetch.part import SupersededError
from ipexenv.fetch.trouble import Trouble, from_status

if TYPE_CHECKING:
    from collections.abc import Callable

    from ipexenv.events import Listener
    from ipexenv.fetch.part import Part, Piece
    from ipexenv.fetch.reach import Reach
    from ipexenv.ruling import Offer
    from ipexenv.system.transfer import Head

_OK = 200
_PARTIAL = 206
_NOT_SATISFIABLE = 416
_PROGRESS_BYTES = 1 << 20
"""An attempt that brought this much was no failure: a line that breaks every minute still ends the download."""
_WEB_PAGES = frozenset({"text/html", "application/xhtml+xml"})


class Download:
    """One file on its way. ``take`` hands out its work piece by piece, to as many threads as like to help.

    Without a known hash nothing proves afterwards that pieces belong together: such a file comes in one stream, and is
    resumed only where the server vouches for it (``If-Range``).
    """

    def __init__(
        self, offer: Offer, part: Part, reach: Reach, *, pause: Callable[[float], None], tell: Listener
    ) -> None:
        """Prepare to fill ``part``. ``pause`` waits for so many seconds, and raises where the work is over."""
        self._offer = offer
        self._part = part
        self._reach = reach
        self._pause = pause
        self._tell = tell
        self._lock = threading.Lock()
        self._opened = -1
        """The generation that a first answer confirmed, so that the other pieces may be asked for."""
        self._restarts = 0
        self._proven = offer.sha256 is not None
        """Whether the hash of the whole will tell if the pieces belong together."""
        self._in_one = not self._proven
        """Whether to ask for the whole in one stream."""

    def take(self) -> Callable[[], None] | None:
        """Return the next piece of work, None where there is none just now.

        It raises Trouble where this source cannot give the file.
        """
        with self._lock:
            part = self._part
            if self._opened != part.generation and any(piece.busy for piece in part.pieces):
                return None
            for piece in part.pieces:
                if not piece.busy and not piece.whole:
                    piece.busy = True
                    return partial(self._bring, piece, part.generation)
        return None

    def _bring(self, piece: Piece, generation: int) -> None:
        failures = 0
        try:
            while not piece.whole and generation == self._part.generation:
                before = piece.done_bytes
                try:
                    self._stream(piece, generation)
                except Trouble as trouble:
                    failures = 1 if piece.done_bytes - before >= _PROGRESS_BYTES else failures + 1
                    self._wait(trouble, failures)
        except SupersededError:
            pass
        # After Trouble it stays busy: until it is decided how to go on, nobody else shall ask this source for it again.
        piece.busy = False

    def _wait(self, trouble: Trouble, failures: int) -> None:
        """Wait before the next attempt, or raise the trouble where there shall be none."""
        limits = self._reach.limits
        if not trouble.again or failures >= limits.attempts:
            raise trouble
        delay_s = limits.first_delay_s * 2 ** (failures - 1) * random.uniform(0.8, 1.2)  # noqa: S311 (spreads load, hides nothing)
        delay_s = min(delay_s, limits.longest_delay_s) if trouble.wait_s is None else trouble.wait_s
        if delay_s > limits.longest_delay_s:
            raise Trouble(f"{trouble.words}, and it asks to wait {delay_s:.0f} s", code=trouble.code)
        text = f"{self._offer.filename}: {trouble.words}; trying again in {delay_s:.1f} s"
        self._tell(Event(kind="detail", text=text))
        self._pause(delay_s)

    def _stream(self, piece: Piece, generation: int) -> None:
        """Ask once for what ``piece`` lacks and take what comes."""
        if piece.size_bytes is None and piece.done_bytes:
            self._begin_anew("nobody knows how much is missing")
        wanted = self._range(piece)
        with self._reach.opened(self._offer.url, wanted=wanted, validator=self._vouched()) as answer:
            head = answer.head
            with self._lock:
                if generation != self._part.generation:
                    raise SupersededError
                self._accept(head, piece, wanted)
            came_bytes = 0
            for chunk in answer.chunks():
                came_bytes += len(chunk)
                self._refuse_too_large(piece.first + piece.done_bytes + len(chunk))
                self._part.write(piece, chunk, generation=generation)
        if piece.size_bytes is None:
            self._part.end_at(piece)
        elif came_bytes < _announced_bytes(head):
            raise Trouble(f"cut off after {came_bytes} bytes", code="cut-off", again=True)

    def _range(self, piece: Piece) -> tuple[int, int | None] | None:
        """Return which bytes to ask for, None for the whole file."""
        first = piece.first + piece.done_bytes
        if piece.size_bytes is not None:
            whole = first == 0 and piece.size_bytes == self._part.total_bytes
            return None if whole else (first, piece.first + piece.size_bytes - 1)
        expected, piece_bytes = self._offer.size_bytes, self._reach.limits.piece_bytes
        if self._in_one or (expected is not None and expected < 2 * piece_bytes):
            return None
        return (0, piece_bytes - 1)

    def _vouched(self) -> str | None:
        """Return the validator that the answer must agree with for the bytes at hand to be of use."""
        confirmed = self._opened == self._part.generation and self._proven
        return None if confirmed else self._part.validator

    def _accept(self, head: Head, piece: Piece, wanted: tuple[int, int | None] | None) -> None:
        """Agree to an answer before its body is read, and plan the rest by it. Raises Trouble, SupersededError."""
        if head.status == _NOT_SATISFIABLE and wanted is not None:
            self._begin_anew("the server has fewer bytes than before")
        if head.status not in {_OK, _PARTIAL}:
            raise from_status(head, now=datetime.now(timezone.utc))
        if head.content_type in _WEB_PAGES:
            raise Trouble(f"answers with a web page ({head.content_type}), not with the file", code="not-a-file")
        if head.encoded:
            raise Trouble("answers with a compressed body that was not asked for", code="not-a-file")
        if head.status == _OK:
            self._accept_whole(head, piece)
        else:
            self._accept_range(head, piece, wanted)
        self._opened = self._part.generation

    def _accept_whole(self, head: Head, piece: Piece) -> None:
        if piece.first + piece.done_bytes or len(self._part.pieces) > 1:
            # Either the file is another one than in the run before, or the server cannot begin in the middle.
            self._in_one = self._in_one or not self._part.resumed
            self._begin_anew("the server sends the file from its beginning")
        self._refuse_length(head.length_bytes)
        self._part.plan(head.length_bytes, None)
        self._part.validator = head.validator

    def _accept_range(self, head: Head, piece: Piece, wanted: tuple[int, int | None] | None) -> None:
        span, part = head.span, self._part
        if wanted is None or span is None or span.whole_bytes is None:
            raise Trouble("answers with another part of the file than was asked for", code="bad-range")
        self._refuse_length(span.whole_bytes)
        last = span.whole_bytes - 1 if wanted[1] is None else min(wanted[1], span.whole_bytes - 1)
        if (span.first, span.last) != (wanted[0], last):
            raise Trouble("answers with another part of the file than was asked for", code="bad-range")
        if head.length_bytes not in {None, span.last - span.first + 1}:
            raise Trouble("its answer contradicts itself about the length", code="wrong-length")
        vouched = self._vouched()
        changed = part.total_bytes not in {None, span.whole_bytes} or (vouched not in {None, head.validator})
        if changed or (not self._proven and piece.done_bytes and vouched is None):
            self._begin_anew("the file is another one than before")
        if part.total_bytes is None:
            part.plan(span.whole_bytes, self._reach.limits.piece_bytes)
        part.validator = head.validator

    def _begin_anew(self, why: str) -> None:
        """Forget what came so far, or give the source up where that happens again and again."""
        self._restarts += 1
        if self._restarts > self._reach.limits.restarts:
            raise Trouble(f"{why}, again and again", code="changed")
        self._tell(Event(kind="detail", text=f"{self._offer.filename}: {why}; starting over"))
        self._part.begin_anew()
        raise SupersededError

    def _refuse_length(self, length_bytes: int | None) -> None:
        expected = self._offer.size_bytes
        if length_bytes is None:
            return
        if expected is not None and expected != length_bytes:
            raise Trouble(f"has {length_bytes} bytes, and its page says {expected}", code="wrong-length")
        self._refuse_too_large(length_bytes)

    def _refuse_too_large(self, size_bytes: int) -> None:
        most = self._offer.size_bytes or self._reach.limits.max_bytes
        if size_bytes > min(most, self._reach.limits.max_bytes):
            raise Trouble(f"it is larger than {most} bytes", code="too-large")


def _announced_bytes(head: Head) -> int:
    """Return how many bytes the body has to have, 0 where that was not told."""
    if head.status == _PARTIAL and head.span is not None:
        return head.span.last - head.span.first + 1
    return head.length_bytes or 0
