"""What `doctor` reports. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

Severity = Literal["error", "warning", "info"]
"""``error``: it does not work, or not for long; ``warning``: it works worse than it could; ``info``: worth knowing."""

SEVERITIES = get_args(Severity)

Place = Literal["packages", "shell", "machine", "network"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that is wrong, or worth knowing."""

    id: str
    severity: Severity
    summary: str
    evidence: tuple[str, ...] = ()
    """What was seen, as ``LD_PRELOAD=/x/libiomp5.so``."""
    cause: str | None = None
    cure: str | None = None
    install: tuple[str, ...] = ()
    """Arguments of `ipexenv install` that put it right without risk; empty where there are none."""
    place: Place = "packages"
    """Where the cure has to be carried out."""

    def as_mapping(self) -> dict[str, Any]:
        """Return its part of the JSON data."""
        return {
            "id": self.id,
            "severity": self.severity,
            "summary": self.summary,
            "evidence": list(self.evidence),
            "cause": self.cause,
            "cure": self.cure,
            "fix": f"ipexenv install {' '.join(self.install)}".rstrip() if self.install else None,
        }


def in_order(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Return the worst first, each only once."""
    unique = {(finding.id, finding.summary): finding for finding in findings}
    return tuple(sorted(unique.values(), key=lambda finding: SEVERITIES.index(finding.severity)))


def merged(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Return one finding for each id and cause: the first of them, with the evidence of all and the worst severity."""
    first: dict[tuple[str, str | None], Finding] = {}
    for finding in findings:
        key = (finding.id, finding.cause)
        known = first.get(key)
        if known is None:
            first[key] = finding
            continue
        evidence = tuple(dict.fromkeys((*known.evidence, finding.summary, *finding.evidence)))
        severity = min(known.severity, finding.severity, key=SEVERITIES.index)
        first[key] = replace(known, evidence=evidence, severity=severity)
    return tuple(first.values())
