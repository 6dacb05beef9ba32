"""One file from where it may be had to where it is wanted: cache, folder, or one source after the other."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ipexenv.errors import OutsideError
from ipexenv.events import Event
from ipexenv.fetch.download import Download
from ipexenv.fetch.part import Part, open_part
from ipexenv.fetch.staging import clone_or_copy, link_or_copy, sha256_of
from ipexenv.fetch.trouble import Trouble, disk_error
from ipexenv.install.addresses import is_local, local_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from ipexenv.events import Listener
    from ipexenv.fetch.cache import Cache
    from ipexenv.fetch.reach import Reach
    from ipexenv.ruling import Offer

State = Literal["new", "beginning", "running", "finishing", "done"]

_LOOK_AGAIN_S = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """One file that lies in the staging folder, with the bytes that were asked for."""

    offer: Offer
    """The offer that it came from in the end, which may be another source's than was chosen."""
    path: Path
    sha256: str
    size_bytes: int
    from_cache: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """What all files of one call share."""

    into: Path
    cache: Cache | None
    reach: Reach
    require_known: bool
    pause: Callable[[float], None]
    tell: Listener
    arrived: Callable[[Fetched], None]
    """Is told of every file that is whole and has the right bytes."""

    def part_path(self, offer: Offer) -> Path:
        """Return where the file lies while it is not whole: named by its hash, else by its address."""
        folder = self.into / ".partial" if self.cache is None else self.cache.partial
        name = offer.sha256 or "url-" + hashlib.sha256(offer.url.encode()).hexdigest()
        return folder / f"{name}.part"


class Job:
    """One file. ``take`` hands out what can be done for it just now; threads call it under a lock of their own."""

    def __init__(self, offers: tuple[Offer, ...], desk: Desk) -> None:
        """Prepare to get the file that all ``offers`` are, from the first that gives it."""
        self.fetched: Fetched | None = None
        self._offers = offers
        self._place = 0
        self._desk = desk
        self._lock = threading.Lock()
        self._state: State = "new"
        self._not_before = 0.0
        self._waits = False
        self._part: Part | None = None
        self._download: Download | None = None
        self._complaints: list[str] = []

    @property
    def offer(self) -> Offer:
        """Return the offer that is being tried."""
        return self._offers[self._place]

    @property
    def total_bytes(self) -> int:
        """Return the size of the file as far as it is known."""
        if self.fetched is not None:
            return self.fetched.size_bytes
        return self.offer.size_bytes or (self._part and self._part.total_bytes) or self.done_bytes

    @property
    def done_bytes(self) -> int:
        """Return how much of it is here."""
        if self.fetched is not None:
            return self.fetched.size_bytes
        return 0 if self._part is None else self._part.done_bytes

    def take(self) -> Callable[[], None] | None:
        """Return the next thing to do, None where there is none just now. What it raises ends the whole call."""
        with self._lock:
            if self._state == "new" and time.monotonic() >= self._not_before:
                self._state = "beginning"
                return self._guarded(self._begin)
            if self._state != "running" or self._part is None or self._download is None:
                return None
            if self._part.whole:
                self._state = "finishing"
                return self._guarded(self._finish)
            work = self._download.take()
            return None if work is None else self._guarded(work)

    def close(self) -> None:
        """Let go of what is not finished; what has come so far is kept for the next run."""
        if self._part is not None:
            self._part.close()

    def _guarded(self, work: Callable[[], None]) -> Callable[[], None]:
        place = self._place

        def run() -> None:
            try:
                work()
            except Trouble as trouble:
                self._next_source(trouble, place)

        return run

    def _next_source(self, trouble: Trouble, place: int) -> None:
        """Go on with the next source that offers the same bytes; raise OutsideError where there is none."""
        with self._lock:
            if place != self._place:
                return
            offer = self.offer
            self._complaints.append(f"{offer.source}: {trouble.words}")
            if place + 1 == len(self._offers):
                if trouble.code == "hash-mismatch" and self._part is not None:
                    self._part.close(keep=False)
                raise self._last_word(trouble) from None
            self._place += 1
            text = f"{offer.filename}: {offer.source}: {trouble.words}; taking it from {self.offer.source}"
            self._desk.tell(Event(kind="step", text=text))
            if self._part is None or is_local(self.offer.url):
                self.close()
                self._part, self._state = None, "new"
                return
            if trouble.code == "hash-mismatch":
                self._part.begin_anew()
            else:
                self._part.hand_over()
            self._start(self._part)

    def _last_word(self, trouble: Trouble) -> OutsideError:
        error = trouble.about(self.offer)
        if len(self._complaints) == 1:
            return error
        return OutsideError(
            f"{self.offer.filename} cannot be had from any source",
            code=error.code,
            causes=self._complaints,
            hint=error.hint,
        )

    def _begin(self) -> None:
        offer = self.offer
        if self._desk.require_known and offer.sha256 is None:
            raise Trouble("nothing says which SHA-256 the file must have", code="no-known-hash")
        if self._from_cache(offer):
            return
        if is_local(offer.url):
            self._from_folder(offer)
            return
        part = open_part(self._desk.part_path(offer))
        if part is None:
            self._wait_for_the_other(offer)
            return
        if offer.sha256 and self._desk.cache and self._desk.cache.has(offer.sha256):
            part.close(keep=False)  # another process brought it between the two looks
            with self._lock:
                self._state = "new"
            return
        with self._lock:
            self._start(part)

    def _start(self, part: Part) -> None:
        self._part = part
        self._download = Download(self.offer, part, self._desk.reach, pause=self._desk.pause, tell=self._desk.tell)
        self._state = "running"

    def _wait_for_the_other(self, offer: Offer) -> None:
        if not self._waits:
            self._waits = True
            self._desk.tell(Event(kind="step", text=f"{offer.filename}: another process is downloading it; waiting"))
        with self._lock:
            self._not_before = time.monotonic() + _LOOK_AGAIN_S
            self._state = "new"

    def _from_cache(self, offer: Offer) -> bool:
        cache, target = self._desk.cache, self._desk.into / offer.filename
        if cache is None or offer.sha256 is None or not cache.has(offer.sha256):
            return False
        try:
            link_or_copy(cache.file(offer.sha256), target)
        except FileNotFoundError:
            return False
        if _hash(target) != offer.sha256:
            target.unlink()
            cache.drop(offer.sha256)
            text = f"{offer.filename} was damaged in the cache, and is downloaded again"
            self._desk.tell(Event(kind="warning", text=text))
            return False
        self._done(offer, offer.sha256, from_cache=True)
        return True

    def _from_folder(self, offer: Offer) -> None:
        source, target = local_path(offer.url, Path("/")), self._desk.into / offer.filename
        if not source.is_file():
            raise Trouble("the file is not there any more", code="not-found")
        clone_or_copy(source, target)
        sha256 = _hash(target)
        try:
            _refuse_other(offer, sha256)
        except Trouble:
            target.unlink()
            raise
        self._done(offer, sha256, from_cache=False)

    def _finish(self) -> None:
        offer, part, cache = self.offer, self._part, self._desk.cache
        if part is None:
            return
        sha256 = part.sha256()
        if offer.sha256 not in {None, sha256} and part.resumed:
            self._desk.tell(Event(kind="step", text=f"{offer.filename}: what was left of it is damaged; starting over"))
            part.begin_anew()
            with self._lock:
                self._start(part)
            return
        _refuse_other(offer, sha256)
        target = self._desk.into / offer.filename
        try:
            if cache is None:
                part.publish(target)
            else:
                link_or_copy(part.path, target)
                kept = cache.file(sha256)
                kept.parent.mkdir(parents=True, exist_ok=True)
                part.publish(kept)
        except OSError as error:
            raise disk_error(error, target.parent) from None
        self._done(offer, sha256, from_cache=False)

    def _done(self, offer: Offer, sha256: str, *, from_cache: bool) -> None:
        target = self._desk.into / offer.filename
        fetched = Fetched(
            offer=offer, path=target, sha256=sha256, size_bytes=target.stat().st_size, from_cache=from_cache
        )
        whence = "the cache" if from_cache else offer.source
        self._desk.tell(Event(kind="detail", text=f"{offer.filename}: {fetched.size_bytes} bytes from {whence}"))
        self._desk.arrived(fetched)
        with self._lock:
            self.fetched, self._state = fetched, "done"


def _refuse_other(offer: Offer, sha256: str) -> None:
    if offer.sha256 not in {None, sha256}:
        raise Trouble(f"its SHA-256 is {sha256}, and {offer.sha256} was expected", code="hash-mismatch")


def _hash(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise disk_error(error, path.parent) from None
