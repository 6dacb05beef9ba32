"""Exit codes and signals in words."""

from __future__ import annotations

import pytest

from ipexenv.launch.endings import in_words, shell_code


@pytest.mark.parametrize(
    ("returncode", "words", "code"),
    [
        (3, "exit code 3", 3),
        (127, "exit code 127, which means that the program was not found", 127),
        (-9, "SIGKILL (9), which is what the kernel does when memory runs out, or somebody ended it", 137),
        (-4, "SIGILL (4), an instruction that this CPU does not have", 132),
        (-13, "SIGPIPE (13)", 141),
        (-64, "SIGRTMAX (64)", 192),
        (-99, "signal 99", 227),
    ],
)
def test_endings(returncode: int, words: str, code: int) -> None:
    assert (in_words(returncode), shell_code(returncode)) == (words, code)
