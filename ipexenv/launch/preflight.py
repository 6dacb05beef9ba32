"""What has to be the same on all hosts, and what each has to have, before ranks are started. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipexenv.errors import AnswerIsNo, OutsideError
from ipexenv.launch.survey import SAME_PATH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ipexenv.launch.survey import Surveyed

DISTRIBUTIONS = (
    "intel_extension_for_pytorch",
    "oneccl_bind_pt",
    "ipexenv-oneccl-bridge",
    "transformers",
    "accelerate",
    "numpy",
)
"""What is compared beside Python and torch."""

_MUST_AGREE = ("torch", "oneccl_bind_pt", "ipexenv-oneccl-bridge")

LEAST_SHM_BYTES = 256 << 20
"""Of /dev/shm for each rank; containers have 64 MiB unless told otherwise."""
LEAST_OPEN_FILES = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A version that is not the same everywhere."""

    name: str
    versions: tuple[tuple[str, str | None], ...]
    """Host and version, None where it is not installed."""

    @property
    def refuses(self) -> bool:
        """Say whether ranks with these versions would not understand each other."""
        return self.name in _MUST_AGREE

    @property
    def words(self) -> str:
        """Return it as ``numpy: 1.26.4 on node1, none on node2``."""
        return f"{self.name}: " + ", ".join(f"{version or 'none'} on {host}" for host, version in self.versions)


def refuse_problems(hosts: Sequence[Surveyed]) -> None:
    """Raise OutsideError that names every host that cannot take part, and why."""
    problems = [(host.name, host.problem) for host in hosts if host.problem is not None]
    if problems:
        _, first = problems[0]
        raise OutsideError(
            f"{len(problems)} of {len(hosts)} hosts cannot take part",
            code=first.code,
            causes=tuple(f"{name}: {problem.cause}" for name, problem in problems),
            hint=first.hint,
            data={"hosts_at_fault": [name for name, _ in problems]},
        )
    absent = [f"{host.name} has no {path}" for host in hosts for path in host.absent]
    if absent:
        raise OutsideError(
            "what is to be run is not on every host", code="absent", causes=tuple(absent), hint=SAME_PATH
        )


def differences(hosts: Sequence[Surveyed]) -> tuple[Difference, ...]:
    """Return what is not the same on all hosts, what refuses first."""
    rows = {"torch": [host.torch for host in hosts], "Python": [host.python for host in hosts]}
    rows |= {name: [host.versions.get(name) for host in hosts] for name in DISTRIBUTIONS}
    names = [host.name for host in hosts]
    found = [
        Difference(name=name, versions=tuple(zip(names, versions, strict=True)))
        for name, versions in rows.items()
        if len(set(versions)) > 1
    ]
    return tuple(sorted(found, key=lambda difference: not difference.refuses))


def refuse_differences(found: Sequence[Difference]) -> None:
    """Raise AnswerIsNo where versions differ that must not."""
    if any(difference.refuses for difference in found):
        raise AnswerIsNo(
            "the hosts have unlike environments",
            code="hosts-differ",
            causes=tuple(difference.words for difference in found),
            hint=f"{SAME_PATH}; `ipexenv lock` there and `ipexenv install --from-lock` here make them the same",
            data={"differences": {difference.name: dict(difference.versions) for difference in found}},
        )


def shortages(hosts: Sequence[Surveyed], ranks: Mapping[str, int]) -> tuple[str, ...]:
    """Return what the user should know of limits that are too tight for so many ``ranks`` on each host."""
    found = []
    for host in hosts:
        gathered = host.told.get("topology") or {}
        size = gathered.get("shm_bytes")
        if size is not None and size < LEAST_SHM_BYTES * ranks.get(host.name, 1):
            found.append(
                f"the shared memory of {host.name} (/dev/shm) has {size >> 20} MiB for "
                f"{ranks.get(host.name, 1)} rank(s); "
                "data loaders and oneCCL pass tensors through it (`docker run --shm-size 8g`, "
                "`mount -o remount,size=8g /dev/shm`)"
            )
        if host.open_files is not None and 0 <= host.open_files < LEAST_OPEN_FILES:
            found.append(
                f"a process on {host.name} may open {host.open_files} files, and data loaders need thousands "
                "(`ulimit -Hn`, /etc/security/limits.conf)"
            )
    return tuple(found)
