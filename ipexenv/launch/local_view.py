"""What is known of this machine, as settings are chosen from it; one function looks at files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet

from ipexenv.launch.libraries import find_libraries
from ipexenv.launch.provider_environment import ASKED_FOLDERS
from ipexenv.launch.setting import HostView

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.facts import Facts, Package
    from ipexenv.outcome import CclProvider
    from ipexenv.system.world import World

HERE = "localhost"
BRINGS_MPI = SpecifierSet(">=2.3,<2.8")
"""IPEX releases with oneCCL and Intel MPI in their wheel."""


def provider_of_target(facts: Facts) -> CclProvider:
    """Return where the target's ccl backend comes from: Intel's bindings, the bridge, or nowhere."""
    if facts.installed.bindings is not None:
        return "bindings"
    return "none" if facts.installed.bridge is None else "bridge"


def look_at_this_machine(world: World, facts: Facts) -> HostView:
    """Return the view of the machine that ipexenv runs on; it takes part alone."""
    package = next((folder for folder in _packages(facts) if folder.is_dir()), None)
    folders = () if package is None else (name for name in ASKED_FOLDERS if (package / name).is_dir())
    return HostView(
        name=HERE,
        host=facts.host,
        libraries=find_libraries(world, facts),
        package_folder=None if package is None else str(package),
        existing_folders=frozenset(folders),
        mpi_root=facts.target.prefix if facts.installed.mpi is not None else None,
    )


def _packages(facts: Facts) -> Iterator[Path]:
    """Give the folders of the packages that may bring oneCCL, best first."""
    installed, provider = facts.installed, provider_of_target(facts)
    if provider == "bindings":
        for name in ("oneccl_bindings_for_pytorch", "torch_ccl"):
            yield from _inside(facts, installed.bindings, name)
    elif provider == "bridge":
        yield from _inside(facts, installed.bridge, "ipexenv_oneccl_bridge")
    elif installed.ipex is not None and BRINGS_MPI.contains(installed.ipex.version):
        yield from _inside(facts, installed.ipex, "intel_extension_for_pytorch")


def _inside(facts: Facts, package: Package | None, name: str) -> Iterator[Path]:
    folder = (None if package is None else package.location) or facts.target.site_packages
    if folder is not None:
        yield Path(folder) / name
