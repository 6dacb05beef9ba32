"""Watches what a process does to files, and kills it, or fills the disk under it, at a given moment."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FILE_EVENTS = frozenset(
    {
        "open",
        "os.link",
        "os.mkdir",
        "os.remove",
        "os.rename",
        "os.rmdir",
        "os.symlink",
        "os.truncate",
        "shutil.rmtree",
        "subprocess.Popen",
    }
)
STAGE = re.compile(r'"stage":"(\w+)"')
"""How the journal says how far a change is."""


@dataclass(kw_only=True)
class Watch:
    """Counts what a process does to files, and kills it at a given count."""

    kill_at: int | None = None
    kill_stage: str | None = None
    """The journal's stage at whose writing the process is killed."""
    written: bool = False
    """Whether it is killed after that, at whatever it does next, instead of before it."""
    disk: Path | None = None
    """What is filled to the last byte then; nobody is killed."""
    engine_pipe: int | None = None
    """Told when the engine is started."""
    count: int = 0
    stages: list[tuple[int, str]] = field(default_factory=list)
    """Count at which the journal was written, and its stage."""

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take note of one event, before it happens."""
        if event not in FILE_EVENTS:
            return
        if event == "open" and str(arguments[0]).startswith(("/proc", "/sys", "/dev", sys.prefix, sys.base_prefix)):
            return
        self.count += 1
        if event == "os.rename" and str(arguments[1]).endswith(("journal.json", "last.json")):
            found = STAGE.search(Path(str(arguments[0])).read_text(encoding="utf-8"))
            self.stages.append((self.count, found[1] if found else "?"))
        if self.engine_pipe is not None and event == "subprocess.Popen" and "--require-hashes" in arguments[1]:
            os.write(self.engine_pipe, b"!")
        if self.count == self.kill_at or self._is_due():
            self.kill_at = self.kill_stage = None
            if self.disk is None:
                os.kill(os.getpid(), signal.SIGKILL)
            else:
                fill(self.disk)

    def _is_due(self) -> bool:
        """Say whether the journal's stage is just being written, or was the last thing before this event."""
        if self.kill_stage is None or not self.stages:
            return False
        count, stage = self.stages[-1]
        return stage == self.kill_stage and self.written == (count < self.count)


def fill(disk: Path, *, left_bytes: int = 0) -> None:
    """Leave so many bytes on a disk."""
    with (disk / "ballast").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, shutil.disk_usage(disk).free - left_bytes))
