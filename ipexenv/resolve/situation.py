"""Everything that a rule may look at, in one value: facts, request, tables, offers and the torch in hand."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import Version

from ipexenv.facts import IsaLevel
from ipexenv.resolve.known import admit
from ipexenv.resolve.wheels import suits_target
from ipexenv.tables.bridge import BRIDGE_PROJECT
from ipexenv.tables.schema import BridgeRelease, IpexRelease, OneCclRelease, TorchRelease

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from packaging.specifiers import SpecifierSet

    from ipexenv.facts import Facts, Package
    from ipexenv.outcome import Market, Offer, Request
    from ipexenv.resolve.known import Barred
    from ipexenv.tables.schema import Tables

Release = IpexRelease | OneCclRelease | TorchRelease | BridgeRelease

_OTHER_DEVICES = ("xpu", "gpu", "rocm")
_LOOKED_INTO = ("torchvision", "torchaudio")


@dataclass(frozen=True, kw_only=True, slots=True)
class TorchInHand:
    """The torch that a decision is made for: the installed one, or one that could be installed."""

    version: Version
    build: str | None = None
    """``cpu``, ``cu126``, ``conda`` …; None where nothing tells."""
    cxx11_abi: bool | None = None
    installed: bool = False
    row: TorchRelease | None = None
    """What the tables say about it; None where they do not know this version."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Situation:
    """What rules judge by."""

    facts: Facts
    request: Request
    tables: Tables
    market: Market
    offers: Mapping[str, tuple[Offer, ...]] = field(default_factory=dict)
    """Files that the target accepts, by normalised project name."""
    parts: Mapping[str, tuple[Offer, ...]] = field(default_factory=dict)
    """Files that the bridge is made from, by their exact name."""
    barred: tuple[Barred, ...] = ()
    """Files that are not what their names say, or that nothing is known of where that is asked for."""
    python: Version
    """The target's Python minor, as ``3.11``."""
    torch: TorchInHand | None = None
    """None while no torch is settled: rules about torch do not object then."""

    @classmethod
    def of(cls, facts: Facts, request: Request, tables: Tables, market: Market) -> Situation:
        """Sort the offers: files of known projects that the target accepts, and those that the bridge is made from.

        A file that bears a known name and another SHA-256 than the tables know is not among them.
        """
        releases: tuple[Release, ...] = (*tables.ipex, *tables.oneccl, *tables.bridge)
        projects = {project_of(release) for release in releases} | {"torch", *_LOOKED_INTO}
        needed = {part.filename for release in tables.bridge for part in (*release.parts, release.mpi)}
        suiting = (offer for offer in market.offers if offer.project in projects and suits_target(offer, facts))
        makeable = {release.filename for release in tables.bridge}
        genuine, barred = admit(suiting, tables.known, require_known=request.require_known, makeable=makeable)
        return cls(
            facts=facts,
            request=request,
            tables=tables,
            market=market,
            offers=_grouped(genuine, lambda offer: offer.project),
            barred=barred,
            parts=_grouped(
                (offer for offer in market.offers if offer.filename in needed), lambda offer: offer.filename
            ),
            python=minor_of(facts.target.version),
        )

    def with_torch(self, torch: TorchInHand) -> Situation:
        """Return the same situation with this torch settled."""
        return replace(self, torch=torch)


def _grouped(offers: Iterable[Offer], key: Callable[[Offer], str]) -> dict[str, tuple[Offer, ...]]:
    groups: dict[str, tuple[Offer, ...]] = {}
    for offer in offers:
        groups[key(offer)] = (*groups.get(key(offer), ()), offer)
    return groups


def project_of(release: Release) -> str:
    """Return the normalised distribution name (PEP 503) of a release."""
    return canonicalize_name(distribution_of(release))


def distribution_of(release: Release) -> str:
    """Return the distribution name as pip takes it."""
    if isinstance(release, BridgeRelease):
        return BRIDGE_PROJECT
    return "torch" if isinstance(release, TorchRelease) else release.package


def name_of(release: Release) -> str:
    """Return the release as people name it: ``intel_extension_for_pytorch 2.7.0``."""
    return f"{distribution_of(release)} {release.version}"


def installed_of(release: Release, facts: Facts) -> Package | None:
    """Return the installed distribution of the release's kind, whatever its version."""
    if isinstance(release, TorchRelease):
        return facts.installed.torch
    if isinstance(release, BridgeRelease):
        return facts.installed.bridge
    return facts.installed.ipex if isinstance(release, IpexRelease) else facts.installed.bindings


def is_installed(release: Release, facts: Facts) -> bool:
    """Say whether exactly this release is there already; a build for another device (``+xpu``) is not it."""
    package = installed_of(release, facts)
    return (
        package is not None
        and not is_for_other_device(package.version)
        and same_version(package.version, release.version)
    )


def is_for_other_device(version: Version, build: str | None = None) -> bool:
    """Say whether a version is one for XPU or another GPU with an index of its own."""
    label = build or version.local or ""
    return label.startswith(_OTHER_DEVICES)


def same_version(one: Version, other: Version) -> bool:
    """Compare two versions, ignoring the local label unless both have one."""
    if one.local and other.local:
        return one == other
    return public(one) == public(other)


def public(version: Version) -> Version:
    """Return the version without its local label."""
    return Version(version.public) if version.local else version


def upstream(version: Version) -> Version:
    """Return the torch that PyTorch released: conda-forge counts its builds of it, as in ``2.5.1.post108``."""
    return public(version) if version.post is None or version.is_prerelease else Version(version.base_version)


def minor_of(version: Version) -> Version:
    """Return ``2.8`` for ``2.8.0+cpu``."""
    return Version(f"{version.major}.{version.minor}")


def admits(wanted: SpecifierSet | None, version: Version) -> bool:
    """Say whether the request allows this version; pre-releases count like any other."""
    return wanted is None or wanted.contains(version, prereleases=True)


def torch_row(tables: Tables, version: Version) -> TorchRelease | None:
    """Return the table's row of exactly this torch, whatever its build."""
    return next((row for row in tables.torch if row.version == upstream(version)), None)


def installed_torch(facts: Facts, tables: Tables) -> TorchInHand | None:
    """Return the installed torch with what the tables know of it, None where there is none."""
    package = facts.installed.torch
    if package is None:
        return None
    row = torch_row(tables, package.version)
    build = package.build or package.version.local
    abi = abi_of(row, build) if package.cxx11_abi is None else package.cxx11_abi
    return TorchInHand(version=package.version, build=build, cxx11_abi=abi, installed=True, row=row)


def abi_of(row: TorchRelease | None, build: str | None) -> bool | None:
    """Return whether this build of torch has the new C++ ABI, from the tables."""
    if row is None:
        return None
    return True if build in row.cxx11_abi_builds else row.cxx11_abi


def span(versions: Iterable[Version]) -> str:
    """Return versions for people, as ``3.9 to 3.13``."""
    ordered = sorted(versions)
    if not ordered:
        return "no version"
    if len(ordered) == 1:
        return str(ordered[0])
    whole = [Version(f"{ordered[0].major}.{ordered[0].minor + step}") for step in range(len(ordered))]
    return f"{ordered[0]} to {ordered[-1]}" if ordered == whole else ", ".join(str(version) for version in ordered)


def isa_words(level: IsaLevel) -> str:
    """Return an instruction-set level for people."""
    return {IsaLevel.DEFAULT: "no AVX2", IsaLevel.AMX: "AMX"}.get(level, level.name.replace("_", "-"))
