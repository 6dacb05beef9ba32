"""What is worth saying beside the answer: assumptions, consents, patch drift, what gets replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import Version

from ipexenv.facts import IsaLevel
from ipexenv.outcome import Note
from ipexenv.resolve.mixture import mixture_finding, removal_command
from ipexenv.resolve.offers import part_offer
from ipexenv.resolve.rules.bridge import BESIDE, part_name
from ipexenv.resolve.rules.host import needed_glibc
from ipexenv.resolve.rules.supply import yanked_reason, yanked_words
from ipexenv.resolve.situation import (
    installed_of,
    is_for_other_device,
    is_installed,
    isa_words,
    name_of,
    project_of,
    public,
    same_version,
    upstream,
)

# What manylinux2014 promises, and so what every Python that ipexenv serves runs on: not worth a note.
_COMMON_GLIBC = Version("2.17")
_COMMON_GLIBCXX = Version("3.4.19")

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.resolve.ccl import Ccl
    from ipexenv.resolve.pairs import Pair
    from ipexenv.resolve.situation import Release, Situation, TorchInHand
    from ipexenv.tables.schema import BridgeRelease, IpexRelease, OneCclRelease, TorchRelease


def pair_notes(pair: Pair, situation: Situation) -> Iterator[Note]:
    """Yield what is to say about the chosen IPEX and its torch."""
    release, torch = pair.ipex, pair.torch
    if not pair.is_exact and release.torch_pinned is not None:
        yield Note(
            code="patch-drift",
            text=f"{name_of(release)} was built for torch {release.torch_pinned} and is used with {torch.version}: "
            "its own guard compares major.minor alone",
        )
    yield from replaced(release, situation)
    yield from _only_off_index(release, situation)
    yield from _assumptions(release, situation)
    if release.cxx11_abi is not None and torch.cxx11_abi is None:
        yield Note(code="assumed", text=f"the C++ ABI of torch {torch.version} is unknown and is taken to match")


def consent_note(release: Release, situation: Situation) -> Iterator[Note]:
    """Yield the reason for which a chosen release was yanked."""
    reason = yanked_reason(release, situation)
    if reason is not None:
        already = ", and is installed already" if is_installed(release, situation.facts) else ""
        yield Note(code="yanked", text=f"{name_of(release)} was yanked {yanked_words(reason)}{already}")


def replaced(release: IpexRelease | OneCclRelease | BridgeRelease, situation: Situation) -> Iterator[Note]:
    """Yield what the chosen release takes the place of."""
    package = installed_of(release, situation.facts)
    if package is None or is_installed(release, situation.facts):
        return
    what = "a build for another device, " if is_for_other_device(package.version) else ""
    yield Note(
        code="replaced",
        text=f"{package.name} {package.version} is installed, {what}and gives way to {release.version}",
    )


def torch_notes(torch: TorchInHand, situation: Situation) -> Iterator[Note]:
    """Yield what is to say about the chosen torch."""
    installed = situation.facts.installed.torch
    if torch.installed and torch.version.is_prerelease:
        yield Note(code="unreleased-torch", text=f"torch {torch.version} is no release: nothing is known about its ABI")
    if not torch.installed and installed is not None:
        same = " as another build" if same_version(public(installed.version), public(torch.version)) else ""
        yield Note(code="torch-change", text=f"torch {installed.version} gives way to {torch.version}{same}")
    if torch.row is None:
        yield Note(code="unknown-release", text=f"torch {torch.version} stands in no table: nothing is known about it")
    elif not torch.installed:
        yield from _glibc_assumption(torch.row, situation)
        yield from _free_threading(torch.row, situation)


def bridge_notes(release: BridgeRelease, situation: Situation, *, kept: bool) -> Iterator[Note]:
    """Yield what is to say about the chosen bridge; of one that is ``kept`` as it is, nothing."""
    if kept or is_installed(release, situation.facts):
        return
    yield from replaced(release, situation)
    yield from consent_note(release, situation)
    yield from _glibc_assumption(release, situation)
    for part in release.parts:
        offer = part_offer(part, situation)
        if offer is not None and offer.yanked is not None:
            text = f"{part_name(part)}, which the bridge is made from, was yanked {yanked_words(offer.yanked)}"
            yield Note(code="yanked", text=text)


def provider_notes(ccl: Ccl, torch: TorchInHand, situation: Situation) -> Iterator[Note]:
    """Yield what is to say about bindings that are installed and not chosen."""
    mixture = mixture_finding(situation.facts)
    if mixture is not None:
        yield mixture
    elif ccl.provider != "bindings":
        yield from _stranded_bindings(torch, situation)
        yield from _in_the_way(ccl, situation)


def _in_the_way(ccl: Ccl, situation: Situation) -> Iterator[Note]:
    """Yield how to have the bridge where nothing but installed bindings keeps it out."""
    rows, package = situation.tables.bridge, situation.facts.installed.bindings
    if package is None or not rows:
        return
    against = [rejection.rule for rejection in ccl.rejections if rejection.release == name_of(rows[-1])]
    if against == [BESIDE]:
        command = removal_command(situation.facts, package)
        text = f"the bridge would serve: remove {package.name} with `{command}` and run this again"
        yield Note(code="beside", text=text)


def _stranded_bindings(torch: TorchInHand, situation: Situation) -> Iterator[Note]:
    """Yield a warning where bindings stay installed that do not belong to the chosen torch."""
    package = situation.facts.installed.bindings
    if package is None:
        return
    row = next((row for row in situation.tables.oneccl if row.version == public(package.version)), None)
    if row is None or not row.torch.contains(upstream(torch.version), prereleases=True):
        text = f"{package.name} {package.version} is installed and is not for torch {torch.version}: do not import it"
        yield Note(code="stranded-bindings", text=text)


def _only_off_index(release: IpexRelease, situation: Situation) -> Iterator[Note]:
    if situation.market.asked or is_installed(release, situation.facts):
        return
    if situation.python in release.python and situation.python not in release.python_on_index:
        yield Note(
            code="not-on-index",
            text=f"the wheel of {name_of(release)} for Python {situation.python} was never on the package index, only "
            "on Intel's own pages: have it at hand and name its place with --source",
        )


def _assumptions(release: IpexRelease, situation: Situation) -> Iterator[Note]:
    """Yield one note for each unknown fact that an IPEX release rests on."""
    host, target, name = situation.facts.host, situation.facts.target, name_of(release)
    yield from _glibc_assumption(release, situation)
    if release.execstack and host.libc.version is None:
        yield _assumed(f"the target's glibc is unknown, and {name} does not load on glibc 2.41 or newer")
    if release.glibcxx is not None and release.glibcxx > _COMMON_GLIBCXX and target.glibcxx is None:
        yield _assumed(f"the target's libstdc++ is unknown, and {name} needs GLIBCXX_{release.glibcxx}")
    if release.min_isa > IsaLevel.DEFAULT and host.cpu.isa is None:
        yield _assumed(f"the target's processor is unknown, and {name} needs {isa_words(release.min_isa)}")
    if release.needed_libs and target.libraries is None:
        yield _assumed(f"the target's libraries are unknown, and {name} needs {' and '.join(release.needed_libs)}")


def _glibc_assumption(release: Release, situation: Situation) -> Iterator[Note]:
    libc, glibc = situation.facts.host.libc, needed_glibc(release, situation)
    if glibc is not None and glibc > _COMMON_GLIBC and libc.version is None and libc.family != "musl":
        yield _assumed(f"the target's glibc is unknown, and {name_of(release)} needs {glibc} or newer")


def _free_threading(row: TorchRelease, situation: Situation) -> Iterator[Note]:
    if situation.facts.target.free_threaded and project_of(row) not in situation.offers:
        yield _assumed(f"the tables do not say whether {name_of(row)} has a wheel for a free-threaded Python")


def _assumed(text: str) -> Note:
    return Note(code="assumed", text=text)
