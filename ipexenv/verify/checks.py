"""What `verify` proves and how each proof ended. Pure data."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

CheckStatus = Literal["pass", "degraded", "fail", "skip"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing that was proven, or not."""

    id: str
    """``import``, ``isa``, ``bf16-path``, ``train``, ``allreduce``, ``ddp`` or ``ddp-gloo``."""
    status: CheckStatus
    detail: str
    """One line: what was found, or the cause of the failure in words."""
    seconds: float = 0.0
    measurements: Mapping[str, Any] = field(default_factory=dict)
    """Plain JSON data: figures with their unit in the name, versions, paths."""
    output: str = ""
    """The last lines that the child printed; empty unless the check failed."""
    hint: str | None = None
    """The next command; None where there is nothing to do."""

    def as_mapping(self) -> dict[str, Any]:
        """Return one entry of the JSON ``checks``; ``output`` and ``hint`` only where there is any."""
        row: dict[str, Any] = {
            "id": self.id,
            "status": self.status,
            "detail": self.detail,
            "seconds": round(self.seconds, 3),
            "measurements": {name: _plain(value) for name, value in self.measurements.items()},
        }
        if self.output:
            row["output"] = self.output
        if self.hint is not None:
            row["hint"] = self.hint
        return row


def _plain(value: Any) -> Any:  # noqa: ANN401 (any measurement)
    """Return ``value`` as JSON can hold it: it knows no NaN and no infinity."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True, kw_only=True, slots=True)
class HostReport:
    """What one host of a distributed check has."""

    name: str
    """As the hostfile calls it."""
    ranks: tuple[int, ...]
    torch: str | None = None
    oneccl: str | None = None
    """Version of the oneCCL that its ranks ran on; None where none did."""
    interface: str | None = None
    """Network interface that oneCCL used there."""
    problem: str | None = None
    """Why it could not take part."""

    def as_mapping(self) -> dict[str, Any]:
        """Return one entry of the JSON ``hosts``."""
        return {
            "host": self.name,
            "ranks": list(self.ranks),
            "torch": self.torch,
            "oneccl": self.oneccl,
            "interface": self.interface,
            "problem": self.problem,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifyReport:
    """All checks of one run, in the order in which they ran."""

    checks: tuple[Check, ...]
    hosts: tuple[HostReport, ...] = ()
    """The hosts of the distributed checks; empty where they ran on this one alone."""

    @property
    def passed(self) -> bool:
        """Say whether no check failed; degraded and skipped checks do not count against it."""
        return all(check.status != "fail" for check in self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        """Return the checks that failed."""
        return tuple(check for check in self.checks if check.status == "fail")

    def as_mapping(self) -> dict[str, Any]:
        """Return the JSON ``data`` of ``verify``; ``hosts`` only where there are several."""
        hosts = {"hosts": [host.as_mapping() for host in self.hosts]} if self.hosts else {}
        return {"checks": [check.as_mapping() for check in self.checks], **hosts}
