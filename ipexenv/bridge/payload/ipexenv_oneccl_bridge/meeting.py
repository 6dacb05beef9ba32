"""Where the ranks of a job meet, when the launcher is not torchrun: what torch's ``env://`` needs to know."""

from __future__ import annotations

import os
import re
import zlib
from typing import Dict, List, Mapping, MutableMapping, Optional

from .launchers import HYDRA_VARIABLES, INTEL_JOB_VARIABLE, TORCH_VARIABLES, Place, place

FIRST_PORT, PORTS = 15_000, 14_000
"""Above what services of a host use, below what kernels give to outgoing connections (from 32768 on)."""

LOOPBACK_ADDRESS = "127.0.0.1"


def fill_torch_variables(environ: MutableMapping[str, str], asked: Optional[Mapping[str, str]] = None) -> Place:
    """Set what torch's ``env://`` reads and ``mpirun`` and ``srun`` do not set; return the place of this process.

    ``RANK``, ``WORLD_SIZE``, ``LOCAL_RANK`` and ``LOCAL_WORLD_SIZE`` come from the launcher; ``MASTER_ADDR`` and
    ``MASTER_PORT`` from what all ranks of the job share, and stay away where nothing tells. ``asked`` holds the rank
    and the size that a program names itself, under the same names. A variable that is set is never changed, and
    nothing is set where those that are set speak of another job than the launcher does.
    """
    here = place({**environ, **asked} if asked else environ)
    if here.launcher in {"none", "torchrun", "plain"}:
        return here
    ranks = {name: str(value) for name, value in zip(TORCH_VARIABLES, here[1:]) if value is not None}
    for name, value in {**ranks, **meeting_point(here, environ)}.items():
        if not environ.get(name):  # torch takes an empty variable for none
            environ[name] = value
    return here


def meeting_point(here: Place, environ: Mapping[str, str]) -> Dict[str, str]:
    """Return ``MASTER_ADDR`` and ``MASTER_PORT`` as far as the launcher's variables tell them."""
    found = {}
    address = LOOPBACK_ADDRESS if here.on_one_host else _first_host(here, environ)
    if address:
        found["MASTER_ADDR"] = address
    job = _job(here, environ)
    if job:
        found["MASTER_PORT"] = str(FIRST_PORT + zlib.crc32(f"{here.launcher} {job}".encode()) % PORTS)
    return found


def _first_host(here: Place, environ: Mapping[str, str]) -> Optional[str]:
    """Return the host of rank 0, which Slurm alone tells: the first of the step's hosts, unless ranks were strewn.

    SLURM_LAUNCH_NODE_IPADDR is where ``srun`` was called, which may be a login host without any rank.
    """
    if here.launcher != "slurm" or environ.get("SLURM_DISTRIBUTION", "").startswith("arbitrary"):
        return None
    return first_of_hosts(environ.get("SLURM_STEP_NODELIST", ""))


def first_of_hosts(text: str) -> Optional[str]:
    """Return the first host of Slurm's short form for many, as ``rack[2-4]n[07,09-12],login``: ``rack2n07``."""
    found = re.match(r"(?:[^\[\],\s]|\[[^\[\]\s]*\])+(?=,|$)", text)
    if found is None:
        return None
    name = re.sub(r"\[([0-9]+)[^\]]*\]", r"\1", found[0])
    return name if re.fullmatch(r"[A-Za-z0-9._-]+", name) else None


def _job(here: Place, environ: Mapping[str, str]) -> Optional[str]:
    """Return what all ranks of the job share and other jobs do not."""
    if here.launcher == "intel-mpi":
        return environ.get(INTEL_JOB_VARIABLE)
    if here.launcher == "open-mpi":
        return environ.get("OMPI_MCA_ess_base_jobid") or environ.get("PMIX_NAMESPACE")
    if here.launcher == "slurm":
        return f"{environ.get('SLURM_JOB_ID')}.{environ.get('SLURM_STEP_ID')}"
    return str(_launcher_process(f"{HYDRA_VARIABLES[0]}=".encode())) if here.on_one_host else None


def _launcher_process(variable: bytes) -> int:
    """Return the first ancestor without that variable: there may be a shell between a launcher and its rank."""
    process = os.getppid()
    while any(item.startswith(variable) for item in _environment_of(process)):
        process = _parent_of(process)
    return process


def _environment_of(process: int) -> List[bytes]:
    return _read(f"/proc/{process}/environ").split(b"\0")


def _parent_of(process: int) -> int:
    """Return the parent (proc(5), field 4 of ``stat``), 0 where there is none."""
    fields = _read(f"/proc/{process}/stat").rpartition(b")")[2].split()
    return int(fields[1]) if len(fields) > 1 else 0


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:  # gone, or somebody else's
        return b""
