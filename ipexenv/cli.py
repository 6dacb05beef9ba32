"""Parse the command line, build the world, dispatch, render, map errors to exit codes."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn, Protocol, cast

from ipexenv import __version__
from ipexenv.errors import IpexenvError, UsageError
from ipexenv.report.channel import Channel
from ipexenv.settings import Settings, apply_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ipexenv.answer import Answer, Problem
    from ipexenv.events import Listener
    from ipexenv.system.world import World

COMMANDS = {
    "install": "match torch with IPEX and the ccl backend, install the missing parts, prove them with --verify",
    "resolve": "say what install would choose, here or for a machine that is not here",
    "verify": "prove the environment: bf16 training step, 2-process ccl allreduce, DDP step",
    "status": "say what is installed and whether it fits, without importing torch",
    "env": "print the environment that a run gets, for a shell to eval or a file (replaces setvars.sh)",
    "run": "start a training script on one or more hosts, every rank with the right environment",
    "matrix": "print the compatibility table",
    "trainer-args": "print the arguments of transformers' Trainer that work here",
    "lock": "write pylock.toml: every file of an environment, with its hash",
    "wheelhouse": "download everything that a lock names into a folder, for a site without network",
    "rollback": "undo the last change of an environment, or put right one that was cut off",
    "export": "print a lock as requirements, constraints, Dockerfile or conda environment",
    "doctor": "find what is wrong here, and repair it with --fix",
    "explain": "say what an error message or a log means, and its cure",
    "cache": "say what the cache of downloads holds, or empty it",
    "ci": "set up the environment as a step of a CI system, or write a workflow that does",
}


EXPLAINED = frozenset({"install", "verify", "run", "wheelhouse", "lock"})
"""Commands that start programs, whose failures may have a known cause."""


class Command(Protocol):
    """What every module in ``ipexenv.commands`` offers."""

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options of the command."""
        ...

    def run(self, options: argparse.Namespace, world: World, listen: Listener) -> Answer:
        """Do it. Raises IpexenvError; ``options.settings`` says where each value came from."""
        ...


class _Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are UsageErrors, so that ``--json`` holds for them too."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(
            message[:1].lower() + message[1:], code="usage", hint=f"`{self.prog} --help` lists the options"
        )


def main(argv: Sequence[str] | None = None, *, world: World | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = next((word for word in arguments if not word.startswith("-")), None)
    arguments, program = _divide(name, arguments)
    env = os.environ if world is None else world.env
    channel = Channel.for_arguments(arguments, env, command=name if name in COMMANDS else None)
    options = None
    try:
        command, options = _parse(name, arguments, Settings.find(env, None if world is None else world.directory))
        options.program = program
        channel = channel.for_options(options)
        world = _real_world() if world is None else world
        answer = command.run(options, world, channel.listen)
        return channel.succeed(answer, _known_of_answer(name, answer, options, world))
    except IpexenvError as error:
        return channel.fail(error, _known_of_error(name, error, options, world))
    except KeyboardInterrupt:
        return channel.interrupted()
    except BrokenPipeError:
        return _closed_pipe()
    except Exception as error:  # noqa: BLE001 (the last line of defence: exit code 4, never a bare traceback)
        return channel.bug(error)


def _divide(name: str | None, arguments: list[str]) -> tuple[list[str], list[str]]:
    """Return the words for ipexenv, and those of the script that `run` starts: its ``--json`` is not ours."""
    if name != "run":
        return arguments, []
    from ipexenv.launch.run_words import divide  # noqa: PLC0415 (one command needs it)

    return divide(arguments)


def _known_of_answer(name: str | None, answer: Answer, options: argparse.Namespace, world: World) -> Problem | None:
    """Return the known cause of a no of a command that starts programs."""
    if answer.exit_code == 0 or name not in EXPLAINED:
        return None
    from ipexenv.doctor.afterword import afterword  # noqa: PLC0415 (only failures pay for it)

    texts = [text for problem in answer.problems for text in (problem.message, *problem.causes)]
    return afterword(texts, answer.data, options, world)


def _known_of_error(
    name: str | None, error: IpexenvError, options: argparse.Namespace | None, world: World | None
) -> Problem | None:
    """Return the known cause of an error of a command that starts programs; usage errors explain themselves."""
    if isinstance(error, UsageError) or name not in EXPLAINED or world is None:
        return None
    from ipexenv.doctor.afterword import afterword  # noqa: PLC0415 (as above)

    return afterword([error.message, *error.causes], error.data or {}, options, world)


def _real_world() -> World:
    from ipexenv.system.world import World as RealWorld  # noqa: PLC0415 (`--help` needs no world)

    return RealWorld()


def parse_words(words: Sequence[str], world: World) -> tuple[Command, argparse.Namespace]:
    """Return the command that ``words`` call, and its options over the settings of ``world``; raise UsageError."""
    command, options = _parse(words[0], list(words), Settings.find(world.env, world.directory))
    options.program = []
    return command, options


def _parse(name: str | None, arguments: list[str], settings: Settings) -> tuple[Command, argparse.Namespace]:
    if name is None or name not in COMMANDS:
        _top_parser().parse_args(arguments or ["--help"])
        raise UsageError("no command given", code="usage", hint="`ipexenv --help` lists the commands")
    command = cast("Command", importlib.import_module(f"ipexenv.commands.{name.replace('-', '_')}"))
    description = COMMANDS[name][:1].upper() + COMMANDS[name][1:] + "."
    parser = _Parser(prog=f"ipexenv {name}", allow_abbrev=False, description=description, formatter_class=_formatter)
    _add_common(parser)
    command.add_options(parser)
    arguments.remove(name)
    return command, apply_settings(parser, arguments, settings)


def _formatter(prog: str) -> argparse.HelpFormatter:
    """Tell argparse the width, for which it would import shutil (3 ms) to check each option that is declared."""
    columns = os.environ.get("COLUMNS", "")
    if not columns.isdigit():
        columns = str(os.get_terminal_size(1).columns) if os.isatty(1) else ""
    return argparse.HelpFormatter(prog, width=(int(columns or 0) or 80) - 2)


def _top_parser() -> argparse.ArgumentParser:
    listing = "\n".join(f"  {name:<12} {text}" for name, text in COMMANDS.items())
    parser = _Parser(
        prog="ipexenv",
        usage="ipexenv COMMAND [options]",
        description="Get PyTorch-on-CPU training environments right, and prove it.",
        epilog=f"commands:\n{listing}\n\n`ipexenv COMMAND --help` lists the options of one.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"ipexenv {__version__}")
    parser.add_argument("command", choices=list(COMMANDS), metavar="COMMAND", help=argparse.SUPPRESS)
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document to stdout")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but the answer, warnings and errors")
    parser.add_argument("-v", "--verbose", action="count", default=0, help="say more; twice for everything")
    parser.add_argument("--tables", metavar="DIR", help="read the compatibility tables from DIR")


def _closed_pipe() -> int:
    """End quietly when the reader of our output has gone, as in ``ipexenv matrix | head``."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())  # the interpreter's last flush must have somewhere to go
    os.close(null)
    return 128 + signal.SIGPIPE
