"""Look at every host before ranks are started: a host that cannot take part is named at once, with the reason."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ipexenv.launch.asking import ask_hosts
from ipexenv.launch.ssh import Unreached

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ipexenv.launch.asking import Asked
    from ipexenv.system.world import World

SAME_PATH = "every host needs the same environment at the same path, as on a shared file system"

_MODULES = ("_target_telling", "_target_place", "_target_topology", "_target_survey")


@dataclass(frozen=True, kw_only=True, slots=True)
class Surveyed:
    """One host as it was found."""

    name: str
    """As the hostfile calls it."""
    local: bool = False
    """Whether it is this machine, where nothing needs ssh."""
    problem: Unreached | None = None
    torch: str | None = None
    python: str | None = None
    cpus: int | None = None
    """Those that its processes may use."""
    addresses: tuple[str, ...] = ()
    """Its IPv4 addresses on the way to the other hosts, best first, then its others."""
    links: tuple[tuple[str, str], ...] = ()
    """Name and IPv4 address of its interfaces that are up."""
    port: int | None = None
    """One that nobody listened on."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of the distributions that were asked for, by name."""
    open_files: int | None = None
    """How many files a process may have open."""
    absent: tuple[str, ...] = ()
    """Those of the paths that were asked for which are not there."""
    told: Mapping[str, Any] = field(default_factory=dict)
    """All that the host said."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What to look for."""

    python: str
    """Path of the target's interpreter, the same on every host."""
    site_packages: str | None
    modules: tuple[str, ...]
    """Import names that must be there."""
    same_torch: bool = True
    """Whether a host with another torch than the first one's has a problem."""
    distributions: tuple[str, ...] = ()
    """Whose versions are told."""
    topology: bool = False
    """Whether cores, memory and limits are told."""
    paths: tuple[str, ...] = ()
    """Files and folders that must be there."""
    packages: tuple[str, ...] = ()
    """Import names of which the first that is there is looked into."""
    folders: tuple[str, ...] = ()
    """What to look for in its folder."""
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Patterns of files by a name for each; the first file that is there is told."""


def survey(world: World, hosts: Sequence[str], question: Question, *, srun: str | None = None) -> tuple[Surveyed, ...]:
    """Ask all ``hosts`` at once; a host that does not answer is a problem."""
    order = {
        "hosts": list(hosts),
        "site_packages": question.site_packages,
        "modules": list(question.modules),
        "distributions": list(question.distributions),
        "topology": question.topology,
        "paths": list(question.paths),
        "packages": list(question.packages),
        "folders": list(question.folders),
        "files": {name: list(patterns) for name, patterns in question.files.items()},
    }
    asked = ask_hosts(world, hosts, question.python, _MODULES, order, srun=srun)
    found = [_read(world, host, answer, question) for host, answer in zip(hosts, asked, strict=True)]
    first = next((host for host in found if host.torch), None)
    return tuple(_compared(host, first) if question.same_torch else host for host in found)


def _read(world: World, host: str, asked: Asked, question: Question) -> Surveyed:
    local = world.network.is_this_host(host.rpartition("@")[2])
    seen = asked.told
    if seen is None:
        return Surveyed(name=host, local=local, problem=asked.problem)
    links = tuple((str(name), str(address)) for name, address in seen.get("links", ()))
    reached_at = [seen["reached_at"]] if seen.get("reached_at") else []
    addresses = (*seen["addresses"], *reached_at, *(address for _, address in links))
    return Surveyed(
        name=host,
        local=local,
        problem=_lacking(seen, question),
        torch=seen["torch"],
        python=seen["python"],
        cpus=seen["cpus"],
        addresses=tuple(dict.fromkeys(addresses)),
        links=links,
        port=seen["port"],
        versions=seen.get("versions", {}),
        open_files=seen.get("open_files"),
        absent=tuple(seen.get("absent", ())),
        told=seen,
    )


def _lacking(seen: Mapping[str, Any], question: Question) -> Unreached | None:
    if seen["torch"] is None and "torch" in question.modules:
        return Unreached(code="no-torch", cause="its Python has no torch", hint=SAME_PATH)
    if seen["missing"]:
        words = f"its Python has no module {', '.join(seen['missing'])}"
        return Unreached(code="not-installed", cause=words, hint=SAME_PATH)
    return None


def _compared(host: Surveyed, first: Surveyed | None) -> Surveyed:
    """Object to a host whose torch is another one than the first's: the ranks would not understand each other."""
    if host.problem is not None or first is None or host.torch == first.torch:
        return host
    words = f"it has torch {host.torch}, and {first.name} has {first.torch}"
    return replace(host, problem=Unreached(code="another-torch", cause=words, hint=SAME_PATH))
