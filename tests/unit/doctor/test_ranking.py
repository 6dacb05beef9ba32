"""Ranking: the cause that helps comes first, benign messages never do."""

from __future__ import annotations

from typing import Any

import pytest
from packaging.version import Version

from ipexenv.doctor.ranking import benign, filled, rank, suspicious_lines
from ipexenv.doctor.scanning import Line, scan
from ipexenv.doctor.words import cure_words
from ipexenv.facts import Cpu, Facts, Host, Installed, IsaLevel, Libc, Package, Target, TorchPackage
from ipexenv.tables.failures import Failure


def failure(name: str, pattern: str, **more: Any) -> Failure:
    row = {
        "id": name,
        "stage": "import",
        "severity": "fatal",
        "patterns": [pattern],
        "cause": "it happened",
        "cure": "mend it",
        "source": ["a test"],
        "confidence": "measured",
        **more,
    }
    return Failure.from_mapping(row, where=name)


def ids(log: str, *failures: Failure, facts: Facts | None = None) -> list[str]:
    return [cause.failure.id for cause in rank(scan([log.encode()], failures), facts)]


def environment(**installed: Any) -> Facts:
    return Facts(
        host=Host(libc=Libc(family="glibc", version=Version("2.36")), cpu=Cpu(isa=IsaLevel.AVX512)),
        target=Target(version=Version("3.11.7"), executable="/my env/bin/python"),
        installed=Installed(**installed),
    )


def test_fatal_before_degraded_before_info_and_benign_never() -> None:
    log = "harmless\nnote\nslow\ndead\n"
    found = ids(
        log,
        failure("a", "harmless", severity="benign"),
        failure("b", "note", severity="info"),
        failure("c", "slow", severity="degraded"),
        failure("d", "dead"),
    )
    assert found == ["d", "c", "b"]


def test_what_came_first_pulled_the_rest_along() -> None:
    assert ids("second\nfirst\n", failure("first", "first"), failure("second", "second")) == ["second", "first"]


def test_what_only_says_that_something_failed_comes_last() -> None:
    assert ids("failed\nwhy\n", failure("tail", "failed", generic=True), failure("root", "why")) == ["root", "tail"]


def test_the_better_explanation_of_one_line_hides_the_other() -> None:
    general, special = failure("general", "symbol"), failure("special", "bindings.*symbol", over=["general"])
    assert ids("bindings: symbol\n", general, special) == ["special"]
    assert ids("bindings: symbol\nother symbol\n", general, special) == ["special", "general"]


@pytest.mark.parametrize(
    "when",
    [{"torch": "<2.7"}, {"python": "<3.9"}, {"glibc": ">=2.41"}, {"isa_below": "avx2"}],
    ids=["package", "python", "glibc", "isa"],
)
def test_what_cannot_be_true_here_comes_after_what_can(when: dict[str, str]) -> None:
    facts = environment(torch=TorchPackage(name="torch", version=Version("2.8.0")))
    unlikely, likely = failure("unlikely", "one", when=when), failure("likely", "two")
    assert ids("one\ntwo\n", unlikely, likely, facts=facts) == ["likely", "unlikely"]
    (first, second) = rank(scan([b"one\ntwo\n"], (unlikely, likely)), facts)
    assert first.unlikely is None
    assert second.unlikely is not None


def test_unknown_facts_do_not_object() -> None:
    facts = Facts(host=Host(), target=Target(version=Version("3.11")))
    found = rank(
        scan([b"one\n"], [failure("a", "one", when={"torch": "<2", "glibc": ">=2.41", "isa_below": "avx2"})]), facts
    )
    assert [cause.unlikely for cause in found] == [None]


def test_benign_messages_can_be_listed() -> None:
    found = scan([b"harmless\n"], [failure("a", "harmless", severity="benign")])
    assert rank(found) == ()
    assert [sighting.failure.id for sighting in benign(found)] == ["a"]


def test_the_worst_lines_of_an_unknown_log() -> None:
    texts = ["all is well", "could not be found", "Traceback (most recent call last):", "ValueError: no", "bye"]
    tail = [Line(number=number, text=text) for number, text in enumerate(texts, 1)]
    assert [line.number for line in suspicious_lines(tail)] == [3, 4]
    assert suspicious_lines(tail[:1]) == ()


def test_cures_name_this_interpreter_and_these_versions() -> None:
    facts = environment(
        torch=TorchPackage(name="torch", version=Version("2.8.0")), ipex=Package(name="i", version=Version("2.7.0"))
    )
    words = cure_words(facts, " --venv x")
    assert filled("{python} -m pip; ipexenv install{target}; {torch} {torch_minor} {ipex} {minor}", words) == (
        "'/my env/bin/python' -m pip; ipexenv install --venv x; 2.8.0 2.8 2.7.0 3.11"
    )
    assert filled("{accelerate}", words) == "ACCELERATE"
    assert cure_words(None, "") == {"python": "python", "target": ""}
