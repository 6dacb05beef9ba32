"""Run other programs: argument lists only, time limits always, whole process groups ended on expiry."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ANSWER_FD_VARIABLE = "IPEXENV_ANSWER_FD"
"""Environment variable that tells a child the file descriptor for its one JSON answer."""

NOT_FOUND = 127
_GRACE_S = 3.0


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
        another thread. Never raises for what the program does; a missing program is returncode 127.
        """
        ...


class SubprocessRunner:
    """The real Runner."""

    def run(  # noqa: PLR0913
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
        started = time.monotonic()
        read_fd, write_fd = os.pipe() if answer else (-1, -1)
        child_env = dict(os.environ if env is None else env)
        if answer:
            child_env[ANSWER_FD_VARIABLE] = str(write_fd)
        try:
            process = subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=child_env,
                cwd=cwd,
                pass_fds=(write_fd,) if answer else (),
                start_new_session=True,
            )
        except OSError as error:
            for fd in (read_fd, write_fd):
                if fd >= 0:
                    os.close(fd)
            return Finished(
                argv=tuple(argv),
                returncode=NOT_FOUND,
                stdout="",
                stderr=f"{argv[0]}: {error.strerror or error}",
                answer=b"",
                timed_out=False,
                seconds=time.monotonic() - started,
            )
        if answer:
            os.close(write_fd)
        return _collect(process, tuple(argv), read_fd=read_fd, timeout_s=timeout_s, started=started, on_line=on_line)


def _collect(  # noqa: PLR0913
    process: subprocess.Popen[bytes],
    argv: tuple[str, ...],
    *,
    read_fd: int,
    timeout_s: float,
    started: float,
    on_line: Callable[[str], None] | None,
) -> Finished:
    assert process.stdout is not None  # noqa: S101 (PIPE above)
    assert process.stderr is not None  # noqa: S101
    out = _Drain(process.stdout, on_line)
    err = _Drain(process.stderr, on_line)
    drains = [out, err]
    answer = None
    if read_fd >= 0:
        answer = _Drain(os.fdopen(read_fd, "rb"), None)
        drains.append(answer)
    timed_out = False
    try:
        process.wait(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        timed_out = True
    finally:
        end_process_group(process)
        for drain in drains:
            drain.join()
    return Finished(
        argv=argv,
        returncode=process.returncode,
        stdout=out.text(),
        stderr=err.text(),
        answer=b"" if answer is None else answer.data(),
        timed_out=timed_out,
        seconds=time.monotonic() - started,
    )


def end_process_group(process: subprocess.Popen[bytes]) -> None:
    """End the process and every descendant in its session: SIGTERM, a short grace, SIGKILL."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=_GRACE_S)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class _Drain(threading.Thread):
    """Reads one pipe to its end, so that a child never blocks on a full pipe."""

    def __init__(self, pipe: IO[bytes], on_line: Callable[[str], None] | None) -> None:
        super().__init__(daemon=True)
        self._pipe = pipe
        self._on_line = on_line
        self._chunks: list[bytes] = []
        self.start()

    def run(self) -> None:
        with self._pipe:
            for line in self._pipe:
                self._chunks.append(line)
                if self._on_line is not None:
                    self._on_line(line.decode(errors="replace").rstrip("\r\n"))

    def data(self) -> bytes:
        return b"".join(self._chunks)

    def text(self) -> str:
        return self.data().decode(errors="replace")
