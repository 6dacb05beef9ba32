"""Waiting for the other ranks in a collective that comes in steps: briefly on the spot, or for as long as it takes."""

from __future__ import annotations

import time
from os import sched_yield
from typing import Callable, Optional

from .near import Steps

HURRY_S = 50e-6
"""Handing a collective over to another thread and back takes about as long."""

YIELDS_S = 1e-3
"""For so long a wait only offers its CPU to others, and finds out at once when it is over."""

SHARE_SLEPT = 0.1
"""Later it sleeps for this share of what it has waited so far."""

LONGEST_SLEEP_S = 5e-3


def hurry(steps: Steps) -> bool:
    """Take steps for a moment, and say whether they were all."""
    until = 0.0
    for _ in steps:
        if not until:
            until = time.perf_counter() + HURRY_S
        elif time.perf_counter() > until:
            return False
        sched_yield()
    return True


def go_on(steps: Steps, broken: Callable[[], Optional[BaseException]]) -> None:
    """Take all steps; stop and raise what ``broken`` returns once it returns something."""
    began = time.perf_counter()
    for _ in steps:
        error = broken()
        if error is not None:
            raise error
        waited_s = time.perf_counter() - began
        if waited_s < YIELDS_S:
            sched_yield()
        else:
            time.sleep(min(waited_s * SHARE_SLEPT, LONGEST_SLEEP_S))
