"""From what a host told of itself to what settings are chosen from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ipexenv.facts import Host
from ipexenv.launch.setting import HostView, Libraries
from ipexenv.probe.topology import gathered_topology

if TYPE_CHECKING:
    from ipexenv.launch.survey import Surveyed

PACKAGES = {
    "bindings": ("oneccl_bindings_for_pytorch", "torch_ccl"),
    "bridge": ("ipexenv_oneccl_bridge",),
}
"""Import names of the ccl providers, newest first."""

_PLACES = ("{prefix}/lib", "/usr/lib/*-linux-gnu", "/usr/lib64", "/usr/local/lib", "/usr/lib")


def _patterns(*names: str) -> tuple[str, ...]:
    return tuple(
        f"{place}/{name}.so{ending}" for name in names for place in _PLACES for ending in ("", ".[0-9]", ".[0-9]*")
    )


SOUGHT = {
    "iomp5": ("{prefix}/lib/libiomp5.so",),
    "tcmalloc": _patterns("libtcmalloc", "libtcmalloc_minimal"),
    "jemalloc": _patterns("libjemalloc"),
}
"""Patterns of the libraries that may be preloaded, best place first; those of distributions may have
a version after their names, and profiling and debugging variants beside them."""


def view_of(found: Surveyed, *, interface: str | None) -> HostView:
    """Return the view of a surveyed host."""
    told = found.told
    gathered = told.get("topology")
    host = Host()
    if gathered:
        topology, shm_bytes = gathered_topology(gathered)
        host = replace(host, topology=topology, shm_bytes=shm_bytes)
    files = told.get("files", {})
    libraries = Libraries(
        openmp=told.get("openmp"),
        iomp5=files.get("iomp5"),
        tcmalloc=files.get("tcmalloc"),
        jemalloc=files.get("jemalloc"),
        numactl=told.get("numactl") is True,
    )
    return HostView(
        name=found.name,
        host=host,
        libraries=libraries,
        interface=interface,
        gloo_interface=interface,
        package_folder=told.get("package"),
        existing_folders=frozenset(told.get("folders", ())),
    )
