"""The decision: which torch, IPEX and bindings this target gets, or why none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.errors import AnswerIsNo
from ipexenv.outcome import Market, Pin, Rejection, Resolution
from ipexenv.resolve.ccl import Ccl, choose_ccl, must_have_bindings
from ipexenv.resolve.notes import consent_note, pair_notes, replaced, stranded_bindings, torch_notes
from ipexenv.resolve.offers import best_offer
from ipexenv.resolve.pairs import find_pairs
from ipexenv.resolve.partners import choose_partners, numpy_finding, numpy_range
from ipexenv.resolve.refusal import Refusal
from ipexenv.resolve.refusing import error_for
from ipexenv.resolve.rules.supply import yanked_reason
from ipexenv.resolve.situation import Situation, admits, distribution_of, installed_of, is_installed, upstream
from ipexenv.resolve.torches import Torches, installable_torches, installed_torch, torch_offer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from packaging.version import Version

    from ipexenv.facts import Facts
    from ipexenv.outcome import Note, Request
    from ipexenv.resolve.pairs import Pair
    from ipexenv.resolve.situation import TorchInHand
    from ipexenv.tables.schema import IpexRelease, OneCclRelease, Tables


_ASK_ANYWAY = ("bindings-unavailable", "no-compatible-torch")
"""Refusals that a source can lift: it may have files that no table knows of."""


def solve(facts: Facts, request: Request, tables: Tables, market: Market) -> Resolution:
    """Choose torch, IPEX and the ccl provider for a target, from facts, tables and what sources offer.

    The installed torch is kept unless the request excludes it and consents to a change; a yanked release is taken with
    consent alone, a broken one never. Unknown facts do not object; a note says what was assumed. Only versions that
    stand in the tables are chosen, whatever a source offers. Nothing depends on the order of offers or rows.

    Raises AnswerIsNo where nothing fits, with the facts that clash, a command that does resolve, and ``data`` in the
    shape of ``Resolution.as_mapping``; OutsideError where it would fit and the sources that should serve it failed.
    """
    situation = Situation.of(facts, request, tables, market)
    decision = decide(situation)
    if isinstance(decision, Resolution):
        return decision
    raise error_for(decision, situation, decide)


def solve_asking(  # noqa: PLR0913 (solve's own, how to ask, and the two options that bear on asking)
    facts: Facts,
    request: Request,
    tables: Tables,
    ask: Callable[[], Market],
    *,
    offline: bool,
    sources: Sequence[str],
) -> tuple[Resolution, Market]:
    """Solve from the tables, and ask sources only where what they offer can change the answer.

    ``sources`` are those that the user names: they may hold what no table knows, so they are asked unless all that is
    wanted is installed. Returns the resolution and what was offered. Raises as ``solve`` and ``ask`` do.
    """
    try:
        resolution = solve(facts, request, tables, Market())
    except AnswerIsNo as error:
        if not sources and (offline or error.code not in _ASK_ANYWAY):
            raise
    else:
        complete = all(pin.installed for pin in resolution.pins)
        if sources:
            complete = complete and (resolution.ccl != "none" or request.ccl == "none")
        if complete or (offline and not sources):
            return resolution, Market()
    market = ask()
    return solve(facts, request, tables, market), market


def decide(situation: Situation) -> Resolution | Refusal:
    """Try the installed torch first; then, where the request allows it, those that could be installed."""
    installed = installed_torch(situation.facts, situation.tables)
    allowed = installed is not None and _is_wanted(installed.version, situation.request)
    refusal: Refusal | None = None
    if installed is not None and allowed:
        decision = _decide_among(Torches(usable=(installed,)), situation)
        if isinstance(decision, Resolution):
            return decision
        refusal = decision
    if installed is not None and not situation.request.allow_torch_change:
        return refusal or Refusal(kind="torch-change", torch=installed)
    decision = _decide_among(installable_torches(situation), situation)
    return decision if isinstance(decision, Resolution) or refusal is None else refusal


def _is_wanted(installed: Version, request: Request) -> bool:
    """Say whether the request allows the installed torch: itself, or as the release that conda-forge built it from."""
    return admits(request.torch, installed) or admits(request.torch, upstream(installed))


def _decide_among(torches: Torches, situation: Situation) -> Resolution | Refusal:
    if situation.request.stack == "native":
        return _decide_native(torches, situation)
    pairs = find_pairs(situation, torches)
    against = (*pairs.rejections, *torches.rejections)
    without_ccl: Ccl | None = None
    for pair in pairs.fitting:
        there = situation.with_torch(pair.torch)
        ccl = choose_ccl(there)
        if ccl.release is not None or not must_have_bindings(situation.request):
            return _resolution(pair.torch, pair, ccl, there, against)
        without_ccl = without_ccl or ccl
    if without_ccl is not None:
        return _no_bindings(pairs.fitting[0].torch, without_ccl, against)
    return Refusal(kind="pair", torch=torches.settled, rejections=_with_ccl(against, torches, situation))


def _decide_native(torches: Torches, situation: Situation) -> Resolution | Refusal:
    without_ccl: Ccl | None = None
    for torch in torches.usable:
        there = situation.with_torch(torch)
        ccl = choose_ccl(there)
        if ccl.release is not None or not must_have_bindings(situation.request):
            return _resolution(torch, None, ccl, there, torches.rejections)
        without_ccl = without_ccl or ccl
    if without_ccl is not None:
        return _no_bindings(torches.usable[0], without_ccl, torches.rejections)
    return Refusal(kind="torch", torch=None, rejections=torches.rejections)


def _no_bindings(torch: TorchInHand, ccl: Ccl, against: tuple[Rejection, ...]) -> Refusal:
    return Refusal(kind="bindings", torch=torch, rejections=(*against, *ccl.rejections), reason=ccl.reason)


def _with_ccl(against: tuple[Rejection, ...], torches: Torches, situation: Situation) -> tuple[Rejection, ...]:
    if torches.settled is None:
        return against
    return (*against, *choose_ccl(situation.with_torch(torches.settled)).rejections)


def _resolution(
    torch: TorchInHand, pair: Pair | None, ccl: Ccl, there: Situation, against: tuple[Rejection, ...]
) -> Resolution:
    partners = choose_partners(torch, there)
    chosen = [release for release in (None if pair is None else pair.ipex, ccl.release) if release is not None]
    numpy = numpy_range(torch.version, there.tables)
    return Resolution(
        torch=torch.version,
        python=there.facts.target.version,
        stack=there.request.stack,
        ccl="none" if ccl.release is None else "bindings",
        ccl_version=None if ccl.release is None else ccl.release.version,
        ccl_reason=ccl.reason,
        pins=(_torch_pin(torch, there), *(_pin(release, there) for release in chosen), *partners.pins),
        constraints=() if numpy is None else (f"numpy{numpy}",),
        import_names=("torch", *(release.import_name for release in chosen)),
        rejections=(*against, *ccl.rejections),
        notes=(*_notes(torch, pair, ccl, there), *partners.notes),
    )


def _notes(torch: TorchInHand, pair: Pair | None, ccl: Ccl, there: Situation) -> Iterator[Note]:
    yield from torch_notes(torch, there)
    if torch.row is not None and not torch.installed:
        yield from consent_note(torch.row, there)
    if pair is not None:
        yield from consent_note(pair.ipex, there)
        yield from pair_notes(pair, there)
    yield from ccl.notes
    if ccl.release is None:
        yield from stranded_bindings(torch, there)
    else:
        yield from consent_note(ccl.release, there)
        yield from replaced(ccl.release, there)
    numpy = numpy_finding(torch.version, there.facts, there.tables)
    if numpy is not None:
        yield numpy


def _torch_pin(torch: TorchInHand, there: Situation) -> Pin:
    if torch.installed:
        return Pin(name="torch", version=torch.version, source="installed", installed=True)
    offer = torch_offer(torch, there)
    yanked = None if torch.row is None else yanked_reason(torch.row, there)
    if offer is None:
        return Pin(name="torch", version=torch.version, source="tables", yanked=yanked)
    return Pin(name="torch", version=offer.version, source=offer.source, yanked=yanked, offer=offer)


def _pin(release: IpexRelease | OneCclRelease, there: Situation) -> Pin:
    name, yanked = distribution_of(release), yanked_reason(release, there)
    package = installed_of(release, there.facts)
    if package is not None and is_installed(release, there.facts):
        return Pin(name=name, version=package.version, source="installed", yanked=yanked, installed=True)
    offer = best_offer(release, there)
    if offer is None:
        return Pin(name=name, version=release.version, source="tables", yanked=yanked)
    return Pin(name=name, version=offer.version, source=offer.source, yanked=yanked, offer=offer)
