"""What `doctor` reports. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

Severity = Literal["error", "warning", "info"]
"""``error``: it does not work, or not for long; ``warning``: it works worse than it could; ``info``: worth knowing."""

SEVERITIES = get_args(Severity)


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
