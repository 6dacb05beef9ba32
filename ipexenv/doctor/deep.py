"""What `doctor --deep` runs: imports in children, and the checks of `verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.doctor.children import import_alone
from ipexenv.doctor.deep_findings import from_checks, from_children
from ipexenv.doctor.finding import merged
from ipexenv.verify.expectation import expected_ccl, expected_imports, expected_stack
from ipexenv.verify.options import DEFAULT_NPROC, VerifyOptions
from ipexenv.verify.run import verify

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ipexenv.doctor.finding import Finding
    from ipexenv.doctor.surroundings import Surroundings
    from ipexenv.events import Listener
    from ipexenv.facts import Facts
    from ipexenv.system.world import World
    from ipexenv.tables.failures import Failure
    from ipexenv.verify.checks import Check


def deep_findings(
    world: World, seen: Surroundings, failures: Sequence[Failure], listen: Listener
) -> tuple[Finding, ...]:
    """Import everything in children of its own, then prove the environment as `verify` does.

    What both say of one cause is one finding, with the evidence of both.
    """
    children = from_children(import_alone(world, seen.facts, listen), seen, failures)
    checks = from_checks(deep_checks(world, seen.facts, listen), seen, failures)
    return merged((*children, *checks))


def deep_checks(world: World, facts: Facts, listen: Listener) -> tuple[Check, ...]:
    """Import torch, IPEX and the ccl backend in one process, train a little, and let two processes talk."""
    if facts.installed.torch is None:
        return ()
    stack, _ = expected_stack(facts, None)
    ccl = expected_ccl(facts, "auto")
    options = VerifyOptions(
        stack=stack,
        ccl=ccl,
        ccl_reason="none is installed" if ccl == "none" else None,
        import_names=expected_imports(facts, stack, ccl),
        nproc=DEFAULT_NPROC,
    )
    return verify(world, facts, options, listen).checks
