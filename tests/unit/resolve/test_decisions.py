"""The whole decision matrix as data: every torch, every Python, six machines; see tests/data/decisions/README.md."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.version import Version

from ipexenv.facts import IsaLevel
from ipexenv.outcome import Market, Resolution
from ipexenv.resolve.ccl import choose_ccl
from ipexenv.resolve.situation import Situation, installed_torch, name_of
from ipexenv.resolve.solve import decide
from tests.unit.resolve.builders import BINDINGS, IPEX, answer, asking, here, pins, refusal, tables

if TYPE_CHECKING:
    from ipexenv.facts import Facts
    from ipexenv.outcome import Rejection
    from ipexenv.tables.schema import TorchRelease

DECISIONS = Path(__file__).parents[2] / "data" / "decisions"

MACHINES: dict[str, dict[str, Any]] = {
    "glibc-2.17-avx512": {"glibc": "2.17", "glibcxx": Version("3.4.19"), "isa": IsaLevel.AVX512},
    "glibc-2.36-avx2": {"glibc": "2.36", "glibcxx": Version("3.4.30"), "isa": IsaLevel.AVX2},
    "glibc-2.41-avx512": {"glibc": "2.41", "glibcxx": Version("3.4.33"), "isa": IsaLevel.AVX512},
    "glibc-2.36-without-avx2": {"glibc": "2.36", "glibcxx": Version("3.4.30"), "isa": IsaLevel.DEFAULT},
    "musl": {"musl": True, "glibcxx": Version("3.4.33"), "isa": IsaLevel.AVX512},
    "aarch64": {"architecture": "aarch64", "glibcxx": Version("3.4.30"), "isa": None},
}


def rows(name: str) -> list[dict[str, str]]:
    with (DECISIONS / f"{name}.csv").open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def decided(facts: Facts, torch: str) -> str:
    request = asking(torch=torch, allow_yanked=True)
    decision = decide(Situation.of(facts, request, tables(), Market()))
    if not isinstance(decision, Resolution):
        return refusing_rules(decision.rejections)
    chosen = pins(decision)
    assert decision.torch == Version(torch)
    return f"{chosen.get(IPEX) or chosen['torch_ipex']} / {chosen.get(BINDINGS, '-')}"


def refusing_rules(rejections: tuple[Rejection, ...]) -> str:
    """Return the rules that all releases for this torch fail, ``torch`` where there is no such release."""
    rules = {name_of(release): set[str]() for release in tables().ipex}
    for rejection in rejections:
        rules.get(rejection.release, set()).add(rejection.rule)
    matching = [found for found in rules.values() if not found & {"torch", "broken"}]
    return "+".join(sorted(set.intersection(*matching))) if matching else "torch"


@pytest.mark.parametrize("machine", MACHINES)
def test_every_torch_on_every_python(machine: str) -> None:
    expected = rows(machine)
    assert [row["torch"] for row in expected] == [str(release.version) for release in tables().torch]
    wrong = [
        (row["torch"], python, cell, found)
        for row in expected
        for python, cell in row.items()
        if python != "torch" and (found := decided(here(python=python, **MACHINES[machine]), row["torch"])) != cell
    ]
    assert wrong == []


@pytest.mark.parametrize("row", rows("fresh"), ids=lambda row: f"{row['machine']} {row['stack']} {row['consent']}")
def test_a_machine_without_torch(row: dict[str, str]) -> None:
    pythons = [key for key in row if key.startswith("3.")]
    choices: dict[str, Any] = {"stack": row["stack"], "allow_yanked": row["consent"] == "yes"}
    for python in pythons:
        facts = here(python=python, **MACHINES[row["machine"]])
        if "-" in row[python]:
            assert (python, refusal(facts, **choices).code) == (python, row[python])
            continue
        chosen = pins(answer(facts, **choices))
        assert (python, " ".join(chosen.get(name, "") for name in ("torch", IPEX)).strip()) == (python, row[python])


SINCE_2_0 = [row for row in tables().torch if row.version >= Version("2.0")]


@pytest.mark.parametrize("row", SINCE_2_0, ids=lambda row: str(row.version))
def test_every_torch_since_2_0_has_a_ccl_backend_on_every_python(row: TorchRelease) -> None:
    for python in row.python:
        if python < Version("3.8"):
            continue
        for glibc in ("2.28", "2.36", "2.41"):
            there = here(torch=str(row.version), python=str(python), glibc=glibc)
            torch = installed_torch(there, tables())
            assert torch is not None
            found = choose_ccl(Situation.of(there, asking(), tables(), Market()).with_torch(torch))
            assert found.provider != "none", (str(python), glibc, found.reason)
