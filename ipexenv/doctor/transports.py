"""Look for what oneCCL, MPI and libfabric would find with the variables of this shell."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from ipexenv.doctor.homes import homes
from ipexenv.doctor.surroundings import OPEN_MPI, TransportView
from ipexenv.probe.ldcache import cached_paths
from ipexenv.system.files import Tree, list_names, read_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ipexenv.facts import Facts
    from ipexenv.system.world import World

_PORTS = 1 << 16
_PROVIDER = re.compile(r"lib(?P<name>[a-z]+\d?)(-[\d.]+)?-fi\.so")
_OTHER_NAMES = {"psmx2": "psm2"}
"""Names of files that differ from what FI_PROVIDER takes."""
_STANDARD = ("/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib")
_BRIDGE = "ipexenv_oneccl_bridge/lib"
_OLD_HOMES = ("intel_extension_for_pytorch", "oneccl_bindings_for_pytorch", "torch_ccl")


def look_at_transport(world: World, facts: Facts) -> TransportView:
    """Return what is there; nothing is loaded and nothing is sent."""
    env, sites, prefix = world.env, homes(facts), facts.target.prefix
    tree = Tree.at(world.root)
    folder = next((each for each in _provider_folders(env, sites) if _providers(each)), "")
    root = env.get("I_MPI_ROOT", "")
    below = (
        [f"{root}/{part}" for part in ("lib", "lib/release", "libfabric/lib", "opt/mpi/libfabric/lib")] if root else []
    )
    folders = [*below, *_listed(env, "LD_LIBRARY_PATH"), *([f"{prefix}/lib"] if prefix else [])]
    programs = [*([f"{root}/bin"] if root else []), *([f"{prefix}/bin"] if prefix else []), env.get("PATH", "")]
    bridge = facts.installed.bridge is not None
    return TransportView(
        providers=_providers(folder),
        providers_in=folder,
        libmpi=_is_found(("libmpi.so.12", "libmpi.so"), env.get("CCL_MPI_LIBRARY_PATH", ""), folders, tree, facts),
        libfabric=bridge
        or _is_found(("libfabric.so.1", "libfabric.so"), env.get("CCL_OFI_LIBRARY_PATH", ""), folders, tree, facts),
        mpirun=any(_has_intel_mpirun(folder) for folder in programs),
        old_oneccl=next(_old_oneccl(sites), None),
        has_fabric=bool(tree.names("/sys/class/infiniband")),
        taken_port=_taken_port(env),
    )


def _listed(env: Mapping[str, str], name: str) -> list[str]:
    return [folder for folder in env.get(name, "").split(":") if folder.startswith("/")]


def _provider_folders(env: Mapping[str, str], sites: Sequence[str]) -> Iterator[str]:
    """Give where libfabric looks for providers: where the variable leads alone, else what the packages bring."""
    if env.get("FI_PROVIDER_PATH"):
        yield from _listed(env, "FI_PROVIDER_PATH")
        return
    if env.get("IPEXENV_BRIDGE_LIB"):
        yield env["IPEXENV_BRIDGE_LIB"]
    yield from (f"{site}/{_BRIDGE}" for site in sites)
    yield from (f"{site}/{home}/opt/mpi/libfabric/lib/prov" for site in sites for home in _OLD_HOMES)


def _providers(folder: str) -> tuple[str, ...]:
    matches = (_PROVIDER.fullmatch(name) for name in list_names(folder)) if folder else ()
    return tuple(dict.fromkeys(_OTHER_NAMES.get(match["name"], match["name"]) for match in matches if match))


def _is_found(names: Sequence[str], named: str, folders: Sequence[str], tree: Tree, facts: Facts) -> bool:
    """Say whether one of ``names`` lies where a variable, the folders or the loader's own places lead."""
    if named and Path(named).is_file():
        return True
    machine = facts.host.architecture
    usual = [*_STANDARD, *(f"{folder}/{machine}-linux-gnu" for folder in _STANDARD[:2])]
    places = [*folders, *(tree.path(folder) for folder in usual)]
    if any(Path(folder, name).is_file() for folder in places for name in names):
        return True
    return bool(cached_paths(read_bytes(tree.path("/etc/ld.so.cache")) or b"", names, machine))


def _has_intel_mpirun(path: str) -> bool:
    found = shutil.which("mpirun", path=path)
    return found is not None and Path(found).resolve().name not in OPEN_MPI


def _old_oneccl(sites: Sequence[str]) -> Iterator[str]:
    for site in sites:
        for home in _OLD_HOMES:
            if Path(site, home, "lib", "libccl.so.1").is_file():
                yield f"{site}/{home}/lib/libccl.so.1"


def _taken_port(env: Mapping[str, str]) -> int | None:
    """Return MASTER_PORT where it is this host that has to listen on it, and cannot; nothing is sent."""
    import errno  # noqa: PLC0415 (few shells set the variable)
    import socket  # noqa: PLC0415 (as above)

    text = env.get("MASTER_PORT", "")
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) < _PORTS):
        return None
    if env.get("MASTER_ADDR", "localhost") not in {"localhost", "127.0.0.1", socket.gethostname()}:
        return None
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as torch's store does
        try:
            probe.bind(("", int(text)))
        except OSError as error:
            return int(text) if error.errno == errno.EADDRINUSE else None
    return None
