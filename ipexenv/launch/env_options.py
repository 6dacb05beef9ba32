"""The options of ``ipexenv env`` that say what the ranks will be, and the wish that they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from ipexenv.errors import UsageError
from ipexenv.launch.setting import Allocator, RunWish

if TYPE_CHECKING:
    import argparse

    from ipexenv.outcome import CclProvider

_MOST = 4096


def add_wish_options(parser: argparse.ArgumentParser) -> None:
    """Declare what ``ipexenv run`` declares under the same names, and the interface."""
    group = parser.add_argument_group("settings of ranks")
    ppn = "ranks that will run on this host (default: one for each NUMA node)"
    group.add_argument("-ppn", "--nproc-per-host", type=int, metavar="N", help=ppn)
    group.add_argument("--threads", type=int, metavar="N", help="OpenMP threads of each rank")
    group.add_argument("--ccl-workers", type=int, metavar="N", help="oneCCL worker threads of each rank")
    group.add_argument("--logical-cpus", action="store_true", help="compute on hyper-threads as well")
    group.add_argument("--allocator", choices=get_args(Allocator), default="auto", help="memory allocator to preload")
    group.add_argument("--no-bind", action="store_true", help="do not bind ranks or threads to CPUs")
    interface = "network interface between the ranks, `lo` where all are on this host (default: theirs to find)"
    group.add_argument("--interface", metavar="NAME", help=interface)


def read_wish(options: argparse.Namespace, provider: CclProvider) -> RunWish:
    """Return what ``options`` ask for; raise UsageError that names a number that cannot be."""
    for name, flag, least in (
        ("nproc_per_host", "-ppn", 1),
        ("threads", "--threads", 1),
        ("ccl_workers", "--ccl-workers", 0),
    ):
        value = getattr(options, name)
        if value is not None and not least <= value <= _MOST:
            raise UsageError(f"{flag} {value} is not a number from {least} to {_MOST}", code="usage")
    return RunWish(
        ranks_per_host=options.nproc_per_host,
        provider=provider,
        ccl_workers=options.ccl_workers,
        logical_cpus=options.logical_cpus,
        threads=options.threads,
        allocator=options.allocator,
        bind=not options.no_bind,
        hosts=2 if is_across_hosts(options) else 1,
        under_intel_mpi=True,  # its variables mean nothing to other launchers
    )


def is_across_hosts(options: argparse.Namespace) -> bool:
    """Say whether the interface that is named leads to other hosts."""
    return options.interface not in {None, "lo"}
