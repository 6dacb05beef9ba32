"""Look at what surrounds the target: variables, paths, limits, network."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ipexenv.doctor.rules.variables import PATH_LISTS, PATHS, entries
from ipexenv.doctor.surroundings import MODULES, Limits, NetworkView, Surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ipexenv.facts import Facts
    from ipexenv.system.world import World

_LOOPBACK = "lo"
_GPU_PACKAGES = ("nvidia", "triton", "cusparselt")


def look(world: World, facts: Facts, target_words: str = "") -> Surroundings:
    """Return what the rules rest on; nothing is imported and nothing is sent."""
    return Surroundings(
        facts=facts,
        env=world.env,
        missing_paths=frozenset(path for path in _named_paths(world.env) if not os.path.exists(path)),  # noqa: PTH110 (a path may hold anything)
        hidden_by=tuple(_hidden(world, facts)),
        gpu_bytes=_gpu_bytes(facts.target.site_packages),
        limits=_limits(),
        network=_network(world),
        target_words=target_words,
    )


def _named_paths(env: Mapping[str, str]) -> Iterator[str]:
    for name in PATH_LISTS:
        yield from (path for path in entries(env.get(name, "")) if path.startswith("/"))
    for name in PATHS:
        yield from (path for path in env.get(name, "").split(":") if path.startswith("/"))


def _hidden(world: World, facts: Facts) -> Iterator[tuple[str, str]]:
    """Give the modules that a folder searched before site-packages holds as well."""
    named = re.split("[:]", world.env.get("PYTHONPATH", ""))
    folders = [str(world.directory), *(path for path in named if path)]
    own = facts.target.site_packages
    for folder in dict.fromkeys(folders):
        if own is not None and os.path.realpath(folder) == os.path.realpath(own):
            continue
        for module in MODULES:
            if (Path(folder) / module / "__init__.py").is_file() or (Path(folder) / f"{module}.py").is_file():
                yield module, folder


def _gpu_bytes(site_packages: str | None) -> int:
    if site_packages is None:
        return 0
    files = (
        file
        for name in _GPU_PACKAGES
        for file in (Path(site_packages) / name).rglob("*")
        if file.is_file() and not file.is_symlink()
    )
    return sum(file.stat().st_size for file in files)


def _limits() -> Limits:
    import resource  # noqa: PLC0415 (it is not there on Windows)

    def soft(which: int) -> int | None:
        limit = resource.getrlimit(which)[0]
        return None if limit == resource.RLIM_INFINITY else limit

    return Limits(open_files=soft(resource.RLIMIT_NOFILE), processes=soft(resource.RLIMIT_NPROC))


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
