"""Starting the ranks of a side with a launcher, and Intel MPI's own benchmark; nothing here knows torch."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HERE = Path(__file__).parent
PAYLOAD = HERE.parent.parent / "ipexenv" / "bridge" / "payload"

LAUNCHERS = ("mpirun", "plain", "torchrun")

STEERING = ("CCL_", "FI_", "I_MPI_", "PMI_", "OMPI_", "MASTER_", "GLOO_", "TORCH_", "OMP_", "KMP_", "IPEXENV_")
"""What a shell may have left of other experiments; the sides run with defaults alone."""

OF_RANKS = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")

LIMIT_S = 600

IMB_BANDS = ((1 << 20, 500), (16 << 20, 60), (1 << 62, 6))
"""Sizes below so many bytes are repeated so often; by itself IMB times the largest ones once."""

IMB_OPTIONS = ("-iter_policy", "off", "-mem", "4", "-time", "60")
"""Always that often, with 4 GB of memory and 60 seconds for each size at most."""

IMB_ROW = re.compile(r"^\s*(\d+)\s+\d+\s+[\d.]+\s+[\d.]+\s+([\d.]+)\s*$", re.MULTILINE)
"""Bytes, repetitions, then microseconds: least, most and average over the ranks."""


class Answer(TypedDict):
    """What rank 0 prints: what the backend says it is, and rows of operation, type, bytes and seconds."""

    said: str
    rows: list[tuple[str, str, int, float]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """Where things are: the target, a folder with ``lib`` and ``bin`` (or the target's own), the bindings' target."""

    python: Path
    libraries: Path | None
    bindings: Path | None

    @property
    def mpi(self) -> Path:
        """The folder whose ``bin`` holds Intel's ``mpirun``."""
        return self.libraries or self.python.parent.parent


def environment(site: Site, ranks: int) -> dict[str, str]:
    """Return an environment without settings of other experiments; torch gets this rank's share of the CPUs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(STEERING) and name not in OF_RANKS}
    cpus = len(os.sched_getaffinity(0))
    kept.update(
        OMP_NUM_THREADS=str(max(1, cpus // ranks)),
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(_free_port()),
        PYTHONDONTWRITEBYTECODE="1",
    )
    if site.libraries is not None:
        kept.update(PYTHONPATH=str(PAYLOAD), IPEXENV_BRIDGE_LIB=str(site.libraries / "lib"))
    return kept


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _mpi_environment(site: Site) -> dict[str, str]:
    lib = str(site.mpi / "lib")
    path = f"{site.mpi / 'bin'}:{os.environ.get('PATH', os.defpath)}"
    return {"I_MPI_ROOT": str(site.mpi), "PATH": path, "LD_LIBRARY_PATH": lib, "FI_PROVIDER_PATH": lib}


def time_ranks(site: Site, launcher: str, ranks: int, program: Sequence[str], *, bindings: bool = False) -> Answer:
    """Run a rank program of this folder under a launcher and return what rank 0 printed."""
    python = site.bindings if bindings and site.bindings is not None else site.python
    environ = environment(site, ranks)
    if bindings:
        environ.pop("PYTHONPATH", None)
    command = [str(HERE / program[0]), *program[1:]]
    if launcher == "mpirun":
        environ.update(_mpi_environment(site))
        return _answer([[str(site.mpi / "bin" / "mpirun"), "-n", str(ranks), str(python), *command]], [environ])
    if launcher == "torchrun":
        run = ["-m", "torch.distributed.run", f"--nproc-per-node={ranks}", f"--master-port={environ['MASTER_PORT']}"]
        return _answer([[str(python), *run, *command]], [environ])
    each = [{**environ, "RANK": str(rank), "WORLD_SIZE": str(ranks)} for rank in range(ranks)]
    return _answer([[str(python), *command]] * ranks, each)


def time_imb(site: Site, ranks: int, sizes_bytes: Sequence[int]) -> dict[int, float]:
    """Return the seconds that Intel MPI's own benchmark needs for an allreduce of 4-byte floats, by size.

    It knows powers of two only; other sizes are left out.
    """
    binaries = site.mpi / "bin"
    environ = {**environment(site, ranks), **_mpi_environment(site)}
    found: dict[int, float] = {}
    for (low, _), (high, count) in pairwise(((0, 0), *IMB_BANDS)):
        powers = [size.bit_length() - 1 for size in sizes_bytes if low <= size < high]
        if powers:
            options = ["-npmin", str(ranks), "-iter", str(count), "-msglog", f"{min(powers)}:{max(powers)}"]
            program = [str(binaries / "IMB-MPI1"), "allreduce", *options, *IMB_OPTIONS]
            said = _run([[str(binaries / "mpirun"), "-n", str(ranks), *program]], [environ])
            found.update((int(size), float(average) * 1e-6) for size, average in IMB_ROW.findall(said))
    return {size: found[size] for size in sizes_bytes if size in found}


def _answer(commands: Sequence[Sequence[str]], environments: Sequence[Mapping[str, str]]) -> Answer:
    """Return the JSON document among what the ranks printed."""
    said = _run(commands, environments)
    found: Answer = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
    return found


def _run(commands: Sequence[Sequence[str]], environments: Sequence[Mapping[str, str]]) -> str:
    """Run commands side by side; return what the first one printed, and stop the program if one fails."""
    started = [
        subprocess.Popen(command, env=dict(environ), stdout=subprocess.PIPE, stderr=sys.stderr, text=True)
        for command, environ in zip(commands, environments, strict=True)
    ]
    try:
        said = [process.communicate(timeout=LIMIT_S)[0] for process in started]
    finally:
        for process in started:
            process.kill()
    if any(process.returncode for process in started):
        raise SystemExit(f"{' '.join(commands[0])} failed: {''.join(said)}")
    return said[0]
