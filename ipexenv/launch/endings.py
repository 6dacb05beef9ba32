"""How a rank ended, in words. Pure."""

from __future__ import annotations

import signal

_WHY = {
    signal.SIGKILL: "which is what the kernel does when memory runs out, or somebody ended it",
    signal.SIGILL: "an instruction that this CPU does not have",
    signal.SIGBUS: "often a full /dev/shm",
    signal.SIGSEGV: "a crash in compiled code",
    signal.SIGABRT: "compiled code gave up, see its last lines",
}
_NOT_FOUND = 127


def in_words(returncode: int) -> str:
    """Return how a program ended, as ``exit code 3`` or ``SIGKILL (9), which is ...``."""
    if returncode >= 0:
        more = ", which means that the program was not found" if returncode == _NOT_FOUND else ""
        return f"exit code {returncode}{more}"
    try:
        number = signal.Signals(-returncode)
    except ValueError:
        return f"signal {-returncode}"
    why = _WHY.get(number)
    return f"{number.name} ({-returncode})" + (f", {why}" if why else "")


def shell_code(returncode: int) -> int:
    """Return the exit code that a shell would give: 128 and the signal's number for a program that died of one."""
    return returncode if returncode >= 0 else 128 - returncode
