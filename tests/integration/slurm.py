"""A Slurm of one node on this machine: its own daemons, folder, key and ports, gone without a trace after the test.

Run as a program, this file is the keeper of the daemons: it starts them, adopts whatever they leave behind, and ends
all of it as soon as its standard input ends, which happens when the test dies, too.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = ("munged", "slurmctld", "slurmd", "srun", "sbatch", "sinfo")
CPUS = 8
"""What the node pretends to have: ranks of a test need places, not processors."""

_START_LIMIT_S = 180.0
_PR_SET_CHILD_SUBREAPER = 36
_SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")

_CONFIGURATION = """\
ClusterName=throwaway
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=4096 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Slurm:
    """A running Slurm; its programs find it through ``SLURM_CONF``."""

    folder: Path

    @property
    def variables(self) -> dict[str, str]:
        """What ``srun`` and ``sbatch`` need in their environment."""
        return {"SLURM_CONF": str(self.folder / "slurm.conf")}

    def said(self) -> str:
        """Return the logs."""
        return "\n".join(f"{log.name}:\n{log.read_text(errors='replace')[-2000:]}" for log in self.folder.glob("*.log"))


def why_not() -> str | None:
    """Return why no Slurm can be had here, None where it can."""
    missing = [name for name in PROGRAMS if program(name) is None]
    return f"a Slurm needs {', '.join(missing)} (slurmd, slurmctld, slurm-client, munge)" if missing else None


def program(name: str) -> str | None:
    """Return where a program is; daemons are where users do not look."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), *_SBIN]))


@contextlib.contextmanager
def cluster() -> Iterator[Slurm]:
    """Run a Slurm until the block ends; the folder's name is short, for it holds a socket."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    folder.chmod(0o711)  # munged wants its socket within everybody's reach
    slurm = Slurm(folder=folder)
    _configure(folder)
    keeper = subprocess.Popen(
        [sys.executable, __file__, str(folder)], stdin=subprocess.PIPE, start_new_session=True, env=_environment(slurm)
    )
    try:
        _await_node(slurm, keeper)
        yield slurm
    finally:
        assert keeper.stdin is not None
        keeper.stdin.close()
        keeper.wait(timeout=180)


def _environment(slurm: Slurm) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM", "MUNGE"))}
    return {**kept, **slurm.variables}


def _configure(folder: Path) -> None:
    from tests.integration.bridge_ranks import free_port  # noqa: PLC0415 (the keeper, which has no tests, does without)

    first = second = free_port()
    while second == first:
        second = free_port()
    text = _CONFIGURATION.format(
        folder=folder,
        host=socket.gethostname().partition(".")[0],
        user=pwd.getpwuid(os.geteuid()).pw_name,
        controller_port=first,
        node_port=second,
        cpus=CPUS,
    )
    (folder / "slurm.conf").write_text(text, encoding="utf-8")
    for name in ("state", "spool"):
        (folder / name).mkdir(mode=0o755)
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(1024))


def _await_node(slurm: Slurm, keeper: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_LIMIT_S
    ask = [program("sinfo") or "sinfo", "-h", "-o", "%T"]
    while True:
        asked = subprocess.run(ask, capture_output=True, text=True, check=False, timeout=120, env=_environment(slurm))
        if asked.stdout.strip() == "idle":
            return
        assert keeper.poll() is None, slurm.said()
        assert time.monotonic() < deadline, f"no node after {_START_LIMIT_S} s: {asked}\n{slurm.said()}"
        time.sleep(0.1)


def _keep(folder: Path) -> None:
    """Run the daemons until standard input ends, then end them and all that they started."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    names = {"socket": "munge.socket", "key-file": "munge.key", "log-file": "munged.log", "pid-file": "munged.pid"}
    options = [f"--{option}={folder / name}" for option, name in {**names, "seed-file": "munged.seed"}.items()]
    daemons = [_start(folder, "munged", "--foreground", *options)]
    while not (folder / "munge.socket").exists() and daemons[0].poll() is None:
        time.sleep(0.02)
    daemons += [_start(folder, name, "-D", "-c") for name in ("slurmctld", "slurmd")]
    while not select.select([sys.stdin], [], [], 0.2)[0] and all(daemon.poll() is None for daemon in daemons):
        pass
    for daemon in reversed(daemons):
        daemon.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            daemon.wait(timeout=15)
    _end_the_rest()
    shutil.rmtree(folder)


def _start(folder: Path, name: str, *arguments: str) -> subprocess.Popen[bytes]:
    with (folder / f"{name}.out.log").open("wb") as log:
        return subprocess.Popen(
            [program(name) or name, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
        )


def _end_the_rest() -> None:
    """Kill and collect every process below this one: orphans come to the keeper, one generation after the other."""
    while True:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
        if not children:
            return
        for child in map(int, children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)


if __name__ == "__main__":
    _keep(Path(sys.argv[1]))
