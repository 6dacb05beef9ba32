"""Set up the environment as a step of a CI system, or write the workflow that does."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ipexenv.answer import Answer
from ipexenv.ci.init.options import add_init_options, refuse_without_init
from ipexenv.ci.provider import PROVIDERS, find_dialect, find_provider

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from ipexenv.ci.step import StepDone
    from ipexenv.events import Listener
    from ipexenv.system.world import World
    from ipexenv.tables.failures import Failure

_INPUTS = "torch python venv stack ccl lock sources allow-yanked verify cache working-directory version"
_READ_IN_LOG = frozenset({"github", "azure"})
"""Systems that read commands from what a step prints."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare what to do; what is asked for comes as variables, for a job has no command line."""
    parser.epilog = f"Inputs are variables, IPEXENV_CI_TORCH and so on (GitHub: INPUT_TORCH): {_INPUTS}."
    parser.add_argument("--key", action="store_true", help="print the key of the cached environment; install nothing")
    parser.add_argument(
        "--provider", choices=PROVIDERS, help="speak as this CI system wants it (default: by variables)"
    )
    add_init_options(parser)


def run(options: argparse.Namespace, world: World, listen: Listener) -> Answer:
    """Set up, tell the key, or write files; exit code 1 where a check fails or the machine cannot be served."""
    if options.init is not None:
        from ipexenv.ci.init.answer import write_workflow  # noqa: PLC0415 (a step of a job writes no workflow)

        return write_workflow(options, world, listen)
    refuse_without_init(options)
    from ipexenv.ci.step import set_up, tell_key  # noqa: PLC0415 (as above, the other way round)

    provider = options.provider or find_provider(world.env)
    failures = () if options.key or provider != "github" else _failures(options, world)
    dialect = find_dialect(world.env, name=provider, failures=failures)
    more_words = () if options.tables is None else (f"--tables={world.directory / options.tables}",)
    if options.key:
        # Elsewhere a job takes the key from stdout, which then holds nothing else.
        done = tell_key(
            world, dialect, _writer(to_stdout=provider in _READ_IN_LOG and not options.json), more_words=more_words
        )
        key = done.outputs.get("key", "")
        return _answer(done, options, raw=f"{key}\n" if key else "")
    write = _writer(to_stdout=not options.json)
    done = set_up(world, dialect, write, more_words=more_words, verbose=options.verbose > 0)
    return _answer(done, options, raw="")


def _answer(done: StepDone, options: argparse.Namespace, *, raw: str) -> Answer:
    problems = done.problems if options.json else ()  # the log has told them already
    return Answer(data=dict(done.outputs), raw=raw, exit_code=done.exit_code, problems=problems)


def _writer(*, to_stdout: bool) -> Callable[[str], object]:
    stream = sys.stdout if to_stdout else sys.stderr

    def write(text: str) -> None:
        stream.write(text)
        stream.flush()

    return write


def _failures(options: argparse.Namespace, world: World) -> tuple[Failure, ...]:
    """Return what the logs of later steps are watched for."""
    from ipexenv.tables.load_failures import load_failures  # noqa: PLC0415 (as in run)

    return load_failures(None if options.tables is None else world.directory / options.tables)
