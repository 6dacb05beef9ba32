"""One run of the set-up step while it is under way: what is known so far, and how long each stage took."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ipexenv.ci.inputs import Proving
    from ipexenv.ci.keeping import Place
    from ipexenv.ci.speaking import Speaker
    from ipexenv.ci.summary import CacheTold
    from ipexenv.facts import Facts
    from ipexenv.system.world import World


@dataclass(kw_only=True, slots=True)
class Course:
    """What a run of the step has come to."""

    world: World
    speaker: Speaker
    folder: Path
    """For everything that the step writes."""
    more_words: tuple[str, ...] = ()
    """Options of every command that is called, as ``--tables=DIR``."""
    document: dict[str, Any] = field(default_factory=dict)
    """The envelope of ``install``, with the checks of ``verify``."""
    proving: Proving = "false"
    place: Place | None = None
    facts: Facts | None = None
    cache: CacheTold | None = None
    entry: str = ""
    """Name to store the environment under; empty where it is not to be stored."""
    timings: dict[str, float] = field(default_factory=dict)
    """Seconds by stage."""
    variables: dict[str, str] = field(default_factory=dict)
    """For later steps; empty unless all went well."""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the block."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.timings[name] = self.timings.get(name, 0.0) + time.perf_counter() - began

    @property
    def is_good(self) -> bool:
        """Say whether nothing is wrong so far, a degraded check included where ``verify`` is strict."""
        checks = ((self.document.get("data") or {}).get("verify") or {}).get("checks", ())
        below = self.proving == "strict" and any(check["status"] == "degraded" for check in checks)
        return self.document.get("exit_code", 0) == 0 and not below
