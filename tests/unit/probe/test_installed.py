from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from ipexenv.facts import Installed
from ipexenv.probe.installed import FACTS, look_at_installed
from ipexenv.probe.learnt import Learnt
from ipexenv.tables.bridge import BRIDGE_PROJECT
from ipexenv.tables.load import load_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ipexenv.probe.target import TargetReport

    Write = Callable[[Mapping[str, str]], Path]

SITE = "/lib/python3.11/site-packages"


def info(name: str, version: str, **more: str) -> dict[str, str]:
    folder = f"{SITE}/{name}-{version}.dist-info"
    return {f"{folder}/METADATA": f"Name: {name}\nVersion: {version}\n"} | {
        f"{folder}/{file}": text for file, text in more.items()
    }


def look(root: Path, report: Callable[..., TargetReport], **changes: object) -> Installed:
    return look_at_installed(report(search_path=[f"{root}{SITE}"], prefix=str(root), **changes), Learnt())


def test_nothing(tmp_path: Path, report: Callable[..., TargetReport]) -> None:
    assert look(tmp_path, report) == Installed()


def test_everything(write: Write, report: Callable[..., TargetReport]) -> None:
    names = ("torch", "intel_extension_for_pytorch", "oneccl_bind_pt", "transformers", "accelerate", "numpy")
    files: dict[str, str] = {}
    for name in (*names, "torchvision", "torchaudio"):
        files |= info(name, "2.7.0")
    seen = look(write(files), report)
    found = [seen.torch, seen.ipex, seen.bindings, seen.transformers, seen.accelerate, seen.numpy]
    assert [package and package.name for package in found] == list(names)
    assert seen.torchvision is not None
    assert seen.torchaudio is not None


def test_names_of_early_releases(write: Write, report: Callable[..., TargetReport]) -> None:
    seen = look(write({**info("torch_ipex", "1.9.0"), **info("torch_ccl", "1.2.0")}), report)
    assert seen.ipex is not None
    assert seen.bindings is not None
    assert (seen.ipex.name, seen.bindings.name) == ("torch_ipex", "torch_ccl")


def test_of_two_names_the_present_one_counts(write: Write, report: Callable[..., TargetReport]) -> None:
    seen = look(write({**info("torch_ipex", "1.9.0"), **info("intel_extension_for_pytorch", "2.8.0")}), report)
    assert seen.ipex is not None
    assert seen.ipex.name == "intel_extension_for_pytorch"


BRIDGE = "2022.2.0+ipexenv.bridge.1"
STAND_IN = info("oneccl_bind_pt", BRIDGE, INSTALLER="ipexenv-oneccl-bridge")


def test_the_bridge_is_not_taken_for_intels_bindings(write: Write, report: Callable[..., TargetReport]) -> None:
    learnt = Learnt()
    root = write({**info("ipexenv_oneccl_bridge", BRIDGE, INSTALLER="uv"), **STAND_IN, **info("impi_rt", "2021.18.0")})
    seen = look_at_installed(report(search_path=[f"{root}{SITE}"], prefix=str(root)), learnt)
    assert seen.bridge is not None
    assert seen.mpi is not None
    assert (seen.bindings, str(seen.bridge.version), seen.bridge.installer) == (None, BRIDGE, "uv")
    assert learnt.notes["installed.bindings"].endswith(
        f"{BRIDGE}.dist-info; the bridge brings it, so it does not count"
    )


def test_of_a_mixture_both_are_seen(write: Write, report: Callable[..., TargetReport]) -> None:
    files = {**info("ipexenv_oneccl_bridge", BRIDGE), **STAND_IN, **info("oneccl_bind_pt", "2.7.0+cpu")}
    seen = look(write(files), report)
    assert seen.bridge is not None
    assert seen.bindings is not None
    assert str(seen.bindings.version) == "2.7.0+cpu"


def test_conda_packages_without_an_installer_file(write: Write, report: Callable[..., TargetReport]) -> None:
    files = {
        **info("torch", "2.5.1"),
        **info("numpy", "1.26.4", INSTALLER="pip"),
        "/conda-meta/pytorch-2.5.1-cpu_generic_py311_h0.json": "{}",
        "/conda-meta/numpy-1.26.4-py311h0_0.json": "{}",
        "/conda-meta/history": "",
        f"{SITE}/torch/version.py": "__version__ = '2.5.1'\ncuda = None",
    }
    root = write(files)
    seen = look(root, report, conda=True)
    assert seen.torch is not None
    assert seen.numpy is not None
    assert (seen.torch.installer, seen.torch.build, seen.numpy.installer) == ("conda", "conda", "pip")
    plain = look(root, report).torch
    assert plain is not None
    assert (plain.installer, plain.build) == (None, "cpu")


def test_every_package_of_the_tables_is_known() -> None:
    tables = load_tables()
    assert FACTS[BRIDGE_PROJECT] == "bridge"
    assert {FACTS[release.mpi.project] for release in tables.bridge} == {"mpi"}
    for fact, releases in (("ipex", tables.ipex), ("bindings", tables.oneccl)):
        assert {FACTS.get(canonicalize_name(release.package)) for release in releases} == {fact}
