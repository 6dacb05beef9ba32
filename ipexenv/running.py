"""Get a run ready: which hosts, how many ranks, what each is given, where they meet, what starts them."""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ipexenv.errors import UsageError
from ipexenv.events import Event
from ipexenv.launch.back_end import Chosen, Occasion, choose_back_end, find_srun
from ipexenv.launch.hostfile import HostEntry
from ipexenv.launch.local_view import BRINGS_MPI, HERE, look_at_this_machine, provider_of_target
from ipexenv.launch.preflight import (
    DISTRIBUTIONS,
    differences,
    refuse_differences,
    refuse_problems,
    shortages,
)
from ipexenv.launch.provider_environment import ASKED_FOLDERS
from ipexenv.launch.reaching import find_ways
from ipexenv.launch.run_start import RunJob, hook_source
from ipexenv.launch.seats import Seat, hosts_of, seat_ranks
from ipexenv.launch.setting import RunWish
from ipexenv.launch.settings import choose_settings
from ipexenv.launch.slurm import Allocation
from ipexenv.launch.start import Meeting
from ipexenv.launch.survey import Question, Surveyed, survey
from ipexenv.launch.views import PACKAGES, SOUGHT, view_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ipexenv.events import Listener
    from ipexenv.facts import Facts
    from ipexenv.launch.run_options import RunChoices
    from ipexenv.launch.run_words import Started
    from ipexenv.launch.setting import HostPlacement, HostView
    from ipexenv.outcome import CclProvider
    from ipexenv.system.world import World

_LOOPBACK = "127.0.0.1"
_USUAL_PORT = 29500
_OUTER = ("PMI_", "PMIX_", "MPI_LOCAL", "OMPI_COMM_", "MV2_COMM_", "TORCHELASTIC_")
"""Left over from a launcher around us, these would tell ranks of a job that is not theirs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """A run that can begin."""

    job: RunJob
    chosen: Chosen
    wish: RunWish
    hosts: tuple[Surveyed, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Preparation:
    """What is known before anybody has been asked."""

    world: World
    facts: Facts
    what: Started
    choices: RunChoices
    listen: Listener

    def prepare(self) -> Prepared:
        """Ask the hosts, choose, and refuse what cannot work.

        Raises UsageError, AnswerIsNo or OutsideError that name host, value and cause.
        """
        allocation = Allocation.of(self.world.env)
        entries = self._hosts(allocation)
        here = len(entries) == 1 and self.world.network.is_this_host(entries[0].name.rpartition("@")[2])
        in_slurm = allocation is not None and {entry.name for entry in entries} <= _names(allocation)
        srun = find_srun(self.world) if in_slurm and not here else None
        known_as = entries[0].name
        if here:
            entries = (replace(entries[0], name=HERE),)
        else:
            self.listen(Event(kind="step", text=f"looking at {', '.join(entry.name for entry in entries)}"))
        hosts = self._survey([entry.name for entry in entries], srun)
        self._preflight(hosts)
        seats = self._seats(entries, hosts)
        hosts = tuple(host for host in hosts if host.name in hosts_of(seats))
        chosen = self._back_end(seats, hosts[0], here=here, in_slurm=in_slurm)
        meeting, interfaces = self._meeting(hosts, srun)
        wish = self._wish(seats, hosts, chosen)
        placements = self._placements(hosts, seats, wish, interfaces)
        self._warn(hosts, seats, placements)
        if here and chosen.back_end == "srun":
            seats, placements = _renamed(seats, placements, known_as)
        return Prepared(job=self._job(seats, placements, meeting, chosen), chosen=chosen, wish=wish, hosts=hosts)

    def look_here(self) -> tuple[HostView, RunWish]:
        """Return this machine and what is asked for, for a job file that is written here and runs elsewhere."""
        return look_at_this_machine(self.world, self.facts), self.asked()

    def _hosts(self, allocation: Allocation | None) -> tuple[HostEntry, ...]:
        if self.choices.hosts:
            return self.choices.hosts
        return allocation.nodes if allocation is not None else (HostEntry(name=HERE),)

    @property
    def provider(self) -> CclProvider:
        """Return where the target's ccl backend comes from."""
        return provider_of_target(self.facts)

    @property
    def packages(self) -> tuple[str, ...]:
        """Return the import names of what may bring oneCCL."""
        ipex = self.facts.installed.ipex
        bundled = self.provider == "none" and ipex is not None and BRINGS_MPI.contains(ipex.version)
        return ("intel_extension_for_pytorch",) if bundled else PACKAGES.get(self.provider, ())

    def _view(self, host: Surveyed, interface: str | None = None) -> HostView:
        """Return what settings are chosen from; environments are alike, so this machine's torch tells for all."""
        here = look_at_this_machine(self.world, self.facts)
        if host.name == HERE:
            return here
        view = view_of(host, interface=interface)
        openmp = here.libraries.openmp or view.libraries.openmp
        iomp5 = view.libraries.iomp5 if openmp == "gnu" else None
        libraries = replace(view.libraries, openmp=openmp, iomp5=iomp5)
        return replace(view, libraries=libraries, mpi_root=here.mpi_root)

    @property
    def python(self) -> str:
        """Return the target's path."""
        return self.facts.target.executable or "python3"

    def _survey(self, names: Sequence[str], srun: str | None) -> tuple[Surveyed, ...]:
        directory = str(self.world.directory)
        sought = [str(self.world.directory / self.what.name)] if self.what.kind == "script" else []
        question = Question(
            python=self.python,
            site_packages=self.facts.target.site_packages,
            modules=(),
            same_torch=False,
            distributions=DISTRIBUTIONS,
            topology=True,
            paths=(directory, *sought),
            packages=self.packages,
            folders=ASKED_FOLDERS,
            files=SOUGHT,
        )
        return survey(self.world, names, question, srun=srun)

    def _preflight(self, hosts: Sequence[Surveyed]) -> None:
        refuse_problems(hosts)
        if not self.choices.preflight:
            return
        found = differences(hosts)
        refuse_differences(found)
        for difference in found:
            self.listen(Event(kind="warning", text=f"the hosts differ: {difference.words}"))

    def _seats(self, entries: Sequence[HostEntry], hosts: Sequence[Surveyed]) -> tuple[Seat, ...]:
        total, per_host = self.choices.ranks, self.choices.ranks_per_host
        if per_host is None and total is not None and all(entry.slots is None for entry in entries):
            per_host = math.ceil(total / len(entries))
        if per_host is None and any(entry.slots is None for entry in entries):
            entries = [
                entry if entry.slots is not None else replace(entry, slots=self._usual(host))
                for entry, host in zip(entries, hosts, strict=True)
            ]
        return seat_ranks(entries, per_host=per_host, total=total)

    def _usual(self, host: Surveyed) -> int:
        """Return how many ranks a host gets when nobody says: one for each NUMA node."""
        return len(choose_settings(self._view(host), self.asked(), self.world.env).ranks)

    def asked(self) -> RunWish:
        """Return what the user asked for, without what follows from the hosts."""
        choices = self.choices
        return RunWish(
            provider=self.provider,
            ccl_workers=choices.ccl_workers,
            logical_cpus=choices.logical_cpus,
            threads=choices.threads,
            allocator=choices.allocator,
            bind=choices.bind,
        )

    def _back_end(self, seats: Sequence[Seat], first: Surveyed, *, here: bool, in_slurm: bool) -> Chosen:
        prefix, package = self.facts.target.prefix, first.told.get("package")
        inside = [f"{package}/{name}" for name in first.told.get("folders", ()) if name in {"bin", "opt/mpi/bin"}]
        occasion = Occasion(
            ranks=len(seats),
            hosts=len(hosts_of(seats)),
            here=here,
            in_slurm=in_slurm,
            folders=(*([] if prefix is None else [f"{prefix}/bin"]), *inside),
        )
        return choose_back_end(self.world, self.choices.launcher, occasion)

    def _meeting(self, hosts: Sequence[Surveyed], srun: str | None) -> tuple[Meeting, Mapping[str, str]]:
        port = self.choices.master_port or hosts[0].port or _USUAL_PORT
        wanted = self.choices.master_address
        if len(hosts) == 1:
            return Meeting(address=wanted or _LOOPBACK, port=port), {}
        if self.choices.preflight:
            ways = find_ways(self.world, hosts, self.python, srun=srun, wanted=wanted)
            return Meeting(address=ways.address, port=port), ways.interfaces
        address = wanted or next(iter(hosts[0].addresses), hosts[0].name)
        return Meeting(address=address, port=port), {}

    def _wish(self, seats: Sequence[Seat], hosts: Sequence[Surveyed], chosen: Chosen) -> RunWish:
        return replace(
            self.asked(),
            hosts=len(hosts),
            world_size=len(seats),
            under_intel_mpi=chosen.mpirun is not None and chosen.mpirun.flavour == "hydra",
        )

    def _placements(
        self, hosts: Sequence[Surveyed], seats: Sequence[Seat], wish: RunWish, interfaces: Mapping[str, str]
    ) -> tuple[HostPlacement, ...]:
        sizes = {seat.host: seat.local_size for seat in seats}
        found = []
        for host in hosts:
            view = self._view(host, interfaces.get(host.name))
            found.append(choose_settings(view, replace(wish, ranks_per_host=sizes[host.name]), self.world.env))
        return tuple(found)

    def _warn(self, hosts: Sequence[Surveyed], seats: Sequence[Seat], placements: Sequence[HostPlacement]) -> None:
        sizes = {seat.host: seat.local_size for seat in seats}
        notes = [] if not self.choices.preflight else list(shortages(hosts, sizes))
        notes += [note for placement in placements for note in placement.notes]
        for note in notes:
            self.listen(Event(kind="warning", text=note))

    def _job(
        self, seats: Sequence[Seat], placements: Sequence[HostPlacement], meeting: Meeting, chosen: Chosen
    ) -> RunJob:
        watched = len(seats) > 1 and self.choices.start_timeout_s > 0
        return RunJob(
            back_end=chosen.back_end,
            python=self.python,
            command=self.what.command(self.python),
            directory=str(self.world.directory),
            env=self._environment(),
            more=self.choices.more,
            seats=tuple(seats),
            placements=tuple(placements),
            meeting=meeting,
            mark=secrets.token_hex(8),
            mpirun=chosen.mpirun,
            srun=chosen.srun,
            watch_limit_s=self.choices.start_timeout_s if watched else None,
            hook=hook_source() if watched else "",
            is_counted=self.choices.ranks is not None or self.choices.ranks_per_host is not None,
        )

    def _environment(self) -> dict[str, str]:
        """Return the user's environment; a program that is started by name is found in the target first."""
        kept = {name: value for name, value in self.world.env.items() if not name.startswith(_OUTER)}
        env = {"PYTHONUNBUFFERED": "1", **kept}
        prefix = self.facts.target.prefix
        folder = f"{prefix}/bin"
        if self.what.kind == "program" and prefix and folder not in env.get("PATH", "").split(":"):
            env["PATH"] = f"{folder}:{env.get('PATH', '')}"
        return env


def _names(allocation: Allocation) -> frozenset[str]:
    return frozenset(node.name for node in allocation.nodes)


def _renamed(
    seats: Sequence[Seat], placements: Sequence[HostPlacement], name: str
) -> tuple[tuple[Seat, ...], tuple[HostPlacement, ...]]:
    """Return both with the name that Slurm has for this machine."""
    return tuple(replace(seat, host=name) for seat in seats), tuple(replace(each, host=name) for each in placements)


def refuse_absent(what: Started, world: World) -> None:
    """Raise UsageError where the script is not there, before anything else takes time."""
    if what.kind == "script" and not (world.directory / what.name).exists():
        import shutil  # noqa: PLC0415 (only to explain)

        program = shutil.which(what.name, path=world.env.get("PATH"))
        words = " ".join(what.words[:3])
        raise UsageError(
            f"there is no file {what.name} in {world.directory}",
            code="no-script",
            hint=f"any program is started with `ipexenv run -- {words}`" if program else None,
        )
