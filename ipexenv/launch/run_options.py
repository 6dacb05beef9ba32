"""The options of ``ipexenv run``, and what they ask for."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from ipexenv.errors import UsageError
from ipexenv.launch.hostfile import MOST_SLOTS, HostEntry, parse_hostfile
from ipexenv.launch.setting import Allocator

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from pathlib import Path

Launcher = Literal["auto", "mpirun", "openmpi", "torchrun", "srun", "none"]

DEFAULT_START_TIMEOUT_S = 600.0

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST_PORTS = 65535


@dataclass(frozen=True, kw_only=True, slots=True)
class RunChoices:
    """What the user asked for; None leaves the choice to ipexenv."""

    launcher: Launcher = "auto"
    ranks: int | None = None
    ranks_per_host: int | None = None
    hosts: tuple[HostEntry, ...] = ()
    """Empty for this machine alone, or what Slurm has given."""
    ccl_workers: int | None = None
    threads: int | None = None
    logical_cpus: bool = False
    allocator: Allocator = "auto"
    bind: bool = True
    log_folder: Path | None = None
    start_timeout_s: float = DEFAULT_START_TIMEOUT_S
    """0 for none."""
    insists: bool = False
    """Whether the user gave ``start_timeout_s``, so that a job ends then that may never want to communicate."""
    master_address: str | None = None
    master_port: int | None = None
    more: Mapping[str, str] = field(default_factory=dict)
    """``--env``."""
    preflight: bool = True


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Declare where ranks run, with what, and what is shown of it."""
    _add_places(parser)
    _add_settings(parser)
    shown = parser.add_argument_group("watching")
    shown.add_argument("--log-dir", metavar="DIR", help="write each rank's output to DIR/rank-N.out and rank-N.err")
    shown.add_argument(
        "--start-timeout",
        type=float,
        default=DEFAULT_START_TIMEOUT_S,
        metavar="SECONDS",
        help="end the job if ranks have not been through their first collective by then, and say where each stands "
        f"(default: {DEFAULT_START_TIMEOUT_S:g}; 0: never)",
    )
    shown.add_argument("--explain", action="store_true", help="say what is set and why")
    shown.add_argument("--dry-run", action="store_true", help="print the command, ready to paste, and start nothing")
    shown.add_argument("--no-preflight", action="store_true", help="do not compare the hosts before starting")


def _add_places(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("ranks")
    group.add_argument("-n", "--nproc", type=int, metavar="N", help="ranks on all hosts together")
    group.add_argument(
        "-ppn",
        "--nproc-per-host",
        type=int,
        metavar="N",
        help="ranks on each host (default: what the hostfile or Slurm says, else one for each NUMA node)",
    )
    group.add_argument("--hostfile", metavar="FILE", help="hosts: lines of `host`, `host:N` or `host slots=N`")
    group.add_argument("--hosts", metavar="A,B", help="hosts by name, as `a,b` or `a:2,b:2`")
    group.add_argument(
        "--launcher",
        choices=get_args(Launcher),
        default="auto",
        help="auto: srun inside a Slurm allocation, else mpirun, else torchrun on one host; none for a single rank",
    )
    group.add_argument("--master-addr", metavar="ADDRESS", help="where rank 0 is reached (default: what is found)")
    group.add_argument("--master-port", type=int, metavar="PORT", help="default: a free one")


def _add_settings(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("settings of ranks")
    group.add_argument("--threads", type=int, metavar="N", help="OpenMP threads of each rank")
    group.add_argument("--ccl-workers", type=int, metavar="N", help="oneCCL worker threads of each rank")
    group.add_argument("--logical-cpus", action="store_true", help="compute on hyper-threads as well")
    group.add_argument("--allocator", choices=get_args(Allocator), default="auto", help="memory allocator to preload")
    group.add_argument("--no-bind", action="store_true", help="do not bind ranks to CPUs and memory")
    group.add_argument(
        "--env", action="append", metavar="NAME=VALUE", help="set a variable for every rank; can be repeated"
    )


def read_choices(options: argparse.Namespace, directory: Path) -> RunChoices:
    """Return what ``options`` ask for; raise UsageError that names the value that cannot be."""
    for name, flag in (("nproc", "-n"), ("nproc_per_host", "-ppn"), ("threads", "--threads")):
        _within(getattr(options, name), flag, 1, MOST_SLOTS)
    _within(options.ccl_workers, "--ccl-workers", 0, MOST_SLOTS)
    _within(options.master_port, "--master-port", 1, _MOST_PORTS)
    if not 0 <= options.start_timeout < math.inf:
        raise UsageError(f"--start-timeout {options.start_timeout:g} is not a time in seconds", code="usage")
    return RunChoices(
        launcher=options.launcher,
        ranks=options.nproc,
        ranks_per_host=options.nproc_per_host,
        hosts=_hosts(options, directory),
        ccl_workers=options.ccl_workers,
        threads=options.threads,
        logical_cpus=options.logical_cpus,
        allocator=options.allocator,
        bind=not options.no_bind,
        log_folder=None if options.log_dir is None else directory / options.log_dir,
        start_timeout_s=options.start_timeout,
        insists=options.settings.get("start_timeout") != "default",
        master_address=options.master_addr,
        master_port=options.master_port,
        more=_variables(options.env or ()),
        preflight=not options.no_preflight,
    )


def _within(value: int | None, flag: str, least: int, most: int) -> None:
    if value is not None and not least <= value <= most:
        raise UsageError(f"{flag} {value} is not a number from {least} to {most}", code="usage")


def _hosts(options: argparse.Namespace, directory: Path) -> tuple[HostEntry, ...]:
    if options.hosts is not None and options.hostfile is not None:
        raise UsageError("--hosts and --hostfile name two lists", code="usage", hint="leave one of them out")
    if options.hosts is not None:
        return parse_hostfile(options.hosts.replace(",", "\n"), where="--hosts")
    if options.hostfile is None:
        return ()
    path = directory / options.hostfile
    try:
        return parse_hostfile(path.read_text(encoding="utf-8"), where=str(path))
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(f"--hostfile {path} cannot be read: {why}", code="bad-hostfile") from None


def _variables(pairs: tuple[str, ...] | list[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not _VARIABLE.fullmatch(name) or "\0" in value:
            raise UsageError(f"--env {pair!r} is not NAME=VALUE", code="usage")
        found[name] = value
    return found
