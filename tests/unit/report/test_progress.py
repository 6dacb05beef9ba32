from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from ipexenv.events import Event
from ipexenv.report.progress import on_terminal, progress, short

if TYPE_CHECKING:
    import pytest


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def output(text: str) -> Event:
    return Event(kind="output", text=text)


def test_a_line_moves_on_terminals_that_are_not_told_to_be_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert on_terminal(quiet=False)
    assert not on_terminal(quiet=True)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert not on_terminal(quiet=False)


def test_elsewhere_everything_is_passed_on_but_raw_progress() -> None:
    heard: list[Event] = []
    with progress(heard.append, {}, enabled=False) as listen:
        for text in ("Collecting torch", "Progress 10 of 100", "Progress is good"):
            listen(output(text))
    assert [event.text for event in heard] == ["Collecting torch", "Progress is good"]


def test_a_terminal_shows_the_last_line_and_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    heard: list[Event] = []
    with progress(heard.append, {"COLUMNS": "100"}, enabled=True) as listen:
        listen(Event(kind="detail", text="not in the line"))
        listen(output("Downloading https://files.test/torch-2.8.0.whl (888 MB)"))
        listen(output("Progress 444000000 of 888000000"))
        listen(output("   "))
    assert [event.text for event in heard][:2] == [
        "not in the line",
        "Downloading https://files.test/torch-2.8.0.whl (888 MB)",
    ]
    assert "Downloading torch-2.8.0.whl (888 MB)" in terminal.getvalue()
    assert "444.0/888.0 MB" in terminal.getvalue()


def test_long_lines_are_cut() -> None:
    assert short("x" * 100) == "x" * 39 + "…"
    assert short("  Collecting https://a.test/b/c-1.whl  ") == "Collecting c-1.whl"


@given(st.text())
def test_any_line_fits(text: str) -> None:
    assert len(short(text)) <= 40
