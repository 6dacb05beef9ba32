from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

from ipexenv.facts import Facts, Installed, Package
from ipexenv.launch.local_view import look_at_this_machine, provider_of_target
from ipexenv.system.world import World
from tests.fakes import FakeRunner, facts

if TYPE_CHECKING:
    from pathlib import Path

NOTHING = World(runner=FakeRunner(), env={"PATH": "/none"})


def installed(site: Path, **versions: str) -> Facts:
    packages = {name: Package(name=name, version=Version(text)) for name, text in versions.items()}
    known = facts()
    target = replace(known.target, site_packages=str(site), prefix=str(site.parent))
    return replace(known, target=target, installed=Installed(**packages))  # type: ignore[arg-type]  # by their names


@pytest.mark.parametrize("name", ["oneccl_bindings_for_pytorch", "torch_ccl"])
def test_intels_bindings_under_both_names(name: str, tmp_path: Path) -> None:
    (tmp_path / "site" / name / "lib").mkdir(parents=True)
    known = installed(tmp_path / "site", bindings="2.0.0", ipex="2.5.0")
    view = look_at_this_machine(NOTHING, known)
    assert provider_of_target(known) == "bindings"
    assert (view.package_folder, view.existing_folders) == (f"{tmp_path}/site/{name}", frozenset({"lib"}))


def test_bindings_whose_files_are_gone(tmp_path: Path) -> None:
    assert look_at_this_machine(NOTHING, installed(tmp_path, bindings="2.0.0")).package_folder is None


def test_the_bridge(tmp_path: Path) -> None:
    (tmp_path / "site" / "ipexenv_oneccl_bridge" / "lib").mkdir(parents=True)
    known = installed(tmp_path / "site", bridge="2022.2.0", ipex="2.5.0", mpi="2021.18")
    view = look_at_this_machine(NOTHING, known)
    assert provider_of_target(known) == "bridge"
    assert (view.package_folder, view.mpi_root) == (f"{tmp_path}/site/ipexenv_oneccl_bridge", str(tmp_path))


@pytest.mark.parametrize(
    ("version", "brings"), [("2.2.0", False), ("2.3.100", True), ("2.7.0", True), ("2.8.0", False)]
)
def test_ipex_that_brings_mpi(version: str, *, brings: bool, tmp_path: Path) -> None:
    (tmp_path / "intel_extension_for_pytorch" / "opt" / "mpi" / "bin").mkdir(parents=True)
    known = installed(tmp_path, ipex=version)
    view = look_at_this_machine(NOTHING, known)
    assert provider_of_target(known) == "none"
    assert (view.package_folder is not None) is brings
    assert view.existing_folders == (frozenset({"opt/mpi", "opt/mpi/bin"}) if brings else frozenset())


def test_a_plain_environment(tmp_path: Path) -> None:
    view = look_at_this_machine(NOTHING, installed(tmp_path))
    assert (view.package_folder, view.mpi_root, view.interface) == (None, None, None)
