"""Find what is wrong here: what is installed, what surrounds it, and with --deep what happens when it runs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ipexenv import __version__
from ipexenv.answer import Answer, Problem
from ipexenv.doctor.bundle import refuse_existing, write_bundle
from ipexenv.doctor.deep import deep_findings
from ipexenv.doctor.examine import examine
from ipexenv.doctor.finding import in_order
from ipexenv.doctor.fixing import accounted, fix
from ipexenv.doctor.log import last_text
from ipexenv.doctor.looking import look
from ipexenv.doctor.redaction import redact, redacted
from ipexenv.doctor.rules.states import known_states
from ipexenv.doctor.sources import silent_sources
from ipexenv.facts_json import facts_as_mapping
from ipexenv.probe.choice import add_target_options, choose_target, target_words
from ipexenv.probe.look import probe
from ipexenv.report.doctor import count_words, markdown, show_findings
from ipexenv.tables.load import load_tables
from ipexenv.tables.load_failures import load_failures

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from ipexenv.doctor.finding import Finding
    from ipexenv.doctor.surroundings import Surroundings
    from ipexenv.events import Listener
    from ipexenv.system.world import World
    from ipexenv.tables.failures import Failure
    from ipexenv.tables.schema import Tables


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare where to look, how deep, and what to do with what is found."""
    add_target_options(parser)
    parser.add_argument("--deep", action="store_true", help="import everything and train in child processes as well")
    parser.add_argument("--sources", action="store_true", help="ask the places that serve wheels whether they answer")
    parser.add_argument("--hostfile", metavar="FILE", help="look whether ssh would get to these hosts; sends nothing")
    parser.add_argument("--fix", action="store_true", help="repair what `ipexenv install` can repair without risk")
    parser.add_argument("--markdown", action="store_true", help="print it for an issue, without names and secrets")
    parser.add_argument("--bundle", metavar="FILE.zip", help="write facts and findings, redacted, into a file to send")


def run(options: argparse.Namespace, world: World, listen: Listener) -> Answer:
    """Look, and answer no where a finding is an error. Raises UsageError and OutsideError as `verify` does."""
    bundle = None if options.bundle is None else world.directory / options.bundle
    if bundle is not None:
        refuse_existing(bundle)
    directory = None if options.tables is None else world.directory / options.tables
    tables = load_tables(directory)
    failures = load_failures(directory)
    seen, findings = _examined(options, world, tables, failures)
    repair = None
    if options.fix:
        before, repair = findings, fix(findings, options, world, listen)
        if repair.command is not None and repair.failed is None:
            seen, findings = _examined(options, world, tables, failures)
        repair = accounted(repair, before, findings)
    if options.sources:
        findings = in_order((*findings, *silent_sources(world, tables, failures, seen)))
    looked = "looked at what is installed and around it; `--deep` runs it as well"
    if options.deep:
        findings = in_order((*findings, *deep_findings(world, seen, failures, listen)))
        looked = "looked at what is installed and around it, and ran it"
    names: dict[str, Any] = {"host": seen.network.host_name, "others": seen.ssh.hosts}
    data = {
        "ipexenv": __version__,
        "findings": [finding.as_mapping() for finding in findings],
        "facts": facts_as_mapping(seen.facts),
        "deep": options.deep,
        "fix": None if repair is None else repair.as_mapping(),
    }
    report = redact(markdown(findings, seen.facts, looked), world.env, **names)
    if bundle is not None:
        write_bundle(bundle, report, *redacted((data, last_text(world)), world.env, **names))
    errors = [finding for finding in findings if finding.severity == "error"]
    return Answer(
        data=data,
        raw=report if options.markdown else None,
        show=partial(show_findings, findings, looked, () if repair is None else repair.told()),
        exit_code=1 if errors else 0,
        problems=(Problem(code=errors[0].id, message=count_words(findings), hint=errors[0].cure),) if errors else (),
    )


def _examined(
    options: argparse.Namespace, world: World, tables: Tables, failures: Sequence[Failure]
) -> tuple[Surroundings, tuple[Finding, ...]]:
    facts = probe(world, choose_target(options, world), libraries=tables.needed_libraries)
    seen = look(world, facts, target_words(options), hostfile=options.hostfile)
    return seen, in_order((*examine(seen, tables), *known_states(seen, failures)))
