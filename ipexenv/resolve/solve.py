"""The decision: which torch, IPEX and bindings this target gets, or why none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ipexenv.errors import AnswerIsNo
from ipexenv.outcome import Market, Rejection, Resolution
from ipexenv.resolve.ccl import Ccl, choose_ccl, wanted_provider
from ipexenv.resolve.mpi import choose_mpi
from ipexenv.resolve.notes import bridge_notes, consent_note, pair_notes, provider_notes, replaced, torch_notes
from ipexenv.resolve.pairs import Pair, find_pairs
from ipexenv.resolve.partners import choose_partners, numpy_finding, numpy_range
from ipexenv.resolve.pins import ccl_pins, release_pin, torch_pin
from ipexenv.resolve.refusal import Refusal
from ipexenv.resolve.refusing import error_for
from ipexenv.resolve.situation import Situation, TorchInHand, admits, upstream
from ipexenv.resolve.torches import Torches, installable_torches, installed_torch
from ipexenv.tables.bridge import BRIDGE_MODULE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from packaging.version import Version

    from ipexenv.facts import Facts
    from ipexenv.outcome import Note, Request
    from ipexenv.tables.schema import Tables


_ASK_ANYWAY = ("bindings-unavailable", "no-compatible-torch")
"""Refusals that a source can lift: it may have files that no table knows of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Choice:
    """A torch to decide for, with its IPEX unless the stack is native."""

    torch: TorchInHand
    pair: Pair | None = None


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
        choices = [_Choice(torch=torch) for torch in torches.usable]
        against = torches.rejections
    else:
        pairs = find_pairs(situation, torches)
        choices = [_Choice(torch=pair.torch, pair=pair) for pair in pairs.fitting]
        against = (*pairs.rejections, *torches.rejections)
    if choices:
        return _first_with_ccl(choices, situation, against)
    if situation.request.stack == "native":
        return Refusal(kind="torch", torch=None, rejections=against)
    return Refusal(kind="pair", torch=torches.settled, rejections=_with_ccl(against, torches, situation))


def _first_with_ccl(
    choices: Sequence[_Choice], situation: Situation, against: tuple[Rejection, ...]
) -> Resolution | Refusal:
    """Return the best choice; where a ccl provider must be had, the best that has it."""
    wanted = wanted_provider(situation.request)
    without: Ccl | None = None
    for choice in choices:
        there = situation.with_torch(choice.torch)
        ccl = choose_ccl(there)
        if wanted is None or ccl.provider == wanted:
            return _resolution(choice, ccl, there, against)
        without = without or ccl
    assert wanted is not None  # noqa: S101 (else the first choice was taken)
    assert without is not None  # noqa: S101 (there are choices)
    kind: Literal["bindings", "bridge"] = "bridge" if wanted == "bridge" else "bindings"
    rejections = (*against, *without.rejections)
    return Refusal(kind=kind, torch=choices[0].torch, rejections=rejections, reason=without.reason)


def _with_ccl(against: tuple[Rejection, ...], torches: Torches, situation: Situation) -> tuple[Rejection, ...]:
    if torches.settled is None:
        return against
    return (*against, *choose_ccl(situation.with_torch(torches.settled)).rejections)


def _resolution(choice: _Choice, ccl: Ccl, there: Situation, against: tuple[Rejection, ...]) -> Resolution | Refusal:
    torch, ipex = choice.torch, None if choice.pair is None else choice.pair.ipex
    mpi = choose_mpi(ccl, there)
    if mpi.rejections:
        reason = f"{mpi.rejections[0].release} {'; '.join(rejection.reason for rejection in mpi.rejections)}"
        return Refusal(kind="mpi", torch=torch, rejections=mpi.rejections, reason=reason)
    partners = choose_partners(torch, there)
    pair = () if ipex is None else (release_pin(ipex, there),)
    numpy = numpy_range(torch.version, there.tables)
    return Resolution(
        torch=torch.version,
        python=there.facts.target.version,
        stack=there.request.stack,
        ccl=ccl.provider,
        ccl_version=ccl.version,
        ccl_reason=ccl.reason,
        pins=(torch_pin(torch, there), *pair, *ccl_pins(ccl, there), *mpi.pins, *partners.pins),
        constraints=() if numpy is None else (f"numpy{numpy}",),
        import_names=("torch", *(() if ipex is None else (ipex.import_name,)), *_ccl_modules(ccl)),
        rejections=(*against, *ccl.rejections),
        notes=(*_notes(choice, ccl, there), *mpi.notes, *partners.notes),
    )


def _ccl_modules(ccl: Ccl) -> tuple[str, ...]:
    if ccl.release is not None:
        return (ccl.release.import_name,)
    return () if ccl.bridge is None else (BRIDGE_MODULE,)


def _notes(choice: _Choice, ccl: Ccl, there: Situation) -> Iterator[Note]:
    torch, pair = choice.torch, choice.pair
    yield from torch_notes(torch, there)
    if torch.row is not None and not torch.installed:
        yield from consent_note(torch.row, there)
    if pair is not None:
        yield from consent_note(pair.ipex, there)
        yield from pair_notes(pair, there)
    yield from ccl.notes
    if ccl.release is not None:
        yield from consent_note(ccl.release, there)
        yield from replaced(ccl.release, there)
    if ccl.bridge is not None:
        yield from bridge_notes(ccl.bridge, there, kept=ccl.kept is not None)
    yield from provider_notes(ccl, torch, there)
    numpy = numpy_finding(torch.version, there.facts, there.tables)
    if numpy is not None:
        yield numpy
