"""The checks of `verify`, as `doctor --deep` runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.verify.expectation import expected_ccl, expected_imports, expected_stack
from ipexenv.verify.options import DEFAULT_NPROC, VerifyOptions
from ipexenv.verify.run import verify

if TYPE_CHECKING:
    from ipexenv.events import Listener
    from ipexenv.facts import Facts
    from ipexenv.system.world import World
    from ipexenv.verify.checks import Check


def deep_checks(world: World, facts: Facts, listen: Listener) -> tuple[Check, ...]:
    """Import torch, IPEX and the ccl backend in children, train a little, and let two processes talk."""
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
