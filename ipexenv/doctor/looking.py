"""Look at what surrounds the target: variables, paths, limits, network."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from ipexenv.doctor.homes import homes
from ipexenv.doctor.libraries import copies_on_path, look_at_libraries, lost_preloads, own_copies
from ipexenv.doctor.reach import look_at_ssh
from ipexenv.doctor.rules.variables import PATH_LISTS, PATHS, entries
from ipexenv.doctor.surroundings import MODULES, Limits, NetworkView, Surroundings
from ipexenv.doctor.transports import look_at_transport
from ipexenv.system.files import Tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ipexenv.facts import Facts
    from ipexenv.system.world import World

_LOOPBACK = "lo"
_GPU_PACKAGES = ("nvidia", "triton", "cusparselt")
_GPU_LIBRARIES = ("libtorch_cuda*", "libc10_cuda*", "libcu*", "libnv*", "libnccl*", "libcaffe2_nvrtc*", "libtorch_hip*")
"""In torch/lib of the releases before 2.0, whose wheels held all of it."""
_GPU_DEVICES = ("/dev/nvidiactl", "/dev/kfd")
_PIDS = ("/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max")


def look(world: World, facts: Facts, target_words: str = "", *, hostfile: str | None = None) -> Surroundings:
    """Return what the rules rest on; nothing is imported and nothing is sent.

    Raises UsageError where ``hostfile`` cannot be read.
    """
    tree, target = Tree.at(world.root), facts.target
    preloads = entries(world.env.get("LD_PRELOAD", ""))
    mpirun = shutil.which("mpirun", path=world.env.get("PATH", ""))
    return Surroundings(
        facts=facts,
        env=world.env,
        missing_paths=frozenset((*_missing_paths(world.env), *lost_preloads(world, facts, preloads))),
        hidden_by=tuple(_hidden(world, facts)),
        gpu_bytes=sum(_gpu_bytes(Path(home)) for home in homes(facts)),
        limits=_limits(tree),
        network=_network(world),
        libraries=look_at_libraries(world, facts),
        on_path=tuple(copies_on_path(world.env, target.prefix)),
        own_copies=tuple(own_copies(homes(facts), target.prefix)),
        mpirun=None if mpirun is None else os.path.realpath(mpirun),
        ssh=look_at_ssh(world, hostfile),
        has_gpu=any(os.path.exists(tree.path(path)) for path in _GPU_DEVICES),  # noqa: PTH110 (as above)
        transport=look_at_transport(world, facts),
        free_bytes=tuple(_free_bytes(world.env, target.site_packages)),
        target_words=target_words,
    )


def _missing_paths(env: Mapping[str, str]) -> Iterator[str]:
    return (path for path in _named_paths(env) if not os.path.exists(path))  # noqa: PTH110 (a path may hold anything)


def _named_paths(env: Mapping[str, str]) -> Iterator[str]:
    for name in PATH_LISTS:
        yield from (path for path in entries(env.get(name, "")) if path.startswith("/"))
    for name in PATHS:
        yield from (path for path in env.get(name, "").split(":") if path.startswith("/"))


def _hidden(world: World, facts: Facts) -> Iterator[tuple[str, str]]:
    """Give the installed modules that a folder searched before site-packages holds as well."""
    named = re.split("[:]", world.env.get("PYTHONPATH", ""))
    folders = [*(path for path in named if path), str(world.directory)]
    own = facts.target.site_packages
    present = [module for module, package in MODULES.items() if getattr(facts.installed, package) is not None]
    for folder in dict.fromkeys(folders):
        if own is not None and os.path.realpath(folder) == os.path.realpath(own):
            continue
        for module in present:
            if (Path(folder) / module / "__init__.py").is_file() or (Path(folder) / f"{module}.py").is_file():
                yield module, folder


def _gpu_bytes(site: Path) -> int:
    files = [
        *(file for name in _GPU_PACKAGES for file in (site / name).rglob("*")),
        *(file for pattern in _GPU_LIBRARIES for file in (site / "torch" / "lib").glob(pattern)),
    ]
    return sum(file.stat().st_size for file in files if file.is_file() and not file.is_symlink())


def _limits(tree: Tree) -> Limits:
    import resource  # noqa: PLC0415 (it is not there on Windows)

    def soft(which: int) -> int | None:
        limit = resource.getrlimit(which)[0]
        return None if limit == resource.RLIM_INFINITY else limit

    texts = [text for path in _PIDS if (text := tree.text(path)) is not None and text.isdigit()]
    processes = [*(int(text) for text in texts), *([own] if (own := soft(resource.RLIMIT_NPROC)) is not None else [])]
    return Limits(
        open_files=soft(resource.RLIMIT_NOFILE),
        processes=min(processes, default=None),
        locked_bytes=soft(resource.RLIMIT_MEMLOCK),
    )


def _network(world: World) -> NetworkView:
    import socket  # noqa: PLC0415 (start-up time, as the next)

    from ipexenv.bridge.payload.ipexenv_oneccl_bridge import interfaces  # noqa: PLC0415

    name = socket.gethostname()
    try:
        known = interfaces.names()
        with_address = tuple(each for each in interfaces.addresses() if each != _LOOPBACK)
    except OSError:
        known, with_address = (), ()
    return NetworkView(
        host_name=name,
        resolves=world.network.address_of(name) is not None,
        interfaces=known,
        with_address=with_address,
    )


def _free_bytes(env: Mapping[str, str], site_packages: str | None) -> Iterator[tuple[str, int]]:
    for folder in dict.fromkeys((site_packages, env.get("TMPDIR") or "/tmp")):  # noqa: S108 (its free room alone)
        if folder is None:
            continue
        try:
            state = os.statvfs(folder)
        except (OSError, ValueError):
            continue
        yield folder, state.f_bavail * state.f_frsize
