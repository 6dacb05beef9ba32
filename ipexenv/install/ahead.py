"""Wheels unpacked by uv into its own cache while others are still on their way; installing then only links files."""

from __future__ import annotations

import contextlib
import queue
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from ipexenv.install.call import staged_call
from ipexenv.install.engine import uv_cache
from ipexenv.install.guard import same_file_system
from ipexenv.system.runner import Child

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.install.engine import Engine
    from ipexenv.install.staging import Ready
    from ipexenv.system.world import World

_LEAST_BYTES = 8_000_000
"""A smaller wheel is unpacked in less time than it takes to start uv."""
_AT_ONCE = 2
"""Many a wheel is one huge file, which occupies one processor; more at once only fill memory."""
_LIMIT_S = 1800.0
_PARTING_S = 4.0


class Ahead:
    """Unpacks what it is given in threads of its own, one program for each wheel.

    Nothing depends on it: what it could not unpack, uv unpacks when it installs.
    """

    def __init__(self, engine: Engine, world: World, folder: Path, *, uv_cache: str | None) -> None:
        """Prepare to unpack for ``engine``, which is uv; ``folder`` is for what is of no use afterwards."""
        self._engine = engine
        self._world = world
        self._folder = folder
        self._uv_cache = uv_cache
        self._done: set[str] = set()
        self._waiting: queue.SimpleQueue[Ready | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._children: set[Child] = set()
        self._stopped = False
        self._workers = [
            threading.Thread(target=self._work, daemon=True, name="ipexenv-unpack") for _ in range(_AT_ONCE)
        ]
        for worker in self._workers:
            worker.start()

    def begin(self, ready: Ready) -> None:
        """Unpack a wheel as soon as its turn comes."""
        if ready.wheel.packed_bytes >= _LEAST_BYTES:
            self._waiting.put(ready)

    def has(self, ready: Ready) -> bool:
        """Say whether uv has the wheel unpacked, from where it can be linked."""
        return ready.file.sha256 in self._done

    def finish(self) -> None:
        """Wait until everything is unpacked."""
        for _ in self._workers:
            self._waiting.put(None)
        for worker in self._workers:
            worker.join()

    def stop(self) -> None:
        """End what is under way and begin nothing more."""
        with self._lock:
            self._stopped = True
            children = tuple(self._children)
        for child in children:
            child.end()
        for _ in self._workers:
            self._waiting.put(None)  # all before the first wait: whoever is idle takes the first
        for worker in self._workers:
            worker.join(_PARTING_S / _AT_ONCE)

    def _work(self) -> None:
        while (ready := self._waiting.get()) is not None and not self._stopped:
            with contextlib.suppress(OSError):
                self._unpack(ready)

    def _unpack(self, ready: Ready) -> None:
        """Have uv install one wheel into a folder that goes again: what stays is what it keeps in its cache.

        The command line is the one that installs, so that uv finds the same wheel again, hash compared.
        """
        with tempfile.TemporaryDirectory(prefix="unpacked-", dir=self._folder, ignore_cleanup_errors=True) as name:
            requirements = Path(name) / "requirements.txt"
            requirements.write_text(f"{ready.requirement}\n", encoding="utf-8")
            call = staged_call(
                self._engine,
                self._world,
                requirements=str(requirements),
                folders=(str(ready.file.path.parent),),
                uv_cache=self._uv_cache,
            )
            with self._lock:
                if self._stopped:
                    return
                child = Child((*call.argv, "--link-mode", "hardlink", "--target", f"{name}/packages"), env=call.env)
                self._children.add(child)
            try:
                if child.finish(timeout_s=_LIMIT_S).returncode == 0:
                    self._done.add(ready.file.sha256)
            finally:
                with self._lock:
                    self._children.discard(child)


@contextlib.contextmanager
def unpacking_ahead(engine: Engine, world: World, folder: Path) -> Iterator[Ahead | None]:
    """Yield what unpacks ahead, whose work is finished at the end of the block, or ended where the block fails.

    None where it would be of no use: another engine, or a cache that is off or on another file system than ``folder``.
    """
    if engine.name != "uv" or "UV_NO_CACHE" in world.env:
        yield None
        return
    cache = uv_cache(engine, world)
    place = Path(cache or world.env.get("UV_CACHE_DIR", ""))
    if not place.is_absolute() or not same_file_system(place, folder):
        yield None
        return
    ahead = Ahead(engine, world, folder, uv_cache=cache)
    try:
        yield ahead
        ahead.finish()
    except BaseException:
        ahead.stop()
        raise
