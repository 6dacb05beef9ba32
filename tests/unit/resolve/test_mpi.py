"""Intel MPI beside the ccl backend."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ipexenv.resolve.explain import explain_choices
from tests.unit.resolve.builders import (
    BRIDGE,
    BRIDGE_VERSION,
    PAIR_28,
    answer,
    asking,
    here,
    ipex,
    market,
    parts,
    pins,
    refusal,
    small_tables,
    tables,
    torch,
)

if TYPE_CHECKING:
    from ipexenv.outcome import Offer

MPI = tables().bridge[-1].mpi
VERSION = str(MPI.version)


def served(**changes: Any) -> tuple[Offer, ...]:
    """Return the market's offers with Intel MPI's wheel changed."""
    *others, mpi = parts()
    return (*PAIR_28, *others, replace(mpi, **changes))


def test_it_is_pinned_exactly_and_only_where_it_is_asked_for() -> None:
    assert "impi-rt" not in pins(answer(here(), market(*served())))
    found = answer(here(), market(*served()), mpi=True)
    assert pins(found) == {
        "torch": "2.8.0",
        PAIR_28[1].project.replace("-", "_"): "2.8.0",
        BRIDGE: BRIDGE_VERSION,
        "impi-rt": VERSION,
    }
    assert found.pins[3].offer == parts()[2]
    folder = answer(here(), market(*served(sha256=None)), mpi=True).pins[3].offer
    assert folder is not None
    assert folder.sha256 == MPI.sha256
    assert dict(explain_choices(found, asking(mpi=True), tables()))["impi-rt"] == (
        "Intel MPI with its launcher, asked for with --mpi"
    )


def test_without_a_provider_it_is_there_for_gloo() -> None:
    assert pins(answer(here(torch="2.13.0"), stack="native", ccl="none", mpi=True)) == {
        "torch": "2.13.0",
        "impi-rt": VERSION,
    }


def test_intels_bindings_bring_their_own() -> None:
    found = answer(here(torch="2.7.0"), mpi=True)
    assert "impi-rt" not in pins(found)
    assert [note.code for note in found.notes] == ["mpi-not-needed"]


def test_the_one_that_is_installed_stays_and_another_is_replaced() -> None:
    there = here(torch="2.8.0", packages={"ipex": "2.8.0", "bridge": BRIDGE_VERSION, "mpi": VERSION})
    assert answer(there, market(failed=["index"]), mpi=True).pins[3].installed
    other = here(torch="2.8.0", packages={"ipex": "2.8.0", "bridge": BRIDGE_VERSION, "mpi": "2021.15.0"})
    assert not answer(other, market(*served()), mpi=True).pins[3].installed


@pytest.mark.parametrize(
    ("there", "change", "reason"),
    [
        ({}, {"yanked": ""}, "was yanked (no reason given)"),
        ({}, {"sha256": "f" * 64}, "is impi_rt-2021.18.0-py2.py3-none-manylinux_2_28_x86_64.whl with SHA-256"),
        ({}, {"filename": "impi_rt-2021.18.0-py3-none-any.whl"}, "is served by no source, and mirror failed"),
        ({"glibc": "2.26"}, {}, "needs glibc 2.28 or newer, and the target has 2.26"),
    ],
)
def test_where_it_cannot_be_had_it_is_refused(there: dict[str, Any], change: dict[str, Any], reason: str) -> None:
    installed = here(torch="2.8.0", **there)
    error = refusal(installed, market(*served(**change), failed=["mirror"]), stack="native", ccl="none", mpi=True)
    assert (error.code, error.message) == ("mpi-unavailable", "Intel MPI cannot be had for this environment")
    assert error.causes[0].startswith(f"impi-rt 2021.18.0 {reason}")
    assert "do without Intel MPI with `ipexenv install --stack native --ccl none`" in (error.hint or "")


def test_tables_without_it() -> None:
    known = small_tables(ipex("2.8.0"), torch("2.8.0"))
    assert refusal(here(), known=known, mpi=True).causes == ("impi-rt stands in no table",)
