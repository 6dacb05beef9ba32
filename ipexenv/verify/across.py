"""Run the distributed checks across hosts: look at each, choose where to meet, start the ranks, judge what they say."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ipexenv.errors import OutsideError
from ipexenv.events import Event
from ipexenv.launch.back_end import find_srun
from ipexenv.launch.find import choose_launcher
from ipexenv.launch.mpirun import boots_over_ssh, in_words
from ipexenv.launch.provider_environment import ASKED_FOLDERS
from ipexenv.launch.reaching import find_ways
from ipexenv.launch.seats import hosts_of
from ipexenv.launch.setting import RunWish
from ipexenv.launch.settings import choose_settings
from ipexenv.launch.slurm import Allocation
from ipexenv.launch.ssh import Unreached
from ipexenv.launch.start import Meeting, Order, start_ranks
from ipexenv.launch.survey import Question, Surveyed, survey
from ipexenv.launch.views import PACKAGES, view_of
from ipexenv.verify.checks import Check, HostReport
from ipexenv.verify.collectives import Group, judge_group
from ipexenv.verify.provider import interface_of, told_version
from ipexenv.verify.ranks import crowd, rank_imports, rank_request
from ipexenv.verify.records import read_story
from ipexenv.verify.trouble import skipped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ipexenv.launch.mpirun import Mpirun
    from ipexenv.launch.reaching import Ways
    from ipexenv.launch.setting import HostPlacement
    from ipexenv.launch.start import Launched
    from ipexenv.verify.job import Job

Across = tuple[tuple[Check, ...], tuple[HostReport, ...]]

MODULES = ("_target_records", "_target_allreduce", "_target_rank")
"""What a rank runs, in the order in which they import each other."""

_LOOPBACK = "127.0.0.1"


def gloo_across_hosts(job: Job) -> Across:
    """Run the check `ddp-gloo` across the hosts of ``job.options.seats``; see ccl_across_hosts."""
    return _run(job, ("ddp",), ["torch"])


def ccl_across_hosts(job: Job, *, with_ipex: bool) -> Across:
    """Run `allreduce` and `ddp` over ccl across the hosts of ``job.options.seats``.

    A host that cannot take part is a failed check that names it, and then nothing is started anywhere. Raises
    OutsideError where there is no launcher.
    """
    return _run(job, ("allreduce", "ddp"), rank_imports(job, with_ipex=with_ipex))


def _run(job: Job, checks: Sequence[str], names: Sequence[str]) -> Across:
    hosts = hosts_of(job.options.seats)
    mpirun = choose_launcher(job.world, job.options.launcher, launcher_folders(job))
    how = "ssh" if mpirun is None else in_words(mpirun)
    job.listen(Event(kind="step", text=f"looking at {', '.join(hosts)}; the ranks are started with {how}"))
    found = _look(job, hosts, names, mpirun)
    problems = [(host.name, host.problem) for host in found if host.problem is not None]
    if problems:
        return _not_started(checks, problems), _reports(job, found, ())
    try:
        ways = _ways(job, found)
    except OutsideError as error:
        apart = Unreached(code=error.code, cause="; ".join(error.causes), hint=error.hint or "")
        return _not_started(checks, [("", apart)]), _reports(job, found, ())
    words = f"checking {' and '.join(checks)} with {len(job.options.seats)} ranks on {len(hosts)} host(s)"
    job.listen(Event(kind="step", text=words))
    order = _order(job, checks, names, _placements(job, found, ways, mpirun))
    launched = start_ranks(job.world, order, job.options.seats, meeting(job, found, ways), mpirun)
    if launched.unreached:
        return _not_started(checks, launched.unreached, launched.words), _reports(job, found, ())
    group = Group(
        options=job.options,
        gloo=order.request["backend"] == "gloo",
        hosts=tuple(seat.host for seat in job.options.seats),
        note=_note(job, found),
    )
    return judge_group(launched.ranks, checks, group), _reports(job, found, _rows(launched, checks))


def launcher_folders(job: Job) -> list[str]:
    """Return where the target keeps an mpirun of its own."""
    prefix = job.facts.target.prefix
    return [] if prefix is None else [f"{prefix}/bin"]


def _look(job: Job, hosts: Sequence[str], names: Sequence[str], mpirun: Mpirun | None) -> tuple[Surveyed, ...]:
    """Survey the hosts, but where another scheduler than Slurm starts mpirun's part on them: ssh may lead nowhere."""
    if mpirun is not None and not boots_over_ssh(mpirun, job.env) and _srun(job, hosts) is None:
        return tuple(Surveyed(name=host, local=job.world.network.is_this_host(host)) for host in hosts)
    question = Question(
        python=job.python[0],
        site_packages=job.facts.target.site_packages,
        modules=tuple(names),
        topology=True,
        packages=PACKAGES.get(job.options.ccl, ()),
        folders=ASKED_FOLDERS,
        files={},  # nothing is preloaded: the libraries themselves are to be proven
    )
    return survey(job.world, hosts, question, srun=_srun(job, hosts))


def _srun(job: Job, hosts: Sequence[str]) -> str | None:
    """Return srun where it reaches the hosts: inside an allocation that they belong to."""
    allocation = Allocation.of(job.world.env)
    inside = allocation is not None and set(hosts) <= {node.name for node in allocation.nodes}
    return find_srun(job.world) if inside else None


def _ways(job: Job, hosts: Sequence[Surveyed]) -> Ways | None:
    """Return how the hosts really reach each other; None for a single one, and where nobody could be asked."""
    if len(hosts) == 1 or not all(host.told for host in hosts):
        return None
    return find_ways(job.world, hosts, job.python[0], srun=_srun(job, [host.name for host in hosts]))


def _placements(
    job: Job, hosts: Sequence[Surveyed], ways: Ways | None, mpirun: Mpirun | None
) -> tuple[HostPlacement, ...]:
    """Return the settings of each host as `run` would choose them; what a check needs otherwise stands in its env."""
    seats = job.options.seats
    sizes = {seat.host: seat.local_size for seat in seats}
    if not all(host.told.get("topology") for host in hosts):
        return ()
    wish = RunWish(
        provider=job.options.ccl,
        hosts=len(hosts),
        world_size=len(seats),
        allocator="default",
        under_intel_mpi=mpirun is not None and mpirun.flavour == "hydra",
    )
    interfaces = {} if ways is None else ways.interfaces
    views = (view_of(host, interface=interfaces.get(host.name)) for host in hosts)
    return tuple(choose_settings(view, replace(wish, ranks_per_host=sizes[view.name]), job.env) for view in views)


def meeting(job: Job, hosts: Sequence[Surveyed], ways: Ways | None) -> Meeting:
    """Return where rank 0 listens: the first host's address that all others reach, on a port that was free."""
    first = hosts[0]
    port = first.port or job.world.network.free_port()
    if len(hosts) == 1:
        return Meeting(address=_LOOPBACK, port=port)
    if ways is not None:
        return Meeting(address=ways.address, port=port)
    name = first.name.rpartition("@")[2]
    return Meeting(address=next(iter(first.addresses), None) or job.world.network.address_of(name) or name, port=port)


def _order(job: Job, checks: Sequence[str], names: Sequence[str], placements: Sequence[HostPlacement]) -> Order:
    options = job.options
    bindings = options.ccl == "bindings"
    return Order(
        python=job.python[0],
        modules=_modules(),
        main=MODULES[-1],
        request=rank_request(job, checks, names, len(options.seats)),
        env=job.env,
        limit_s=options.timeout_s * (len(checks) + 1),
        interface_variables=("GLOO_SOCKET_IFNAME", *(("CCL_KVS_IFACE", "FI_TCP_IFACE") if bindings else ())),
        places_oneccl=bindings,
        placements=tuple(placements),
    )


@cache
def _modules() -> dict[str, str]:
    return {name: Path(__file__).with_name(f"{name}.py").read_text("utf-8") for name in MODULES}


def _not_started(
    checks: Sequence[str], problems: Sequence[tuple[str, Unreached]], words: str = ""
) -> tuple[Check, ...]:
    """Return the failure of the first check, which names every host that could not take part."""
    first, *others = checks
    detail = "; ".join(f"{host}: {problem.cause}" if host else problem.cause for host, problem in problems)
    _, problem = problems[0]
    failed = Check(
        id=first,
        status="fail",
        detail=detail,
        measurements={"code": problem.code, "hosts_at_fault": [host for host, _ in problems if host]},
        output=words.strip()[-2000:],
        hint=problem.hint,
    )
    return (failed, *(skipped(check, f"not tried, because `{first}` failed") for check in others))


def _note(job: Job, found: Sequence[Surveyed]) -> str | None:
    sizes = {seat.host: seat.local_size for seat in job.options.seats}
    notes = (crowd(sizes[host.name], host.cpus, f" of {host.name}") for host in found)
    return next((note for note in notes if note is not None), None)


def _rows(launched: Launched, checks: Sequence[str]) -> list[dict[str, object]]:
    """Return what each rank told of itself, as far as it came."""
    rows = []
    for rank in launched.ranks:
        records = [read_story(rank.answer).of(check) for check in checks]
        told = next((record.data for record in records if record is not None and record.data is not None), {})
        rows.append({**told, "version": told_version([rank.stdout + rank.stderr], [told])})
    return rows


def _reports(job: Job, found: Sequence[Surveyed], rows: Sequence[dict[str, object]]) -> tuple[HostReport, ...]:
    reports = []
    for host in found:
        ranks = tuple(seat.rank for seat in job.options.seats if seat.host == host.name)
        row = next((rows[rank] for rank in ranks if rank < len(rows) and rows[rank].get("backend")), None)
        over_ccl = row is not None and row["backend"] == "ccl"
        reports.append(
            HostReport(
                name=host.name,
                ranks=ranks,
                torch=str(row["torch"]) if row is not None else host.torch,
                oneccl=str(row["version"]) if row is not None and over_ccl and row["version"] else None,
                interface=interface_of(row) if row is not None and over_ccl else None,
                problem=None if host.problem is None else host.problem.cause,
            )
        )
    return tuple(reports)
