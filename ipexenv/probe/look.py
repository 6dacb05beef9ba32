"""The whole look: the target first, then what only the host's files and kernel tell, joined into Facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.facts import Facts, Host
from ipexenv.probe.environment import libc_of, target_of
from ipexenv.probe.installed import look_at_installed
from ipexenv.probe.learnt import Learnt
from ipexenv.probe.loader import SOUGHT, look_at_libraries
from ipexenv.probe.processor import look_at_processor
from ipexenv.probe.target import ask_target
from ipexenv.probe.topology import look_at_topology
from ipexenv.system.files import Tree

if TYPE_CHECKING:
    from collections.abc import Collection

    from ipexenv.facts import Libc
    from ipexenv.probe.choice import TargetChoice
    from ipexenv.probe.target import TargetReport
    from ipexenv.system.world import World


def probe(world: World, where: TargetChoice, *, libraries: Collection[str] = SOUGHT) -> Facts:
    """Look at the host and at the target that ``where`` names, without importing anything installed there.

    ``libraries`` are the system libraries to look for, as ``Tables.needed_libraries`` names them. Unknown facts are
    None or empty; odd hosts never make it raise. Raises OutsideError when the target cannot be started or is no Python
    that ipexenv can serve.
    """
    return look_around(world, where, ask_target(world, where), libraries=libraries)


def look_around(
    world: World, where: TargetChoice, report: TargetReport, *, libraries: Collection[str], tags: bool = True
) -> Facts:
    """Add to the target's own report what files and kernel tell; see ``probe``.

    ``tags=False`` leaves out the wheel tags, which take longer than most other facts and matter for offers alone.
    """
    learnt = Learnt()
    learnt.note("target", f"{where.executable}, chosen by {where.how}")
    if world.env.get("PYTHONPATH"):
        learnt.note("installed", "PYTHONPATH is set, and its folders are not looked into")
    tree = Tree.at(world.root)
    libc = libc_of(report, world.runner, learnt)
    glibcxx, found = look_at_libraries(tree, report, world.env, learnt, names=libraries)
    return Facts(
        host=_host(world, tree, report, libc, learnt),
        target=target_of(report, libc=libc, glibcxx=glibcxx, libraries=found, learnt=learnt, tags=tags),
        installed=look_at_installed(report, learnt, world.env),
        learnt=learnt.as_pairs(),
    )


def _host(world: World, tree: Tree, report: TargetReport, libc: Libc, learnt: Learnt) -> Host:
    return Host(
        system=report.system,
        architecture=report.machine,
        distribution=_distribution(tree),
        kernel=report.kernel,
        libc=libc,
        cpu=look_at_processor(tree, world.kernel, architecture=report.machine, learnt=learnt),
        topology=look_at_topology(tree, world.kernel, learnt),
        shm_bytes=world.kernel.filesystem_bytes(tree.path("/dev/shm")),  # noqa: S108 (its size alone)
    )


def _distribution(tree: Tree) -> str | None:
    """Return PRETTY_NAME of os-release(5)."""
    text = tree.text("/etc/os-release") or tree.text("/usr/lib/os-release") or ""
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "PRETTY_NAME":
            return value.strip().strip("\"'") or None
    return None
