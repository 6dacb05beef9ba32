"""What an environment should be able to do, from what is installed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from packaging.version import Version

from ipexenv.facts import Facts, Package
from ipexenv.outcome import Resolution
from ipexenv.verify.expectation import expected_ccl, expected_imports, expected_stack
from ipexenv.verify.options import VerifyOptions
from tests.fakes import facts


def with_bindings(version: str) -> Facts:
    plain = facts(torch="2.7.0", ipex="2.7.0")
    bindings = Package(name="oneccl_bind_pt", version=Version(version))
    return replace(plain, installed=replace(plain.installed, bindings=bindings))


def test_the_stack_is_what_is_installed_or_what_was_asked_for() -> None:
    assert expected_stack(facts(torch="2.8.0", ipex="2.8.0"), None) == (
        "ipex",
        "intel_extension_for_pytorch 2.8.0 is installed",
    )
    assert expected_stack(facts(torch="2.13.0"), None) == ("native", "IPEX is not installed")
    assert expected_stack(facts(torch="2.8.0", ipex="2.8.0"), "native") == ("native", "--stack asks for it")


def test_the_bindings_must_work_where_they_are_installed() -> None:
    assert expected_ccl(with_bindings("2.7.0"), "auto") == "bindings"
    assert expected_ccl(with_bindings("2.7.0"), "none") == "none"
    assert expected_ccl(facts(torch="2.8.0"), "auto") == "none"
    assert expected_ccl(facts(torch="2.8.0"), "bindings") == "bindings"


@pytest.mark.parametrize(
    ("ipex", "name"),
    [
        ("1.8.0", "intel_pytorch_extension"),
        ("1.9.0", "torch_ipex"),
        ("1.10.100", "intel_extension_for_pytorch"),
        ("2.8.0", "intel_extension_for_pytorch"),
    ],
)
def test_ipex_had_three_names(ipex: str, name: str) -> None:
    assert expected_imports(facts(torch="1.8.0", ipex=ipex), "ipex", "none") == ("torch", name)


@pytest.mark.parametrize(("version", "name"), [("1.11.0", "torch_ccl"), ("1.12.0", "oneccl_bindings_for_pytorch")])
def test_the_bindings_had_two_names(version: str, name: str) -> None:
    assert expected_imports(with_bindings(version), "native", "bindings") == ("torch", name)


def test_what_is_not_installed_is_expected_under_its_newest_name() -> None:
    names = ("torch", "intel_extension_for_pytorch", "oneccl_bindings_for_pytorch")
    assert expected_imports(facts(), "ipex", "bindings") == names
    options = VerifyOptions(stack="ipex", import_names=names)
    assert (options.ipex_module, options.bindings_module) == names[1:]
    assert VerifyOptions(stack="native").bindings_module is None


def test_options_of_a_resolution() -> None:
    resolution = Resolution(
        torch=Version("2.8.0"),
        python=Version("3.11"),
        stack="ipex",
        ccl="none",
        ccl_version=None,
        ccl_reason="none exist",
        pins=(),
        constraints=(),
        import_names=("torch", "intel_extension_for_pytorch"),
        rejections=(),
        notes=(),
    )
    options = VerifyOptions.for_resolution(resolution, dtype="fp32")
    assert (options.stack, options.ccl, options.ccl_reason, options.dtype) == ("ipex", "none", "none exist", "fp32")
    assert options.import_names == resolution.import_names


def test_the_bridge_must_work_where_it_is_installed_and_bears_the_bindings_name() -> None:
    plain = facts(torch="2.13.0")
    bridge = Package(name="ipexenv-oneccl-bridge", version=Version("2022.2.0+ipexenv.bridge.1"))
    bridged = replace(plain, installed=replace(plain.installed, bridge=bridge))
    assert expected_ccl(bridged, "auto") == "bridge"
    assert expected_ccl(plain, "bridge") == "bridge"
    assert expected_ccl(bridged, "none") == "none"
    assert expected_imports(bridged, "native", "bridge") == ("torch", "oneccl_bindings_for_pytorch")
