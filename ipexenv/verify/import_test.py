"""The least that has to hold before an installation counts: the pair can be imported, in a process of the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.errors import OutsideError
from ipexenv.verify.job import Job
from ipexenv.verify.single import run_import

if TYPE_CHECKING:
    from ipexenv.events import Listener
    from ipexenv.facts import Facts
    from ipexenv.system.world import World
    from ipexenv.verify.options import VerifyOptions

_LAST_LINES = 3


def import_test(world: World, facts: Facts, options: VerifyOptions, listen: Listener) -> None:
    """Import torch and what goes with it, in order. Raises OutsideError that says how it ended, crashes included."""
    check = run_import(Job.prepare(world, facts, options, listen))
    if check.status != "fail":
        return
    printed = tuple(f"it printed: {line.strip()}" for line in check.output.splitlines()[-_LAST_LINES:] if line.strip())
    raise OutsideError(
        "what was installed cannot be imported",
        code="import-failed",
        causes=(check.detail, *printed),
        hint=check.hint or "`--keep` leaves it installed, so that you can look into it",
        data={"import": {"detail": check.detail, "code": check.measurements.get("code"), "output": check.output}},
    )
