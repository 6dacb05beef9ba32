"""Where the ccl backend comes from."""

from __future__ import annotations

from typing import Any

import pytest
from packaging.version import Version

from ipexenv.facts import IsaLevel
from ipexenv.resolve.ccl import last_for_cpu, meant_version
from tests.unit.resolve.builders import (
    BINDINGS,
    IPEX,
    answer,
    bindings,
    here,
    market,
    offer,
    pins,
    refusal,
    small_tables,
    tables,
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
        (
            "2.8.0+cpu",
            (
                "no oneCCL bindings for CPU exist for torch 2.8.0: the last, 2.7.0, need torch 2.7.0; "
                "gloo does without, and torch 2.7.0 is the newest with ccl"
            ),
        ),
    ],
)
def test_where_there_are_none_the_reason_says_why(torch: str, reason: str) -> None:
    found = answer(here(torch=torch, python="3.10.1"), allow_yanked=True)
    assert (found.ccl, found.ccl_version, found.ccl_reason) == ("none", None, reason)


def test_a_torch_from_before_the_bindings_were_published() -> None:
    found = answer(here(torch="1.9.0", **OLD), allow_yanked=True)
    assert found.ccl_reason == "torch-ccl 1.9 was never a wheel: it has to be built from source"


def test_a_python_without_a_wheel() -> None:
    found = answer(here(torch="2.5.0", python="3.12.1"), allow_yanked=True)
    assert found.ccl_reason == f"{BINDINGS} 2.5.0 has wheels for Python 3.9 to 3.11, and the target is Python 3.12"


def test_a_wheel_that_the_table_did_not_know_of_is_taken() -> None:
    tag = "cp312-cp312-linux_x86_64"
    served = market(offer(IPEX, "2.5.0", tag), offer(BINDINGS, "2.5.0+cpu", tag, source="intel-us"))
    assert answer(here(torch="2.5.0", python="3.12.1"), served, allow_yanked=True).ccl == "bindings"


def test_auto_does_without_where_no_source_serves_them() -> None:
    served = market(offer(IPEX, "2.7.0"), failed=["intel-us"])
    found = answer(here(torch="2.7.0"), served)
    assert found.ccl_reason == (
        f"{BINDINGS} 2.7.0 is served by no source for Python 3.11, and intel-us failed (403 Forbidden)"
    )
    error = refusal(here(torch="2.7.0"), served, ccl="bindings")
    assert (error.code, error.causes) == ("bindings-unavailable", (found.ccl_reason,))
    assert (error.hint or "").endswith("or name a place that serves them with `--source`")


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
    assert "the last, 2.7.0, need torch 2.7.0" in error.causes[0]
    assert error.hint == (
        "do without ccl with `ipexenv install --ccl none`, or "
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


@pytest.mark.parametrize(
    ("text", "version"),
    [("2.7", "2.7.0"), ("2.7.0+cpu", "2.7.0"), ("1.13", "1.13.0"), ("1.12.10", "1.12.100"), ("2.0.1", None)],
)
def test_what_a_version_means(text: str, version: str | None) -> None:
    assert meant_version(text, tables()).version == (None if version is None else Version(version))


def test_the_last_bindings_for_cpu() -> None:
    last = last_for_cpu(tables())
    assert last is not None
    assert str(last.version) == "2.7.0"
    assert last_for_cpu(small_tables(bindings("1.9", wheel=False))) is None
