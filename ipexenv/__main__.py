"""``python -m ipexenv``."""

import gc
import io
import signal
import sys
from types import FrameType
from typing import NoReturn

_RARELY = 100_000
"""What start-up makes (classes, functions, rows of tables) stays: looking for garbage among it costs a tenth of the
time of `ipexenv status`. Commands that run for long make more than this and still get rid of theirs."""


def main() -> None:
    """Run the command line and end the process with its exit code."""
    gc.set_threshold(_RARELY)
    signal.signal(signal.SIGTERM, _end)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a file name that is no text, or an ASCII terminal, stops no answer
        sys.stdout.reconfigure(errors="backslashreplace")
    from ipexenv.cli import main as run  # noqa: PLC0415 (imports are the most of what is made)

    code = run()
    gc.freeze()  # the interpreter's own last collection has nothing to find either
    sys.exit(code)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    """End as on Ctrl-C: what was begun is undone, and child processes, in sessions of their own, are ended too."""
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
