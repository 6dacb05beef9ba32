"""Run the distributed checks: N ranks as plain processes of this host, ended together."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipexenv.errors import OutsideError
from ipexenv.events import Event
from ipexenv.system.group import Program
from ipexenv.verify.collectives import Group, judge_group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ipexenv.system.runner import Finished
    from ipexenv.verify.checks import Check
    from ipexenv.verify.job import Job
    from ipexenv.verify.options import VerifyOptions

SCRIPT = Path(__file__).with_name("_target_rank.py")

_SHUTDOWN_S = 10.0


def run_over_gloo(job: Job) -> tuple[Check, ...]:
    """Run the check `ddp-gloo`; see run_over_ccl."""
    finished = _run(job, ("ddp",), ("torch",))
    return judge_group(finished, ("ddp",), Group(options=job.options, gloo=True, note=_note(job)))


def run_over_ccl(job: Job, *, with_ipex: bool) -> tuple[Check, ...]:
    """Run `allreduce` and `ddp` over ccl in as many processes as asked for.

    ``with_ipex`` imports IPEX first, as a training script does: it costs seconds, and matters where IPEX brings a
    libccl of its own, which then serves the bindings too. Raises OutsideError where no temporary folder can be made.
    """
    names = rank_imports(job, with_ipex=with_ipex)
    finished = _run(job, ("allreduce", "ddp"), names)
    return judge_group(finished, ("allreduce", "ddp"), Group(options=job.options, note=_note(job)))


def rank_imports(job: Job, *, with_ipex: bool) -> list[str]:
    """Return what a rank over ccl imports."""
    return [name for name in job.options.import_names if with_ipex or name != job.options.ipex_module]


def rank_request(job: Job, checks: Sequence[str], names: Sequence[str], size: int) -> dict[str, Any]:
    """Return what a rank is asked for, but its number and where it meets the others."""
    options = job.options
    over_ccl = options.bindings_module in names
    return {
        "size": size,
        "backend": "ccl" if over_ccl else "gloo",
        "import_names": list(names),
        "provider": options.bindings_module,
        "meeting_file": None,
        "limit_s": options.timeout_s,
        "site_packages": job.facts.target.site_packages,
        "checks": list(checks),
        "averages": options.ccl == "bridge",  # Intel's bindings know no average
        "dtype": "bf16" if over_ccl and options.dtype == "bf16" else "fp32",
    }


def crowd(ranks: int, cpus: int | None, where: str = "") -> str | None:
    """Say that ranks share CPUs, None where each has one at least."""
    if cpus is None or ranks <= cpus:
        return None
    return f"{ranks} ranks share {cpus} CPU{'s' if cpus > 1 else ''}{where}, which slows them down"


def _note(job: Job) -> str | None:
    return crowd(job.options.nproc, len(job.facts.host.topology.usable_cpus) or None)


def _run(job: Job, checks: Sequence[str], names: Sequence[str]) -> tuple[Finished, ...]:
    options = job.options
    backend = "ccl" if options.bindings_module in names else "gloo"
    words = f"checking {' and '.join(checks)} over {backend} with {options.nproc} ranks"
    job.listen(Event(kind="step", text=words))
    limit_s = options.timeout_s * (len(checks) + 1) + _SHUTDOWN_S
    with _meeting_folder() as folder:
        programs = [_program(job, rank, checks, names, folder) for rank in range(options.nproc)]
        return job.world.group.run_together(programs, timeout_s=limit_s)


def _meeting_folder() -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix="ipexenv-ranks-", ignore_cleanup_errors=True)
    except OSError as error:
        raise OutsideError(
            f"the ranks need a temporary folder to meet in, and none can be made: {error.strerror or error}",
            code="no-temporary-folder",
            hint="point TMPDIR to a writable folder",
        ) from None


def _program(job: Job, rank: int, checks: Sequence[str], names: Sequence[str], folder: str) -> Program:
    options = job.options
    request = {**rank_request(job, checks, names, options.nproc), "rank": rank, "meeting_file": f"{folder}/store"}
    threads = max((job.facts.host.topology.usable_cores or 1) // options.nproc, 1)
    defaults = {"OMP_NUM_THREADS": str(threads), "GLOO_SOCKET_IFNAME": "lo"}
    return Program(
        argv=(*job.python, str(SCRIPT), json.dumps(request)),
        env={**defaults, **job.env, **_place(rank, options)},
    )


def _place(rank: int, options: VerifyOptions) -> dict[str, str]:
    """Return what torch, accelerate and oneCCL read to learn a process's place in the group."""
    place = {
        "RANK": str(rank),
        "WORLD_SIZE": str(options.nproc),
        "LOCAL_RANK": str(rank),
        "LOCAL_WORLD_SIZE": str(options.nproc),
        "MASTER_ADDR": options.master_address,
    }
    if options.ccl == "bindings":  # the bridge tells oneCCL by itself
        place |= {"CCL_LOCAL_RANK": str(rank), "CCL_LOCAL_SIZE": str(options.nproc)}
    return place
