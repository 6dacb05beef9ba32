"""Every way in which a child process can end, in words. Pure."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ipexenv.system.runner import Finished

EndingKind = Literal[
    "fine",
    "hang",
    "signal",
    "killed",
    "not-started",
    "guard",
    "silent-guard",
    "exception",
    "said-exit",
    "silent-exit",
    "early-exit",
    "late-death",
]

_GUARD = 127
_SHELL_SIGNAL = 128
_EXECUTES_NOT = 126


@dataclass(frozen=True, kw_only=True, slots=True)
class ChildEnding:
    """How a child ended."""

    kind: EndingKind
    words: str
    """As it follows ``importing torch``: ``died of SIGILL``."""
    cause: str = ""
    """What that means where nothing that it printed tells more."""
    returncode: int = 0
    """As Python gives it: -11 for SIGSEGV, also where a shell in between made 139 of it."""


_SIGNALS = {
    signal.SIGILL: "it used an instruction that this CPU, or the virtual machine around it, does not have",
    signal.SIGABRT: "C++ code gave up (an exception that nobody caught, or a failed assertion), past any try/except",
    signal.SIGBUS: "mostly shared memory ran out: /dev/shm is too small",
    signal.SIGSEGV: "mostly a C++ library built for another torch, or a second libmpi or libccl in the process",
    signal.SIGKILL: "something outside ended it without a word: mostly the kernel, because memory ran out",
    signal.SIGTERM: "something outside asked it to end: a batch system at its limit, or a person",
    signal.SIGFPE: "it divided by zero, mostly in code that asks the CPU for what a virtual machine does not tell",
    signal.SIGXCPU: "its limit of CPU time (`ulimit -t`) ran out",
    signal.SIGSYS: "a seccomp profile forbids a system call that it makes",
}


def child_ending(ended: Finished, *, came_back: bool, limit_s: float) -> ChildEnding:
    """Say how a child ended; ``came_back`` says whether what it was to do returned."""
    code, printed = ended.returncode, f"{ended.stdout}{ended.stderr}".strip()
    if ended.timed_out:
        words = f"did not come to an end within {limit_s:g} s"
        cause = "it waits for something: another rank, a lock, a file system that does not answer"
        return ChildEnding(kind="hang", words=words, cause=cause, returncode=code)
    number = _signal_number(code)
    if number is not None:
        return _died(number, came_back=came_back)
    if came_back or code == 0:
        return _came_back(code, came_back=came_back)
    if code == _GUARD and not printed:
        cause = "that is how IPEX refuses a torch of another version, its message lost in a buffer"
        words = "ended with exit code 127 and said nothing"
        return ChildEnding(kind="silent-guard", words=words, cause=cause, returncode=code)
    if code in {_GUARD, _EXECUTES_NOT} and not ended.answer and _could_not_start(ended):
        return ChildEnding(
            kind="not-started",
            words=f"could not be tried: {printed}",
            cause="the target does not start",
            returncode=code,
        )
    return _exited(code, printed)


def _could_not_start(ended: Finished) -> bool:
    """Say whether the runner, or a shell, tells that there is no such program."""
    return bool(re.search(r"No such file or directory|Permission denied|Exec format error", ended.stderr))


def _exited(code: int, printed: str) -> ChildEnding:
    if code == _GUARD:
        cause = "that is how IPEX refuses a torch of another version"
        return ChildEnding(kind="guard", words="ended with exit code 127", cause=cause, returncode=code)
    if not printed:
        cause = "something called sys.exit or os._exit while it was imported, without a word"
        words = f"ended with exit code {code} and said nothing"
        return ChildEnding(kind="silent-exit", words=words, cause=cause, returncode=code)
    last = printed.splitlines()[-1].strip()
    if "Traceback (most recent call last)" in printed or re.match(r"[\w.]*(Error|Exception)\b", last):
        return ChildEnding(kind="exception", words=f"raised {last}", cause="the last line says it", returncode=code)
    cause = "something called sys.exit while it was imported"
    return ChildEnding(kind="said-exit", words=f"ended with exit code {code}: {last}", cause=cause, returncode=code)


def _came_back(code: int, *, came_back: bool) -> ChildEnding:
    if code == 0:
        if came_back:
            return ChildEnding(kind="fine", words="works")
        cause = "something called sys.exit(0) while it was imported: a script would end there, and seem to be done"
        return ChildEnding(kind="early-exit", words="ended the process in the middle, with exit code 0", cause=cause)
    cause = "something fails while Python shuts down: a script would do all of its work and end with that code"
    words = f"worked, and the process then ended with exit code {code}"
    return ChildEnding(kind="late-death", words=words, cause=cause, returncode=code)


def _died(number: int, *, came_back: bool) -> ChildEnding:
    known = number in {each.value for each in signal.Signals}
    name = signal.Signals(number).name if known else f"signal {number}"
    cause = _SIGNALS.get(signal.Signals(number), "") if known else ""
    if came_back:
        words = f"worked, and the process then died of {name}"
        return ChildEnding(kind="late-death", words=words, cause=cause, returncode=-number)
    kind: EndingKind = "killed" if number == signal.SIGKILL else "signal"
    return ChildEnding(kind=kind, words=f"died of {name}", cause=cause, returncode=-number)


def _signal_number(code: int) -> int | None:
    """Return the signal that ended a process; shells and wrapper scripts tell 139 for -11."""
    if code < 0:
        return -code
    number = code - _SHELL_SIGNAL
    return number if number in {each.value for each in _SIGNALS} else None
