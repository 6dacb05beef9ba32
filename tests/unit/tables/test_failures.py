"""The table of failures: every row is told by its own sample and by no other's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ipexenv import toml
from ipexenv.doctor.ranking import rank
from ipexenv.doctor.scanning import scan
from ipexenv.errors import TableError
from ipexenv.reading import MalformedError
from ipexenv.tables.failures import Failure
from ipexenv.tables.load_failures import load_failures

FAILURES = load_failures()
SAMPLES: dict[str, list[str]] = toml.loads(
    (Path(__file__).parents[2] / "data" / "failures.toml").read_text(encoding="utf-8")
)
PAIRS = [(name, sample) for name, samples in SAMPLES.items() for sample in samples]

ROW: dict[str, Any] = {
    "id": "some",
    "stage": "import",
    "severity": "fatal",
    "cause": "why",
    "cure": "what",
    "source": ["here"],
    "confidence": "measured",
}


def test_every_pattern_has_a_sample_and_every_sample_a_row() -> None:
    assert {failure.id for failure in FAILURES if failure.patterns} == set(SAMPLES)


@pytest.mark.parametrize(("name", "sample"), PAIRS, ids=[name for name, _ in PAIRS])
def test_a_sample_is_told_first(name: str, sample: str) -> None:
    found = scan([b"epoch 1 loss 0.5\n", sample.encode(), b"\nbye\n"], FAILURES)
    severity = next(failure.severity for failure in FAILURES if failure.id == name)
    if severity == "benign":
        assert name in {sighting.failure.id for sighting in found.sightings}
        assert rank(found) == ()
    else:
        assert rank(found)[0].failure.id == name


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.id)
def test_causes_and_cures_are_sentences(failure: Failure) -> None:
    for text in (failure.cause, failure.cure):
        assert text.rstrip().endswith((".", "`", ")", "?")), text
        assert text.count("`") % 2 == 0, text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"severity": "bad"}, "severity is 'bad'"),
        ({"stage": "lunch"}, "stage is 'lunch'"),
        ({"when": {"isa_below": "mmx"}}, "isa_below is 'mmx'"),
        ({"when": {"windows": "11"}}, "unknown key 'windows'"),
        ({"ending": {"silent": True}}, "returncode is missing"),
        ({"patern": []}, "unknown key 'patern'"),
    ],
)
def test_a_bad_row_is_named_with_its_key(change: dict[str, Any], message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        Failure.from_mapping({**ROW, **change}, where="failures.toml [[failure]] some")


@pytest.mark.parametrize(
    ("more", "message"), [("", "another row"), ('over = ["nobody"]', "which has no row")], ids=["twice", "over"]
)
def test_rows_that_do_not_go_together_are_named(tmp_path: Path, more: str, message: str) -> None:
    row = "\n".join(f"{key} = {value!r}" for key, value in ROW.items())
    text = f"[[failure]]\n{row}\n{more}\n" * (1 if more else 2)
    (tmp_path / "failures.toml").write_text(text, encoding="utf-8")
    with pytest.raises(TableError, match=message):
        load_failures(tmp_path)
