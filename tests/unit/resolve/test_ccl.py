"""Where the ccl backend comes from."""

from __future__ import annotations

from typing import Any

import pytest

from ipexenv.facts import IsaLevel
from tests.unit.resolve.builders import (
    BINDINGS,
    BRIDGE_VERSION,
    INDEX,
    IPEX,
    answer,
    here,
    market,
    offer,
    parts,
    pins,
    refusal,
)

OLD: dict[str, Any] = {"python": "3.9.1", "isa": IsaLevel.AVX512}


@pytest.mark.parametrize(
    ("torch", "version", "module"),
    [
        ("1.10.0", "1.10.0", "torch_ccl"),
        ("1.11.0", "1.11.0", "torch_ccl"),
        ("1.12.0", "1.12.0", "oneccl_bindings_for_pytorch"),
        ("1.12.1", "1.12.100", "oneccl_bindings_for_pytorch"),
        ("1.13.0", "1.13.0", "oneccl_bindings_for_pytorch"),
        ("2.0.1", "2.0.0", "oneccl_bindings_for_pytorch"),
        ("2.1.2", "2.1.0", "oneccl_bindings_for_pytorch"),
        ("2.6.0", "2.6.0", "oneccl_bindings_for_pytorch"),
        ("2.7.0", "2.7.0", "oneccl_bindings_for_pytorch"),
    ],
)
def test_the_exact_table_and_its_module_names(torch: str, version: str, module: str) -> None:
    found = answer(here(torch=torch, **OLD), allow_yanked=True)
    assert (found.ccl, str(found.ccl_version), found.import_names[-1]) == ("bindings", version, module)
    assert found.ccl_reason is None


@pytest.mark.parametrize(
    ("torch", "reason"),
    [
        ("2.2.2", f"{BINDINGS} 2.2.0 needs torch 2.2.0, and torch 2.2.2 is installed"),
        ("2.8.0+cpu", "Intel's bindings end at torch 2.7.0, and torch 2.8.0+cpu is installed"),
    ],
)
def test_where_there_are_no_bindings_the_bridge_serves_and_the_reason_says_why(torch: str, reason: str) -> None:
    found = answer(here(torch=torch, python="3.10.1"), allow_yanked=True)
    assert (found.ccl, str(found.ccl_version), found.ccl_reason) == ("bridge", BRIDGE_VERSION, reason)
    assert found.import_names[-1] == "oneccl_bindings_for_pytorch"


def test_a_torch_before_the_bridge_and_before_the_bindings() -> None:
    found = answer(here(torch="1.9.0", **OLD), allow_yanked=True)
    assert (found.ccl, found.ccl_version) == ("none", None)
    assert found.ccl_reason == (
        "torch-ccl 1.9 was never a wheel: it has to be built from source; "
        "the bridge needs torch >=2.0, and torch 1.9.0 is installed"
    )


def test_a_python_without_a_wheel() -> None:
    found = answer(here(torch="2.5.0", python="3.12.1"), allow_yanked=True)
    assert found.ccl == "bridge"
    assert found.ccl_reason == f"{BINDINGS} 2.5.0 has wheels for Python 3.9 to 3.11, and the target is Python 3.12"


def test_a_wheel_that_the_table_did_not_know_of_is_taken() -> None:
    tag = "cp312-cp312-linux_x86_64"
    served = market(offer(IPEX, "2.5.0", tag), offer(BINDINGS, "2.5.0+cpu", tag, source="intel-us"))
    assert answer(here(torch="2.5.0", python="3.12.1"), served, allow_yanked=True).ccl == "bindings"


def test_auto_takes_the_bridge_where_no_source_serves_bindings() -> None:
    served = market(offer(IPEX, "2.7.0"), *parts(), failed=["intel-us"])
    found = answer(here(torch="2.7.0"), served)
    unserved = f"{BINDINGS} 2.7.0 is served by no source for Python 3.11, and intel-us failed (403 Forbidden)"
    assert (found.ccl, found.ccl_reason) == ("bridge", unserved)
    assert [part.filename.partition("-")[0] for part in found.pins[2].parts] == ["oneccl", "oneccl_cpu", "impi_rt"]
    error = refusal(here(torch="2.7.0"), served, ccl="bindings")
    assert (error.code, error.causes) == ("bindings-unavailable", (unserved,))
    assert (error.hint or "").startswith("take the bridge with `ipexenv install --ccl bridge`")
    assert (error.hint or "").endswith("or name a place that serves them with `--source`")


def test_auto_does_without_where_neither_can_be_had_and_says_why_of_both() -> None:
    found = answer(here(torch="2.7.0"), market(offer(IPEX, "2.7.0"), failed=["intel-us", INDEX]))
    assert found.ccl == "none"
    assert found.ccl_reason == (
        f"{BINDINGS} 2.7.0 is served by no source for Python 3.11, "
        "and intel-us failed (403 Forbidden), index failed (403 Forbidden); "
        "the bridge is made from oneccl 2022.2.0, oneccl-cpu 2022.2.0 and impi-rt 2021.18.0, which no source serves, "
        "and index failed (403 Forbidden)"
    )


def test_bindings_that_are_there_stay() -> None:
    there = here(torch="2.7.0", packages={"ipex": "2.7.0", "bindings": "2.7.0+cpu"})
    found = answer(there, market(failed=["intel-us"]))
    assert [(pin.name, str(pin.version), pin.installed) for pin in found.pins][2] == (BINDINGS, "2.7.0+cpu", True)
    assert answer(there, stack="native").ccl == "bindings"


def test_none_means_none() -> None:
    found = answer(here(torch="2.7.0"), ccl="none")
    assert (found.ccl, found.ccl_reason) == ("none", "not wanted (--ccl none)")


def test_bindings_that_are_required_decide_the_pair() -> None:
    assert pins(answer(here(), ccl="bindings")) == {"torch": "2.7.0", IPEX: "2.7.0", BINDINGS: "2.7.0"}
    old = answer(here(**OLD), torch="1.12", ccl_version="1.12.100", allow_yanked=True)
    assert pins(old) == {"torch": "1.12.1", IPEX: "1.12.300", BINDINGS: "1.12.100"}


def test_bindings_that_are_required_and_cannot_be() -> None:
    error = refusal(here(torch="2.8.0"), ccl="bindings")
    assert error.code == "bindings-unavailable"
    assert error.causes == ("Intel's bindings end at torch 2.7.0, and torch 2.8.0 is installed",)
    assert error.hint == (
        "take the bridge with `ipexenv install --ccl bridge`, or "
        "take torch 2.7 with `ipexenv install --torch 2.7 --allow-torch-change --ccl bindings`"
    )
    assert refusal(here(torch="2.8.0"), ccl="bindings", stack="native").code == "bindings-unavailable"


@pytest.mark.parametrize("misprint", ["1.12.10", "1.12.1", "1.12.10+cpu"])
def test_the_misprinted_version_is_answered_with_what_was_meant(misprint: str) -> None:
    found = answer(here(torch="1.12.1", python="3.10.1"), ccl_version=misprint, allow_yanked=True)
    assert str(found.ccl_version) == "1.12.100"
    assert any("1.12.100 is meant" in note.text for note in found.notes)


def test_the_misprint_for_a_torch_that_it_does_not_serve() -> None:
    error = refusal(here(torch="1.12.0", python="3.10.1"), ccl_version="1.12.10", allow_yanked=True)
    assert error.causes == (
        f"{BINDINGS} 1.12.100 is for torch 1.12.1 only, and torch 1.12.0 is installed; 1.12.0 is the one for it",
    )


def test_the_older_bindings_are_never_given_to_the_newer_torch() -> None:
    error = refusal(here(torch="1.12.1", python="3.10.1"), ccl_version="1.12.0", allow_yanked=True)
    assert error.causes == (
        f"{BINDINGS} 1.12.0 is for torch 1.12.0 only, and torch 1.12.1 is installed; 1.12.100 is the one for it",
    )


def test_a_version_that_never_was() -> None:
    error = refusal(here(torch="2.7.0"), ccl_version="2.0.100")
    assert error.causes == (
        "there are no oneCCL bindings 2.0.100, and torch 2.7.0 is installed; 2.7.0 is the one for it",
    )
    assert "`ipexenv install`" in (error.hint or "")
    assert refusal(here(torch="2.8.0"), ccl_version="7").causes == (
        "there are no oneCCL bindings 7, and torch 2.8.0 is installed",
    )
