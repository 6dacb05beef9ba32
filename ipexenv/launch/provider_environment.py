"""What the provider of the ``ccl`` backend reads from the environment. Pure: the caller tells which folders exist.

For Intel's bindings it replaces ``source <package>/env/setvars.sh``, which they want since 2.3.0 and which works in a
few shells only; the same layouts are in ``torch_ccl`` (before 1.12) and in IPEX 2.3 to 2.7, which brings oneCCL and
Intel MPI of its own. Layouts: MPI in ``lib`` and ``bin``, providers in ``lib/prov`` up to 2.3.0, all below ``opt/mpi``
since 2.4.0 (setup.py of torch-ccl and cmake/setvars.sh.in of oneCCL at the releases' tags). The bridge finds its own
libraries and chooses its own transport.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.launch.precedence import prefixed
from ipexenv.launch.setting import Setting

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ipexenv.launch.setting import HostView, RunWish, Transport

ASKED_FOLDERS = (
    "lib",
    "lib/prov",
    "bin",
    "opt/mpi",
    "opt/mpi/bin",
    "opt/mpi/lib",
    "opt/mpi/libfabric/lib",
    "opt/mpi/libfabric/lib/prov",
)
"""Folders below the package that make a difference, relative to it."""

_SYSTEM_PROVIDERS = "/usr/lib64/libfabric"
"""Where a maker of fabrics puts his own; oneCCL's script names it since 2021.12."""
_SETVARS = "as env/setvars.sh of the package would set it"


def package_settings(package: str, folders: Collection[str], env: Mapping[str, str]) -> tuple[Setting, ...]:
    """Return what ``env/setvars.sh`` of the package sets for programs that run, not for compilers."""
    inside = {name: f"{package}/{name}" for name in ASKED_FOLDERS if name in folders}
    bundled = "opt/mpi" in inside
    root = inside.get("opt/mpi", package)
    libraries = [inside[name] for name in ("lib", "opt/mpi/lib", "opt/mpi/libfabric/lib") if name in inside]
    providers = inside.get("opt/mpi/libfabric/lib/prov" if bundled else "lib/prov")
    programs = inside.get("opt/mpi/bin" if bundled else "bin")
    found = [
        Setting(name="CCL_ROOT", value=package, reason=_SETVARS),
        Setting(name="I_MPI_ROOT", value=root, reason=f"the MPI that the package brings; {_SETVARS}"),
    ]
    if libraries:
        value = prefixed(libraries, env.get("LD_LIBRARY_PATH", ""))
        found.append(Setting(name="LD_LIBRARY_PATH", value=value, reason=f"oneCCL, MPI, libfabric; {_SETVARS}"))
    if programs:
        value = prefixed([programs], env.get("PATH", ""))
        found.append(Setting(name="PATH", value=value, reason=f"mpirun of the package; {_SETVARS}"))
    if providers:
        value = f"{providers}:{_SYSTEM_PROVIDERS}" if bundled else providers
        found.append(Setting(name="FI_PROVIDER_PATH", value=value, reason=f"libfabric's providers; {_SETVARS}"))
    return tuple(found)


def transport_of(wish: RunWish) -> Transport:
    """Return how oneCCL's ranks reach each other.

    Within a host plain libfabric needs no launcher of MPI. Between hosts Intel MPI knows the fabrics, where it starts
    the ranks.
    """
    return wish.transport or ("mpi" if wish.under_intel_mpi and wish.hosts > 1 else "ofi")


def provider_settings(view: HostView, wish: RunWish, env: Mapping[str, str]) -> tuple[Setting, ...]:
    """Return what holds for all ranks of the host, without workers and interfaces."""
    if wish.provider == "bridge":
        return (*_mpi(view, env), *_bridge(wish))
    found = () if view.package_folder is None else package_settings(view.package_folder, view.existing_folders, env)
    if wish.provider == "none":  # IPEX 2.3 to 2.7 may be the package, for its mpirun
        return _mpi(view, env) or found
    if transport_of(wish) == "mpi":
        reason = "Intel MPI starts the ranks and knows the fabrics between the hosts"
        return (*found, Setting(name="CCL_ATL_TRANSPORT", value="mpi", reason=reason))
    tcp = "works everywhere; name verbs, psm3 or another provider where the fabric has one"
    return (
        *found,
        Setting(name="CCL_ATL_TRANSPORT", value="ofi", reason="libfabric, which needs no MPI launcher"),
        Setting(name="CCL_PROCESS_LAUNCHER", value="none", reason="rank and size come from torch, not from MPI"),
        Setting(name="FI_PROVIDER", value="tcp", reason=tcp),
    )


def rank_settings(wish: RunWish, local_rank: int, local_size: int) -> tuple[Setting, ...]:
    """Return what oneCCL in one rank needs to know of its place, where no MPI tells it."""
    if wish.provider != "bindings" or transport_of(wish) == "mpi":
        return ()
    reason = "oneCCL asks for it where CCL_PROCESS_LAUNCHER=none"
    return (
        Setting(name="CCL_LOCAL_RANK", value=str(local_rank), reason=reason),
        Setting(name="CCL_LOCAL_SIZE", value=str(local_size), reason=reason),
    )


def network_settings(view: HostView, wish: RunWish) -> tuple[Setting, ...]:
    """Return the interfaces: the one that was seen to reach the other hosts, loopback where there are none."""
    alone = wish.hosts == 1
    interface = "lo" if alone else view.interface
    gloo = "lo" if alone else view.gloo_interface or view.interface
    reason = "all ranks are on this host" if alone else "the interface that reaches the other hosts"
    names = ["CCL_KVS_IFACE", "FI_TCP_IFACE"] if wish.provider == "bindings" or not alone else []
    if wish.provider == "none":
        names = []
    found = [Setting(name=name, value=interface, reason=reason) for name in names if interface]
    if gloo and wish.world_size > 1:
        found.append(Setting(name="GLOO_SOCKET_IFNAME", value=gloo, reason=f"{reason} (gloo)"))
    return tuple(found)


def _mpi(view: HostView, env: Mapping[str, str]) -> tuple[Setting, ...]:
    """Return what makes the target's own Intel MPI the one in use, unless the user has chosen another."""
    if view.mpi_root is None or env.get("I_MPI_ROOT", view.mpi_root) != view.mpi_root:
        return ()
    reason = "Intel MPI of this Python environment (impi-rt)"
    path = prefixed([f"{view.mpi_root}/bin"], env.get("PATH", ""))
    return (
        Setting(name="I_MPI_ROOT", value=view.mpi_root, reason=reason),
        Setting(name="PATH", value=path, reason=f"mpirun of {reason}"),
    )


def _bridge(wish: RunWish) -> tuple[Setting, ...]:
    """Return the little that the bridge does not find by itself in the rank."""
    if wish.world_size == 1:
        return ()
    reason = (
        "rank and size are there as soon as torch is imported, whatever launcher started it: the Trainer asks early"
    )
    return (Setting(name="IPEXENV_BRIDGE_RANKS", value="1", reason=reason),)
