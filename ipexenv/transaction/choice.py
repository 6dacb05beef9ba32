"""How long to wait for another ipexenv, from an option that several commands share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ipexenv.transaction.holding import DEFAULT_WAIT_S

if TYPE_CHECKING:
    import argparse


def add_wait_option(parser: argparse._ActionsContainer) -> None:
    """Declare ``--lock-wait SECONDS``."""
    parser.add_argument(
        "--lock-wait",
        type=_seconds,
        default=DEFAULT_WAIT_S,
        metavar="SECONDS",
        help=f"how long to wait for another ipexenv that changes the environment ({DEFAULT_WAIT_S:g}; 0: not at all)",
    )


def _seconds(text: str) -> float:
    """Return a number of seconds from 0 on; raise ValueError that says what is expected."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        msg = "a number of seconds, 0 or more"
        raise ValueError(msg)
    return value


_seconds.__name__ = "number of seconds"  # argparse names the type in its complaint
