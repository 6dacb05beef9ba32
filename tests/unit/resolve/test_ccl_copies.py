"""A second oneCCL is named where a ccl backend is there to be confused by it."""

from __future__ import annotations

from dataclasses import replace

from packaging.version import Version

from ipexenv.facts import Facts, Installed, Package
from ipexenv.resolve.ccl_copies import ccl_copy_notes
from tests.fakes import facts

BINDINGS = Package(name="oneccl_bind_pt", version=Version("2.7.0+cpu"))
BRIDGE = Package(name="ipexenv-oneccl-bridge", version=Version("2022.2.0+ipexenv.bridge.1"))
IPEX = Package(name="intel_extension_for_pytorch", version=Version("2.7.0"))
OWN = "/v/lib/python3.11/site-packages/intel_extension_for_pytorch/lib/libccl.so.1"


def having(**installed: object) -> Facts:
    return replace(facts(), installed=Installed(**installed))  # type: ignore[arg-type]  # as named


def test_without_a_backend_there_is_nothing_to_say() -> None:
    assert ccl_copy_notes(having(other_ccl=("/v/lib/libccl.so.1",), ccl_on_path=("/x/libccl.so.1",))) == ()


def test_the_one_that_ipex_brings_is_for_verify_to_judge() -> None:
    (note,) = ccl_copy_notes(having(bindings=BINDINGS, ipex=IPEX, other_ccl=(OWN,)))
    assert note.text.startswith(f"a second oneCCL is there beside that of oneccl_bind_pt 2.7.0+cpu: {OWN}, which intel")
    assert note.text.endswith("`ipexenv verify` proves that they agree")


def test_a_packages_own_is_named_with_the_command_that_removes_it() -> None:
    oneccl = Package(name="oneccl", version=Version("2021.15.0"), installer="uv")
    (note,) = ccl_copy_notes(having(bridge=BRIDGE, oneccl=oneccl, other_ccl=("/v/lib/libccl.so.1",)))
    assert "of oneccl 2021.15.0: `uv pip uninstall" in note.text
    (note,) = ccl_copy_notes(having(bridge=BRIDGE, other_ccl=("/v/lib/libccl.so.1",)))
    assert "which no package owns up to" in note.text


def test_the_loaders_path_misleads_the_bindings_and_not_the_bridge() -> None:
    (note,) = ccl_copy_notes(having(bindings=BINDINGS, ccl_on_path=("/x/libccl.so.1",)))
    assert "which the loader takes before that of oneccl_bind_pt" in note.text
    (note,) = ccl_copy_notes(having(bridge=BRIDGE, ccl_on_path=("/x/libccl.so.1",)))
    assert note.text.endswith("loads its own all the same")
