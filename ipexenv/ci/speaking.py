"""Say things in the log of a CI system while they happen: masked, folded, and with no line of others a command."""

from __future__ import annotations

import secrets as randomness
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ipexenv.ci.dialect import Remark
from ipexenv.ci.masking import without

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ipexenv.ci.dialect import Closing, Dialect, Level
    from ipexenv.events import Event, Listener

_MARKS = {"step": "", "warning": "warning: ", "detail": "  ", "output": "  | "}


@dataclass(kw_only=True, slots=True)
class Speaker:
    """Writes the log; stages may speak from several threads."""

    dialect: Dialect
    write: Callable[[str], object]
    """Takes text for the log and shows it at once."""
    secrets: tuple[str, ...] = ()
    verbose: bool = False
    remarks: list[Remark] = field(default_factory=list)
    """What people should see beside the run; the dialect shows them at the end."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def mask(self, secrets: tuple[str, ...]) -> None:
        """Hide ``secrets`` in all that follows; systems that can are asked to do the same."""
        for secret in secrets:
            if secret not in self.secrets:
                self.write(self.dialect.mask(secret))
        self.secrets = tuple(sorted({*self.secrets, *secrets}, key=lambda secret: (-len(secret), secret)))

    def close(self, closing: Closing) -> None:
        """Write what a dialect has for the log."""
        self.write(without(closing.log, self.secrets))

    def clean(self, text: str) -> str:
        """Return ``text`` without secrets."""
        return without(text, self.secrets)

    def remark(self, level: Level, title: str, text: str) -> None:
        """Keep a remark."""
        self.remarks.append(Remark(level=level, title=self.clean(title), text=self.clean(text)))

    @contextmanager
    def group(self, title: str) -> Iterator[Listener]:
        """Fold what is said in the block under ``title``; yield what takes the events of a stage, live."""
        token = randomness.token_hex(16)
        self.write(self.dialect.begin_group(title) + self.dialect.begin_quote(token))
        try:
            yield self._listen
        finally:
            with self._lock:
                self.write(self.dialect.end_quote(token) + self.dialect.end_group(title))

    def _listen(self, event: Event) -> None:
        if event.kind == "detail" and not self.verbose:
            return
        with self._lock:
            self.write(self.dialect.quoted_line(f"{_MARKS[event.kind]}{self.clean(event.text)}"))
        if event.kind == "warning":
            self.remark("warning", "ipexenv", event.text)
