"""Starting rank programs for the tests, and the libraries that they need."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import json
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PROGRAMS = Path(__file__).parent / "bridge_programs"
PAYLOAD = PROGRAMS.parent.parent.parent / "ipexenv" / "bridge" / "payload"

WHEELS: dict[str, tuple[str, ...]] = {
    "oneccl==2022.2.0": ("lib/libccl.so.2", "lib/libccl_legacy_cpu.so"),
    "oneccl-cpu==2022.2.0": ("lib/libccl.so.1",),
    "impi-rt==2021.18.0": (
        "lib/libfabric.so.1",
        "lib/libtcp-fi.so",
        "lib/libshm-fi.so",
        "lib/librxm-fi.so",
        "lib/libmpi.so.12",
        "bin/",
        "opt/mpi/etc/",
    ),
}
"""Wheels of the package index, and the files that the backend needs of each, below ``*.data/data``."""


@functools.cache
def libraries() -> Path:
    """Return a folder with ``lib``, ``bin`` and ``opt`` taken from the wheels; downloaded once and kept."""
    home = Path(os.environ.get("IPEXENV_TEST_ENVS") or Path(tempfile.gettempdir()) / "ipexenv-test-envs")
    home.mkdir(parents=True, exist_ok=True)
    folder = home / f"bridge-libraries-{hashlib.sha256(repr(WHEELS).encode()).hexdigest()[:10]}"
    with (home / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete.txt").is_file():
            _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as downloads:
        for pin, wanted in WHEELS.items():
            download = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", downloads, pin]
            ended = subprocess.run(download, capture_output=True, text=True, check=False, timeout=900)
            assert ended.returncode == 0, f"pip cannot download {pin}:\n{ended.stderr}"
            (wheel,) = Path(downloads).glob(f"{pin.partition('==')[0].replace('-', '_')}-*.whl")
            _unpack(wheel, wanted, folder)
            wheel.unlink()
    (folder / "complete.txt").write_text("\n".join(WHEELS), encoding="utf-8")


def _unpack(wheel: Path, wanted: Sequence[str], folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for item in archive.infolist():
            path = item.filename.partition(".data/data/")[2]
            if not any(path == want or (want.endswith("/") and path.startswith(want)) for want in wanted):
                continue
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(item))
            target.chmod(0o755)


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on.

    It lies below those that the kernel gives away: until torch is imported and listens on it, others ask for some.
    """
    while True:
        port = secrets.choice(range(12_000, 32_000))
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


OURS = ("CCL_", "FI_", "I_MPI_", "PMI_", "OMPI_", "SLURM_", "MASTER_", "GLOO_", "TORCH_")


def environment(**more: str) -> dict[str, str]:
    """Return this process's environment without what steers distributed programs, and with the payload to import."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "VIRTUAL_ENV", "PYTHONHOME"):
        kept.pop(name, None)
    lib = str(libraries() / "lib")
    return {
        **kept,
        "PYTHONPATH": str(PAYLOAD),
        "IPEXENV_BRIDGE_LIB": lib,
        "OMP_NUM_THREADS": "1",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        **more,
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """How one rank ended."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def answer(self) -> Any:
        """The last line of stdout, which is one JSON document."""
        lines = self.stdout.splitlines()
        assert lines, f"no answer; exit {self.returncode}\n{self.stderr}"
        return json.loads(lines[-1])


def start(
    python: Path,
    size: int,
    program: str,
    *arguments: str,
    per_rank: Sequence[Mapping[str, str]] = (),
    more: Mapping[str, str] | None = None,
) -> list[subprocess.Popen[str]]:
    """Start the ranks of a program as plain processes; ``more`` is their common environment."""
    common = environment(**(more or {}))
    return [
        subprocess.Popen(
            [str(python), str(PROGRAMS / program), *arguments],
            env={
                **common,
                "RANK": str(rank),
                "WORLD_SIZE": str(size),
                **(per_rank[rank] if per_rank else {}),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        for rank in range(size)
    ]


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a rank and what it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def finish(processes: Sequence[subprocess.Popen[str]], *, limit_s: float) -> list[Ended]:
    """Wait for all ranks; a rank that is not done in time is killed, and fails the test with what all have said."""
    deadline = time.monotonic() + limit_s
    for process in processes:
        if process.stdin is not None:
            process.stdin.close()
            process.stdin = None
    ended = []
    late = False
    for process in processes:
        try:
            out, err = process.communicate(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            late = True
            kill(process)
            out, err = process.communicate()
        ended.append(Ended(returncode=process.returncode, stdout=out, stderr=err))
    assert not late, f"ranks still ran after {limit_s} s: {ended}"
    return ended


def run(
    python: Path,
    size: int,
    program: str,
    *arguments: str,
    limit_s: float = 240,
    more: Mapping[str, str] | None = None,
) -> list[Ended]:
    """Run a program on so many ranks and return how each ended."""
    return finish(start(python, size, program, *arguments, more=more), limit_s=limit_s)


def answers(python: Path, size: int, program: str, *arguments: str, limit_s: float = 240) -> list[Any]:
    """Run a program on so many ranks and return what each answered; they are stopped then, however they would end."""
    processes = start(python, size, program, *arguments)
    try:
        lines = []
        for process in processes:
            assert process.stdout is not None
            ready, _, _ = select.select([process.stdout], [], [], limit_s)
            lines.append(process.stdout.readline() if ready else "")
    finally:
        for process in processes:
            kill(process)
        said = [process.communicate()[1] for process in processes]
    assert all(lines), said
    return [json.loads(line) for line in lines]


@dataclass
class Serving:
    """Ranks that wait for cases."""

    processes: list[subprocess.Popen[str]]
    errors: list[IO[str]] = field(default_factory=list)

    def ask(self, case: Mapping[str, Any], *, limit_s: float = 180) -> list[Any]:
        """Give every rank the case and return the outputs of each."""
        line = json.dumps(case) + "\n"
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.write(line)
            process.stdin.flush()
        answers = [json.loads(self._line(process, case, limit_s)) for process in self.processes]
        problems = [answer["error"] for answer in answers if "error" in answer]
        assert not problems, f"{case}\n{problems[0]}"
        return [answer["outputs"] for answer in answers]

    def _line(self, process: subprocess.Popen[str], case: Mapping[str, Any], limit_s: float) -> str:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], limit_s)
        line = process.stdout.readline() if ready else ""
        if not line:
            for other in self.processes:
                other.send_signal(signal.SIGABRT)  # they have faulthandler: it shows where each one is
            said = [other.communicate()[1] for other in self.processes]
            raise AssertionError(f"{case}: no answer within {limit_s} s\n" + "\n---\n".join(said))
        return line


@contextlib.contextmanager
def serving(python: Path, size: int, more: Mapping[str, str] | None = None) -> Iterator[Serving]:
    """Keep so many ranks running that do collectives on demand; check that they end well."""
    processes = start(python, size, "serve_cases.py", more=more)
    try:
        yield Serving(processes)
        ended = finish(processes, limit_s=180)
        assert [rank.returncode for rank in ended] == [0] * size, ended
    finally:
        for process in processes:
            kill(process)
