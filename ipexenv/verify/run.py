"""Run the checks in child processes of the target and judge how they ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.verify.across import ccl_across_hosts, gloo_across_hosts
from ipexenv.verify.checks import Check, VerifyReport
from ipexenv.verify.job import Job
from ipexenv.verify.ranks import run_over_ccl, run_over_gloo
from ipexenv.verify.single import run_single
from ipexenv.verify.trouble import skipped

if TYPE_CHECKING:
    from ipexenv.events import Listener
    from ipexenv.facts import Facts
    from ipexenv.system.world import World
    from ipexenv.verify.across import Across
    from ipexenv.verify.options import VerifyOptions
    from ipexenv.verify.single import Outcome

_NO_PROVIDER = "no ccl provider is expected here"
_PROVIDERS = {"bindings": "the oneCCL bindings are expected", "bridge": "the bridge is expected"}


def verify(world: World, facts: Facts, options: VerifyOptions, listen: Listener) -> VerifyReport:
    """Prove the target of ``facts``: imports, ISA level, bf16 path, training step, allreduce, DDP step.

    Every check runs in a child process with a time limit; a crash, a hang or noise is data, so this raises nothing
    for what the target does. Raises OutsideError where the ranks cannot be given a temporary
    folder, or where there is no launcher for other hosts.
    """
    job = Job.prepare(world, facts, options, listen)
    outcome = run_single(job)
    checks, hosts = _distributed(job, outcome)
    return VerifyReport(checks=(*outcome.checks, *checks), hosts=hosts)


def _distributed(job: Job, outcome: Outcome) -> Across:
    options = job.options
    across = bool(options.seats)
    if not outcome.imports:
        return tuple(skipped(check, "not tried, because `import` failed") for check in ("allreduce", "ddp")), ()
    if options.ccl == "none":
        reason = options.ccl_reason or _NO_PROVIDER
        without = (skipped("allreduce", f"no ccl backend: {reason}"), skipped("ddp", "no ccl backend, as above"))
        checks, hosts = gloo_across_hosts(job) if across else (run_over_gloo(job), ())
        return (*without, *checks), hosts
    if not outcome.bindings_import:
        hint = next(check.hint for check in outcome.checks if check.id == "import")
        detail = f"{_PROVIDERS[options.ccl]} and cannot be imported"
        return tuple(Check(id=check, status="fail", detail=detail, hint=hint) for check in ("allreduce", "ddp")), ()
    if across:
        return ccl_across_hosts(job, with_ipex=outcome.ipex_brings_ccl)
    return run_over_ccl(job, with_ipex=outcome.ipex_brings_ccl), ()
