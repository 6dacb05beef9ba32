"""Lines come whole whatever the pieces; progress bars are shown now and then."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ipexenv.launch.lines import Lines


class Clock:
    """Stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_progress_bar_is_shown_once_in_a_while_and_at_its_end() -> None:
    clock = Clock()
    lines = Lines(clock)
    assert lines.take(b"\r10%") == []
    assert lines.take(b"\r20%") == ["10%"]
    assert lines.take(b"\r30%\r") == []
    clock.now = 1.5
    assert lines.take(b"40%\r") == ["40%"]
    assert lines.take(b"100%\nnext") == ["100%"]
    assert lines.last() == ["next"]
    assert lines.last() == []


def test_a_line_end_of_two_characters_may_come_in_two_pieces() -> None:
    lines = Lines(Clock())
    lines.take(b"x\ry\r")
    assert lines.take(b"one\r\n") == ["one"]
    assert lines.take(b"two\r") == []
    assert lines.take(b"\n") == ["two"]


def test_a_line_that_was_shown_as_progress_is_not_ended_twice() -> None:
    lines = Lines(Clock())
    assert lines.take(b"two\r") == ["two"]
    assert lines.take(b"\nthree\n") == ["three"]


@given(st.text(alphabet=st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=20), st.data())
def test_pieces_do_not_matter(text: str, data: st.DataObject) -> None:
    whole = f"{text}\n{text}\n".encode()
    cut = data.draw(st.integers(0, len(whole)))
    lines = Lines(Clock())
    assert lines.take(whole[:cut]) + lines.take(whole[cut:]) + lines.last() == [text, text]
