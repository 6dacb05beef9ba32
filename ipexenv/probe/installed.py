"""The installed distributions that the tables speak about."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from ipexenv.facts import Installed, Package
from ipexenv.probe.ccl_copies import other_ccl
from ipexenv.probe.distributions import find_distributions
from ipexenv.probe.torch_build import torch_of
from ipexenv.system.files import list_names
from ipexenv.tables.bridge import BRIDGE_PROJECT

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ipexenv.probe.learnt import Learnt
    from ipexenv.probe.target import TargetReport

FACTS = {
    "torch": "torch",
    "intel-extension-for-pytorch": "ipex",
    "torch-ipex": "ipex",  # the name of 1.8 and 1.9
    "oneccl-bind-pt": "bindings",
    "torch-ccl": "bindings",  # the name below 1.10
    BRIDGE_PROJECT: "bridge",
    "impi-rt": "mpi",
    "oneccl": "oneccl",
    "transformers": "transformers",
    "accelerate": "accelerate",
    "numpy": "numpy",
    "torchvision": "torchvision",
    "torchaudio": "torchaudio",
}
"""Field of ``Installed`` by normalised project name; of two names for one field the first counts."""
_CONDA_NAMES = {"torch": ("pytorch", "pytorch-cpu", "pytorch-gpu")}


def look_at_installed(report: TargetReport, learnt: Learnt, env: Mapping[str, str] = MappingProxyType({})) -> Installed:
    """Return what is installed in the target, from metadata and files alone; nothing is imported."""
    found = find_distributions(report.search_path, FACTS, learnt)
    records = _conda_records(report)
    packages: dict[str, Package] = {}
    for name, fact in FACTS.items():
        if name in found:
            packages.setdefault(fact, _with_installer(found[name], name, records))
    torch = torch_of(packages.pop("torch", None), report.search_path, learnt)
    inside, on_path = other_ccl(report, packages.get("ipex"), env)
    return Installed(torch=torch, other_ccl=inside, ccl_on_path=on_path, **packages)


def _conda_records(report: TargetReport) -> frozenset[str]:
    """Return conda's names of what it installed: its records are called ``name-version-build.json``."""
    if not report.conda:
        return frozenset()
    names = list_names(f"{report.prefix}/conda-meta")
    return frozenset(name.rsplit("-", 2)[0].lower() for name in names if name.endswith(".json"))


def _with_installer(package: Package, name: str, records: Collection[str]) -> Package:
    """Name conda where only its own records tell: its older packages carry no INSTALLER file."""
    by_conda = any(record in records for record in (name, name.replace("-", "_"), *_CONDA_NAMES.get(name, ())))
    return replace(package, installer="conda") if package.installer is None and by_conda else package
