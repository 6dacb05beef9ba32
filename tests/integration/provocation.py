"""What brings about one failure of the catalogue for real."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Around = Literal["small shared memory", "small disk", "one cpu"]
"""What a command is run in: /dev/shm of 1 MB; a disk of 4 MB at ``$TMP/disk``; a cpuset with a single CPU."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Provocation:
    """One failure, and how to have it.

    The command is for a shell: ``$PY`` is the Python of the environment that it names, ``$PACKAGE`` that environment's
    IPEX, ``$SITE_PACKAGES`` where its packages are; ``$PIP`` is a pip, ``$SITE`` the address of a server of the test's
    own, ``$TMP`` a folder of its own, ``$LIBRARIES`` one with oneCCL and Intel MPI of today.
    """

    cause: str
    """Id of the row that has to be named first."""
    command: str
    where: str | None = None
    """The environment, as ``Places.python`` takes it; None where any Python will do."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables; ``$NAME`` in their values is filled in."""
    around: Around | None = None
    name: str = ""
    """Tells two provocations of one cause apart."""

    @property
    def label(self) -> str:
        """Return the name of its test."""
        return f"{self.cause} {self.name}".strip()


def python(code: str) -> str:
    """Return the command that runs ``code``, which holds no single quotes, in the environment's Python."""
    assert "'" not in code, code
    return f"$PY -c '{code}'"


def ranks(code: str, *, count: int = 2) -> str:
    """Return the command that runs ``code`` as ranks that find each other by a file, and waits for all of them."""
    return each_rank(python(code), count=count)


def each_rank(command: str, *, count: int = 2, started: int | None = None) -> str:
    """Return the command that runs ``command`` once for each of ``count`` ranks, or for the first of them alone."""
    start = f"RANK=$rank WORLD_SIZE={count} {command} &"
    return f"for rank in $(seq 0 {(started or count) - 1}); do {start} done; wait"
