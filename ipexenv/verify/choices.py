"""The options that say what `verify` proves and how."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, get_args

from ipexenv.errors import UsageError
from ipexenv.launch.find import LauncherChoice
from ipexenv.launch.hostfile import parse_hostfile
from ipexenv.launch.seats import seat_ranks
from ipexenv.outcome import CclChoice, Stack
from ipexenv.verify.options import DEFAULT_TIMEOUT_S, DTYPES

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from ipexenv.launch.seats import Seat

LEAST_RANKS = 2
MOST_RANKS = 255
"""The sums of the bf16 allreduce are exact up to this many."""


def add_verify_options(parser: argparse.ArgumentParser) -> None:
    """Declare what to expect of the environment and how to try it."""
    group = parser.add_argument_group("checks")
    group.add_argument("--stack", choices=get_args(Stack), help="default: ipex where IPEX is installed")
    group.add_argument(
        "--ccl",
        choices=get_args(CclChoice),
        default="auto",
        help="the ccl provider that must work; auto: the bindings or the bridge, whichever is installed",
    )
    group.add_argument("--dtype", choices=DTYPES, default="bf16", help="of the training steps (default: bf16)")
    group.add_argument(
        "--nproc",
        type=int,
        metavar="N",
        help="ranks of the distributed checks, on all hosts together (default: 2, or what the hostfile has room for)",
    )
    group.add_argument(
        "--timeout",
        type=float,
        default=DEFAULT_TIMEOUT_S,
        metavar="SECONDS",
        help=f"limit of each check (default: {DEFAULT_TIMEOUT_S:g})",
    )
    group.add_argument(
        "--hostfile",
        metavar="FILE",
        help="run the distributed checks across these hosts: lines of `host`, `host:N` or `host slots=N`",
    )
    group.add_argument(
        "-ppn", "--nproc-per-host", type=int, metavar="N", help="ranks on each host of the hostfile, whatever it says"
    )
    group.add_argument(
        "--launcher",
        choices=get_args(LauncherChoice),
        default="auto",
        help="what starts ranks on other hosts; auto: the target's mpirun, else one on PATH, else ssh",
    )
    group.add_argument("--junit", metavar="FILE", help="also write the checks to FILE as JUnit XML")


def refuse_impossible(options: argparse.Namespace) -> None:
    """Raise UsageError that names a number that cannot be."""
    if options.nproc is not None:
        _refuse_ranks(options.nproc, f"--nproc {options.nproc}")
    if options.nproc_per_host is not None and not 1 <= options.nproc_per_host <= MOST_RANKS:
        raise UsageError(f"-ppn {options.nproc_per_host} is not a number of ranks from 1 to {MOST_RANKS}", code="usage")
    if options.nproc_per_host is not None and options.hostfile is None:
        raise UsageError(
            f"-ppn {options.nproc_per_host} needs --hostfile",
            code="usage",
            hint=f"`--nproc {options.nproc_per_host}` starts so many ranks on this host",
        )
    if not 0 < options.timeout < math.inf:
        raise UsageError(
            f"--timeout {options.timeout:g} is not a time in seconds above 0",
            code="usage",
            hint=f"leave it out for {DEFAULT_TIMEOUT_S:g} s",
        )


def chosen_seats(options: argparse.Namespace, directory: Path) -> tuple[Seat, ...]:
    """Return the ranks across the hosts of ``--hostfile``, empty where there is none.

    Raises UsageError that names a file that cannot be read, its bad line, or a number of ranks that cannot be.
    """
    if options.hostfile is None:
        return ()
    path = directory / options.hostfile
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(f"--hostfile {path} cannot be read: {why}", code="bad-hostfile") from None
    hosts = parse_hostfile(text, where=str(path))
    seats = seat_ranks(hosts, per_host=options.nproc_per_host, total=options.nproc)
    _refuse_ranks(len(seats), f"--hostfile {path} has room for {len(seats)}, which")
    return seats


def _refuse_ranks(count: int, words: str) -> None:
    if not LEAST_RANKS <= count <= MOST_RANKS:
        raise UsageError(
            f"{words} is not a number of ranks from {LEAST_RANKS} to {MOST_RANKS}",
            code="usage",
            hint="a distributed check needs two ranks at least: leave the option out, or see `-ppn`",
        )
