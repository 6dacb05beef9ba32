"""Find what is wrong here: what is installed, what surrounds it, and with --deep what happens when it runs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ipexenv.answer import Answer, Problem
from ipexenv.doctor.bundle import write_bundle
from ipexenv.doctor.deep import deep_checks
from ipexenv.doctor.examine import examine, from_checks
from ipexenv.doctor.finding import in_order
from ipexenv.doctor.fixing import fix
from ipexenv.doctor.looking import look
from ipexenv.doctor.redaction import redact, redacted
from ipexenv.doctor.sources import silent_sources
from ipexenv.facts_json import facts_as_mapping
from ipexenv.probe.choice import add_target_options, choose_target, target_words
from ipexenv.probe.look import probe
from ipexenv.report.doctor import count_words, markdown, show_findings
from ipexenv.tables.load import load_tables
from ipexenv.tables.load_failures import load_failures

if TYPE_CHECKING:
    import argparse

    from ipexenv.events import Listener
    from ipexenv.system.world import World


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare where to look, how deep, and what to do with what is found."""
    add_target_options(parser)
    parser.add_argument("--deep", action="store_true", help="import everything and train in child processes as well")
    parser.add_argument("--sources", action="store_true", help="ask the places that serve wheels whether they answer")
    parser.add_argument("--fix", action="store_true", help="repair what `ipexenv install` can repair without risk")
    parser.add_argument(
        "--markdown", action="store_true", help="print it ready for an issue, without names and secrets"
    )
    parser.add_argument("--bundle", metavar="FILE.zip", help="write facts and findings, redacted, into a file to send")


def run(options: argparse.Namespace, world: World, listen: Listener) -> Answer:
    """Look, and answer no where a finding is an error. Raises UsageError and OutsideError as `verify` does."""
    directory = None if options.tables is None else world.directory / options.tables
    tables = load_tables(directory)
    facts = probe(world, choose_target(options, world), libraries=tables.needed_libraries)
    seen = look(world, facts, target_words(options))
    findings = examine(seen, tables)
    if options.fix and fix(findings, options, world, listen):
        facts = probe(world, choose_target(options, world), libraries=tables.needed_libraries)
        seen = look(world, facts, target_words(options))
        findings = examine(seen, tables)
    if options.sources:
        findings = in_order((*findings, *silent_sources(world, tables)))
    looked = "looked at what is installed and around it; `--deep` runs it as well"
    if options.deep:
        checks = deep_checks(world, facts, listen)
        findings = in_order((*findings, *from_checks(checks, seen, load_failures(directory))))
        looked = "looked at what is installed and around it, and ran it"
    host = seen.network.host_name
    data = {
        "findings": [finding.as_mapping() for finding in findings],
        "facts": facts_as_mapping(facts),
        "deep": options.deep,
    }
    report = redact(markdown(findings, facts, looked), world.env, host=host)
    if options.bundle:
        write_bundle(world.directory / options.bundle, redacted(data, world.env, host=host), report)
    errors = [finding for finding in findings if finding.severity == "error"]
    return Answer(
        data=data,
        raw=report if options.markdown else None,
        show=partial(show_findings, findings, looked),
        exit_code=1 if errors else 0,
        problems=(Problem(code=errors[0].id, message=count_words(findings), hint=errors[0].cure),) if errors else (),
    )
