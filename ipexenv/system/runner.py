"""Run other programs: argument lists only, time limits always, whole process groups ended on expiry."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ipexenv.system.deferral import signals_deferred

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ANSWER_FD_VARIABLE = "IPEXENV_ANSWER_FD"
"""Environment variable that tells a child the file descriptor for its JSON answer."""

NOT_FOUND = 127
_GRACE_S = 3.0
_DRAIN_S = 2.0
_CHUNK_BYTES = 1 << 16
KEPT_BYTES = 1 << 26
"""How much of a program's output is kept."""
_INHERITED: list[int] = []


@contextlib.contextmanager
def inherited(descriptor: int) -> Iterator[None]:
    """Let every program that is started in the block hold ``descriptor`` as well, until it ends.

    So a lock outlives its holder for as long as what it has started still works: SIGKILL cannot be passed on.
    """
    _INHERITED.append(descriptor)
    try:
        yield
    finally:
        _INHERITED.remove(descriptor)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """How a program ended. A crash is data: ``returncode`` is -4 for SIGILL, -11 SIGSEGV, -7 SIGBUS, 127 not found."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str
    answer: bytes
    """What the child wrote to its own answer descriptor; empty where none was asked for or nothing came."""
    timed_out: bool
    seconds: float
    ended: bool = False
    """True where it was ended because another program of its group had failed."""


class Runner(Protocol):
    """Starts programs."""

    def run(  # noqa: PLR0913 (each is one property of a child process)
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        answer: bool = False,
        on_line: Callable[[str], None] | None = None,
    ) -> Finished:
        """Run ``argv`` to its end and return how it ended.

        ``env`` replaces the whole environment, None inherits it. With ``answer`` the child finds the number of a
        writable descriptor in IPEXENV_ANSWER_FD. ``on_line`` is called with each line of output as it comes, from
        another thread. Never raises for what the program does; a program that cannot be started is returncode 127.
        """
        ...


class SubprocessRunner:
    """The real Runner."""

    def run(  # noqa: PLR0913 (see Runner.run)
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        answer: bool = False,
        on_line: Callable[[str], None] | None = None,
    ) -> Finished:
        """Run ``argv`` in a session of its own; see Runner.run."""
        child: Child | None = None
        try:
            with signals_deferred():
                child = Child(argv, env=env, cwd=cwd, answer=answer, on_line=on_line)
            return child.finish(timeout_s=timeout_s)
        except BaseException as error:
            if child is None and isinstance(error, OSError):
                return not_started(argv, error)
            if child is not None:
                child.discard()
            raise


class Child:
    """A started program with its pipes, in a session of its own."""

    def __init__(  # noqa: PLR0913 (see Runner.run)
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        answer: bool = False,
        on_line: Callable[[str], None] | None = None,
        kept_bytes: int | None = None,
    ) -> None:
        """Start ``argv``; raises OSError where it cannot be started."""
        self._started = time.monotonic()
        self._argv = tuple(argv)
        self._dead = threading.Event()
        self._lock = threading.Lock()
        self._reaped = False
        self._timed_out = False
        self._ended = False
        answer_read, answer_write = os.pipe() if answer else (-1, -1)
        try:
            self._process = self._popen(env, cwd, answer_write)
        except OSError:
            if answer:
                os.close(answer_read)
            raise
        finally:
            if answer:
                os.close(answer_write)
        assert self._process.stdout is not None  # noqa: S101 (PIPE below)
        assert self._process.stderr is not None  # noqa: S101
        self._out = _Drain(os.dup(self._process.stdout.fileno()), on_line, kept_bytes)
        self._err = _Drain(os.dup(self._process.stderr.fileno()), on_line, kept_bytes)
        self._answer = _Drain(answer_read, None) if answer else None
        self._process.stdout.close()
        self._process.stderr.close()

    def _popen(self, env: Mapping[str, str] | None, cwd: str | None, answer_fd: int) -> subprocess.Popen[bytes]:
        child_env = dict(os.environ if env is None else env)
        child_env.pop(ANSWER_FD_VARIABLE, None)
        if answer_fd >= 0:
            child_env[ANSWER_FD_VARIABLE] = str(answer_fd)
        return subprocess.Popen(
            list(self._argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=child_env,
            cwd=cwd,
            pass_fds=(*_INHERITED, *((answer_fd,) if answer_fd >= 0 else ())),
            start_new_session=True,
        )

    def finish(self, *, timeout_s: float) -> Finished:
        """Wait until it ends or is ended, end what it left behind, and return how it went."""
        timer = threading.Timer(max(timeout_s, 0.0), self._expire)
        timer.daemon = True
        try:
            timer.start()
            self._wait_unreaped()
        finally:
            timer.cancel()
            self._reap()
        seconds = time.monotonic() - self._started
        self._join_drains()
        return Finished(
            argv=self._argv,
            returncode=self._process.returncode,
            stdout=self._out.text(),
            stderr=self._err.text(),
            answer=b"" if self._answer is None else self._answer.data(),
            timed_out=self._timed_out,
            seconds=seconds,
            ended=self._ended,
        )

    @property
    def group(self) -> int:
        """Return the number of its process group."""
        return self._process.pid

    def wait_ended(self, timeout_s: float) -> bool:
        """Wait for its end at most so many seconds, beside the thread that finishes it; say whether it came."""
        return self._dead.wait(timeout_s)

    def discard(self) -> None:
        """End it and all that it left behind, if that has not been done."""
        if not self._reaped:
            self._reap()

    def end(self) -> None:
        """Begin to end it because of another: SIGTERM to its whole session, a short grace, SIGKILL; do not wait."""
        if not self._dead.is_set():
            self._ended = True
            threading.Thread(target=self._terminate, daemon=True).start()

    def _expire(self) -> None:
        if not self._dead.is_set():
            self._timed_out = True
            self._terminate()

    def _terminate(self) -> None:
        self._signal(signal.SIGTERM)
        self._dead.wait(_GRACE_S)
        self._signal(signal.SIGKILL)

    def _wait_unreaped(self) -> None:
        # WNOWAIT leaves a zombie that keeps the number of the process group ours until the group has been ended.
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        self._dead.set()

    def _reap(self) -> None:
        if not self._dead.is_set():  # interrupted: nobody else is going to wait for it
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE_S)
        self._signal(signal.SIGKILL)
        with self._lock:
            self._process.wait()
            self._reaped = True

    def _signal(self, number: signal.Signals) -> None:
        with self._lock, contextlib.suppress(ProcessLookupError, PermissionError):
            if not self._reaped:
                os.killpg(self._process.pid, number)

    def _join_drains(self) -> None:
        # A descendant that left the session may hold a pipe open for ever: what has come by then is the answer.
        deadline = time.monotonic() + _DRAIN_S
        for drain in (self._out, self._err, self._answer):
            if drain is not None:
                drain.join(max(deadline - time.monotonic(), 0.0))


def not_started(argv: Sequence[str], error: OSError) -> Finished:
    """Return the ending of a program that could not be started, as a shell would tell it."""
    culprit = argv[0] if error.filename is None else os.fsdecode(error.filename)
    return Finished(
        argv=tuple(argv),
        returncode=NOT_FOUND,
        stdout="",
        stderr=f"{culprit}: {error.strerror or error}",
        answer=b"",
        timed_out=False,
        seconds=0.0,
    )


class _Drain(threading.Thread):
    """Reads one pipe to its end, so that a child never blocks on a full pipe; keeps the last bytes."""

    def __init__(self, fd: int, on_line: Callable[[str], None] | None, most_bytes: int | None = None) -> None:
        super().__init__(daemon=True)
        self._most_bytes = KEPT_BYTES if most_bytes is None else most_bytes
        self._fd = fd
        self._on_line = on_line
        self._chunks: list[bytes] = []
        self._kept_bytes = 0
        self._line = b""
        self.start()

    def run(self) -> None:
        try:
            while chunk := os.read(self._fd, _CHUNK_BYTES):
                self._keep(chunk)
                if self._on_line is not None:
                    self._tell(chunk, self._on_line)
        finally:
            os.close(self._fd)
        if self._on_line is not None and self._line:
            self._tell(b"\n", self._on_line)

    def _keep(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._kept_bytes += len(chunk)
        while self._kept_bytes > self._most_bytes:
            self._kept_bytes -= len(self._chunks.pop(0))

    def _tell(self, chunk: bytes, on_line: Callable[[str], None]) -> None:
        *lines, self._line = (self._line + chunk).split(b"\n")
        for line in lines:
            on_line(line.decode(errors="replace").rstrip("\r"))

    def data(self) -> bytes:
        return b"".join(self._chunks)

    def text(self) -> str:
        return self.data().decode(errors="replace")
