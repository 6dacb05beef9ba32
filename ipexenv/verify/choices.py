"""The options that say what `verify` proves and how."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, get_args

from ipexenv.errors import UsageError
from ipexenv.outcome import CclChoice, Stack
from ipexenv.verify.options import DEFAULT_NPROC, DEFAULT_TIMEOUT_S, DTYPES

if TYPE_CHECKING:
    import argparse

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
        help="the ccl provider that must work; auto: the bindings where they are installed",
    )
    group.add_argument("--dtype", choices=DTYPES, default="bf16", help="of the training steps (default: bf16)")
    group.add_argument(
        "--nproc", type=int, default=DEFAULT_NPROC, metavar="N", help="ranks of the distributed checks (default: 2)"
    )
    group.add_argument(
        "--timeout",
        type=float,
        default=DEFAULT_TIMEOUT_S,
        metavar="SECONDS",
        help=f"limit of each check (default: {DEFAULT_TIMEOUT_S:g})",
    )
    group.add_argument("--junit", metavar="FILE", help="also write the checks to FILE as JUnit XML")


def refuse_impossible(options: argparse.Namespace) -> None:
    """Raise UsageError that names a number that cannot be."""
    if not LEAST_RANKS <= options.nproc <= MOST_RANKS:
        raise UsageError(
            f"--nproc {options.nproc} is not a number of ranks from {LEAST_RANKS} to {MOST_RANKS}",
            code="usage",
            hint="a distributed check needs two ranks at least: leave the option out",
        )
    if not 0 < options.timeout < math.inf:
        raise UsageError(
            f"--timeout {options.timeout:g} is not a time in seconds above 0",
            code="usage",
            hint=f"leave it out for {DEFAULT_TIMEOUT_S:g} s",
        )
