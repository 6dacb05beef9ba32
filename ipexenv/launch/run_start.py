"""Start the ranks of ``ipexenv run`` over the back end that was chosen, and follow them to their end."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ipexenv.errors import OutsideError
from ipexenv.launch import slurm, torchrun
from ipexenv.launch.mpirun import machinefile, mpirun_command, mpirun_environment
from ipexenv.launch.shipping import carried, shipped
from ipexenv.launch.start import as_order, keeper
from ipexenv.system.group import Program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ipexenv.launch.follow import Follower
    from ipexenv.launch.mpirun import Mpirun
    from ipexenv.launch.seats import Seat
    from ipexenv.launch.setting import HostPlacement, RankPlace
    from ipexenv.launch.start import Meeting
    from ipexenv.system.runner import Finished
    from ipexenv.system.world import World

BackEnd = Literal["none", "torchrun", "mpirun", "srun"]

FOR_EVER_S = 1e9
KEPT_BYTES = 1 << 20
"""Of the launcher's output, which has been passed on long before."""

_OWN_PINNING = ("I_MPI_PIN", "I_MPI_PIN_DOMAIN", "I_MPI_PIN_PROCESSOR_LIST", "I_MPI_PIN_CELL")


@dataclass(frozen=True, kw_only=True, slots=True)
class RunJob:
    """Everything that is needed to start."""

    back_end: BackEnd
    python: str
    """The target, which runs the keepers as well."""
    command: tuple[str, ...]
    """Of one rank."""
    directory: str
    """Where ranks run, the same path on every host."""
    env: Mapping[str, str]
    """The whole environment on this machine."""
    more: Mapping[str, str]
    """Variables that win over everything (``--env``)."""
    seats: tuple[Seat, ...]
    placements: tuple[HostPlacement, ...]
    """One for each host, in the order of seats."""
    meeting: Meeting
    mark: str
    """Name of the job, which its processes carry in their environment."""
    mpirun: Mpirun | None = None
    srun: str | None = None
    watch_limit_s: float | None = None
    """When ranks that are not through their first collective are late; None where nobody watches."""
    hook: str = field(default="", repr=False)
    is_counted: bool = True
    """Whether the user named a number of ranks or hosts; the only rank of a job without is no rank of a launcher's."""

    def place_of(self, seat: Seat) -> dict[str, str]:
        """Return what torch and accelerate read to learn a rank's place.

        The only rank of a job of which no number was named gets no LOCAL_RANK: with it accelerate wraps the model into
        DDP for one process, which costs time and which IPEX in bf16 gets wrong.
        """
        local = {"LOCAL_RANK": str(seat.local_rank), "LOCAL_WORLD_SIZE": str(seat.local_size)}
        return {
            "RANK": str(seat.rank),
            "WORLD_SIZE": str(len(self.seats)),
            **(local if self.is_counted or len(self.seats) > 1 else {}),
            "MASTER_ADDR": self.meeting.address,
            "MASTER_PORT": str(self.meeting.port),
        }

    def as_mapping(self) -> dict[str, Any]:
        """Return its part of the JSON ``data``."""
        return {
            "launcher": self.back_end,
            "world_size": len(self.seats),
            "master": {"address": self.meeting.address, "port": self.meeting.port},
            "hosts": [
                {
                    "host": placement.host,
                    "ranks": [seat.rank for seat in self.seats if seat.host == placement.host],
                    "cpus": [list(place.cpus) for place in placement.ranks],
                    "environment": [placement.environment(place.local_rank) for place in placement.ranks],
                }
                for placement in self.placements
            ],
        }

    @property
    def under_hydra(self) -> bool:
        """Say whether Intel MPI's launcher, or another Hydra, starts the ranks."""
        return self.mpirun is not None and self.mpirun.flavour == "hydra"


def start(world: World, job: RunJob, follower: Follower) -> Finished:
    """Run the job to its end and return how its launcher ended; ``follower`` hears all of it as it happens.

    Ends everything on every host when a rank fails or this process is interrupted. Raises OutsideError where no file
    of hosts can be written.
    """
    with _host_file(job) as file:
        argv, env = command_of(job, _argv(job), file)
        program = Program(
            argv=argv, env=env, is_failure=follower.hear, is_lost=follower.is_lost, guarded=True, kept_bytes=KEPT_BYTES
        )
        (ending,) = world.group.run_together([program], timeout_s=FOR_EVER_S)
    return ending


def command_of(job: RunJob, argv: Sequence[str], file: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the launcher's command line, and its whole environment, for ranks that each run ``argv``."""
    env = dict(job.env)
    if job.back_end == "mpirun" and job.mpirun is not None:
        return mpirun_command(job.mpirun, job.seats, file, argv), {
            **env,
            **mpirun_environment(job.mpirun, env),
            **pinning(job),
        }
    if job.back_end == "srun":
        uneven = len({seat.local_size for seat in job.seats}) > 1
        return slurm.srun_command(job.srun or "srun", job.seats, argv), slurm.srun_environment(
            env, file if uneven else None
        )
    if job.back_end == "torchrun":
        threads = job.placements[0].environment(0).get("OMP_NUM_THREADS", "1")
        words = torchrun.torchrun_command(job.python, len(job.seats), job.meeting.address, job.meeting.port, argv)
        return words, {"OMP_NUM_THREADS": threads, **env}
    return tuple(argv), env


def pinning(job: RunJob) -> dict[str, str]:
    """Return what makes Intel MPI bind ranks as their keepers do; what the user has set for it stays.

    One variable holds for all hosts: where their masks are unlike it must not bind at all.
    """
    if not job.under_hydra or any(job.env.get(name) for name in _OWN_PINNING):
        return {}
    masks = {placement.environment(0).get("I_MPI_PIN_DOMAIN") for placement in job.placements}
    mask = masks.pop() if len(masks) == 1 else None
    return {"I_MPI_PIN": "0"} if mask is None else {"I_MPI_PIN_DOMAIN": mask}


def bound_to(job: RunJob, place: RankPlace) -> tuple[int, ...]:
    """Return the CPUs that a rank is bound to: under Hydra those on which it computes, as Hydra itself would do."""
    if not job.under_hydra:
        return place.cpus
    return () if any(job.env.get(name) for name in _OWN_PINNING) else place.compute_cpus


@contextmanager
def _host_file(job: RunJob) -> Iterator[str]:
    if job.back_end not in {"mpirun", "srun"}:
        yield ""
        return
    try:
        with tempfile.TemporaryDirectory(prefix="ipexenv-hosts-", ignore_cleanup_errors=True) as folder:
            file = Path(folder) / "hosts"
            file.write_text(host_file_text(job), encoding="utf-8")
            yield str(file)
    except OSError as error:
        raise OutsideError(
            f"a file of hosts is needed, and none can be written: {error.strerror or error}",
            code="no-temporary-folder",
            hint="point TMPDIR to a writable folder",
        ) from None


def host_file_text(job: RunJob) -> str:
    """Return the file of hosts as the launcher wants it."""
    if job.back_end == "srun" or job.mpirun is None:
        return slurm.host_lines(job.seats)
    return machinefile(job.mpirun, job.seats)


def _argv(job: RunJob) -> tuple[str, ...]:
    single = job.back_end == "none"

    def bound(place: RankPlace) -> tuple[int, ...]:
        return bound_to(job, place)

    order = {
        "command": list(job.command),
        "directory": job.directory,
        "rank": 0 if single else None,
        "seats": [[seat.host, seat.local_rank, seat.local_size] for seat in job.seats],
        # Hydra, srun and torchrun give ranks the whole environment, Open MPI only what is named to it.
        "env": carried(job.env) if job.mpirun is not None and not job.under_hydra else {},
        "more": dict(job.more),
        "hosts": {placement.host: as_order(placement, bound) for placement in job.placements},
        "limit_s": None,
        "master_address": job.meeting.address,
        "master_port": job.meeting.port,
        "mark": job.mark,
        "watch": {"hook": job.hook, "limit_s": job.watch_limit_s} if job.hook else None,
        **_rank_variables(job.back_end),
    }
    return shipped(job.python, keeper(), order)


def _rank_variables(back_end: BackEnd) -> dict[str, Any]:
    names: tuple[tuple[str, ...], ...]
    if back_end == "srun":
        names = (slurm.RANKS, slurm.LOCAL_RANKS, ())
    elif back_end == "torchrun":
        names = (torchrun.RANKS, torchrun.LOCAL_RANKS, torchrun.LOCAL_SIZES)
    else:
        return {}
    keys = ("rank_variables", "local_rank_variables", "local_size_variables")
    return dict(zip(keys, map(list, names), strict=True))


def hook_source() -> str:
    """Return the program that tells how far a rank has come."""
    return Path(__file__).with_name("_target_hook.py").read_text("utf-8")
