"""The error that says why a decision came to nothing, and what would help."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ipexenv.errors import AnswerIsNo, IpexenvError, OutsideError
from ipexenv.outcome import Market, Resolution, rejection_as_mapping
from ipexenv.resolve.causes import find_causes
from ipexenv.resolve.cures import find_cures
from ipexenv.tables.bridge import BRIDGE_PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable

    from ipexenv.resolve.refusal import Refusal
    from ipexenv.resolve.situation import Situation

_MESSAGES = {
    "no-compatible-release": "no IPEX release fits this environment",
    "no-compatible-torch": "no torch release fits this environment",
    "yanked-refused": "the release that fits was yanked, and taking it needs consent",
    "torch-change-refused": "another torch is installed, and changing it needs consent",
    "bindings-unavailable": "no oneCCL bindings fit this environment",
    "bridge-unavailable": "the bridge cannot serve this environment",
    "mpi-unavailable": "Intel MPI cannot be had for this environment",
    "no-source": "no source serves the release that fits",
}

_SUPPLY = frozenset({"no-source", "wrong-file", "unknown-file"})
"""Rules that a source with the right file would answer."""


def error_for(refusal: Refusal, situation: Situation, decide: Callable[[Situation], Resolution | Refusal]) -> Exception:
    """Return the error to raise; its hint names commands that were tried and do resolve."""
    causes, code = find_causes(refusal, situation)
    deeper = _after_consent(refusal, situation, decide)
    if deeper is not None:
        causes += find_causes(deeper, situation)[0]
    kind: type[IpexenvError] = AnswerIsNo
    hint = find_cures(refusal, code, situation, decide)
    unserved = _unserved(refusal, situation, decide)
    if _is_unserved_extra(refusal):
        hint += ", or name a place that serves them with `--source`"
    if refusal.kind in {"pair", "torch"} and unserved:
        code, causes = "no-source", unserved
        if any(report.state == "failed" for report in situation.market.reports):
            kind = OutsideError
            hint = "check network and proxy, or name a folder of wheels or another index with `--source`"
    return kind(_MESSAGES[code], code=code, causes=causes, hint=hint, data=_data(refusal, situation))


def _is_unserved_extra(refusal: Refusal) -> bool:
    """Say whether what is refused, apart from torch and IPEX, could be had if only a source served it."""
    served_by_none = any(rejection.rule in _SUPPLY for rejection in refusal.rejections)
    return served_by_none and refusal.kind in {"bindings", "bridge", "mpi"}


def _after_consent(
    refusal: Refusal, situation: Situation, decide: Callable[[Situation], Resolution | Refusal]
) -> Refusal | None:
    """Return what would still stand in the way after consent to another torch."""
    if refusal.kind != "torch-change":
        return None
    request = replace(situation.request, allow_torch_change=True)
    decision = decide(replace(situation, request=request))
    return None if isinstance(decision, Resolution) else decision


def _unserved(
    refusal: Refusal, situation: Situation, decide: Callable[[Situation], Resolution | Refusal]
) -> tuple[str, ...]:
    """Return which releases would be the answer if only a source served them; nothing where that is not it."""
    if not situation.market.asked:
        return ()
    decision = decide(replace(situation, market=Market(), offers={}, barred=()))
    if not isinstance(decision, Resolution):
        return ()
    extras = {row.package for row in situation.tables.oneccl} | {BRIDGE_PROJECT}
    chosen = {f"{pin.name} {pin.version.public}" for pin in decision.pins if pin.name not in extras}
    return tuple(
        f"{rejection.release} {rejection.reason}"
        for rejection in refusal.rejections
        if rejection.rule in _SUPPLY and rejection.release in chosen
    )


def _data(refusal: Refusal, situation: Situation) -> dict[str, Any]:
    """Return the JSON ``data`` of a refusal, in the shape of ``Resolution.as_mapping``."""
    wanted = situation.request.torch
    named = None if wanted is None or str(wanted).endswith("*") else str(wanted).removeprefix("==")
    return {
        "torch": named if refusal.torch is None else str(refusal.torch.version),
        "python": str(situation.facts.target.version),
        "stack": situation.request.stack,
        "ccl": {"provider": "none", "version": None, "reason": refusal.reason},
        "pins": [],
        "constraints": [],
        "import_names": [],
        "rejections": [rejection_as_mapping(rejection) for rejection in refusal.rejections],
        "notes": [],
    }
