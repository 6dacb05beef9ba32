"""Progress on a terminal: one moving line under the plain ones. Elsewhere the plain lines are all there is."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ipexenv.report.human import console

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import RenderableType
    from rich.progress import Progress, ProgressColumn, Task, TaskID

    from ipexenv.events import Event, Listener

_RAW = re.compile(r"Progress (\d+) of (\d+)")
_ADDRESS = re.compile(r"\S+/")
_WIDTH = 40


def on_terminal(*, quiet: bool) -> bool:
    """Say whether a moving line can be shown."""
    return not quiet and sys.stderr.isatty()


@contextmanager
def progress(listen: Listener, env: Mapping[str, str], *, enabled: bool) -> Iterator[Listener]:
    """Yield a listener that passes everything on to ``listen`` and, where enabled, keeps a moving line below.

    pip's raw progress (``Progress 10 of 100``) becomes a bar and is not passed on.
    """
    if not enabled:
        yield lambda event: None if _RAW.fullmatch(event.text) else listen(event)
        return
    from rich import progress as parts  # noqa: PLC0415 (only where a person watches)

    columns = (parts.SpinnerColumn(), parts.TextColumn("{task.description}", markup=False), *_amounts())
    with parts.Progress(*columns, parts.TimeElapsedColumn(), console=console(sys.stderr, env), transient=True) as shown:
        yield _Moving(shown, listen)


def _amounts() -> tuple[ProgressColumn, ...]:
    """Return a bar and the bytes so far, both absent while the whole is not known."""
    from rich import progress as parts  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    class Bar(parts.ProgressColumn):
        bar = parts.BarColumn(bar_width=24)

        def render(self, task: Task) -> RenderableType:
            return Text() if task.total is None else self.bar.render(task)

    class Bytes(parts.DownloadColumn):
        def render(self, task: Task) -> Text:
            return Text() if task.total is None else super().render(task)

    return Bar(), Bytes()


class _Moving:
    """A listener that moves the line."""

    def __init__(self, shown: Progress, listen: Listener) -> None:
        self._shown = shown
        self._listen = listen
        self._task: TaskID = shown.add_task("", total=None)

    def __call__(self, event: Event) -> None:
        raw = _RAW.fullmatch(event.text)
        if raw:
            self._shown.update(self._task, completed=int(raw.group(1)), total=int(raw.group(2)))
            return
        headline = event.kind == "step" and not event.text.startswith(" ")
        if event.text.strip() and (headline or event.kind == "output"):
            self._shown.reset(self._task, description=short(event.text), total=None)
        self._listen(event)


def short(text: str) -> str:
    """Return a line of an engine as it fits beside a bar: file names instead of whole URLs."""
    words = _ADDRESS.sub("", text.strip())
    return words if len(words) <= _WIDTH else f"{words[: _WIDTH - 1]}…"
