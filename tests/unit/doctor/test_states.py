"""Known failures without a message: found where all of their circumstances are known to hold."""

from __future__ import annotations

from typing import Any

import pytest

from ipexenv.doctor.rules.states import known_states
from ipexenv.facts import Cpu, IsaLevel
from ipexenv.tables.failures import Failure
from ipexenv.tables.load_failures import load_failures
from tests.unit.doctor.surroundings import facts, package, surroundings, torch


def failure(**more: Any) -> Failure:
    row = {
        "id": "odd",
        "stage": "import",
        "severity": "fatal",
        "cause": "torch {torch} is odd",
        "cure": "`mend{target}`",
        "source": ["a test"],
        "confidence": "measured",
        **more,
    }
    return Failure.from_mapping(row, where="odd")


def found(row: Failure, **changes: Any) -> list[str]:
    return [finding.id for finding in known_states(surroundings(**changes), [row])]


def test_all_circumstances_together_make_a_finding() -> None:
    seen = surroundings(facts=facts(bindings=package("oneccl_bind_pt", "2.1.0")), target_words=" --venv x")
    (finding,) = known_states(seen, [failure(when={"bindings": "==2.1.0", "torch": ">=2.0"})])
    assert (finding.severity, finding.summary, finding.cure) == ("warning", "torch 2.8.0 is odd", "`mend --venv x`")
    assert finding.evidence == ("oneccl_bind_pt 2.1.0",)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"when": {"bindings": "==2.1.0"}},
        {"when": {"torch": ">=2.8"}},
        {"when": {"ipex": ">=2", "glibc": ">=2.41"}},
        {"when": {"isa_below": "avx2"}},
        {"when": {"isa_below": "avx512_fp16"}, "patterns": ["x"]},
        {"when": {"isa_below": "avx512_fp16"}, "ending": {"returncode": -4}},
    ],
)
def test_what_does_not_hold_or_shows_elsewhere_is_none(more: dict[str, Any]) -> None:
    assert found(failure(**more)) == []


def test_an_unknown_cpu_is_no_evidence() -> None:
    row = failure(when={"isa_below": "amx"})
    assert found(row, facts=facts(cpu=Cpu())) == []
    assert found(row, facts=facts(cpu=Cpu(isa=IsaLevel.AVX512))) == ["odd"]


def test_the_tables_own() -> None:
    old = facts(torch=torch("2.1.0"), bindings=package("oneccl_bind_pt", "2.1.0"), cpu=Cpu(isa=IsaLevel.AVX2))
    told = {finding.id for finding in known_states(surroundings(facts=old), load_failures())}
    assert {"ddp-2-1-0", "bf16-emulated"} <= told
    assert list(known_states(surroundings(), load_failures())) == []
