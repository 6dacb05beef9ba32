"""The problem matcher is what GitHub's runner takes, and finds what ``explain`` finds."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import re2
import regress
from hypothesis import given
from hypothesis import strategies as st

from ipexenv import toml
from ipexenv.ci.matcher import matcher_json, portable
from ipexenv.report.human import problem_text
from ipexenv.tables.failures import Failure
from ipexenv.tables.load_failures import load_failures

FAILURES = load_failures()
MATCHERS: list[dict[str, Any]] = json.loads(matcher_json(FAILURES))["problemMatcher"]
SAMPLES = toml.loads((Path(__file__).parents[2] / "data" / "failures.toml").read_text("utf-8"))
FATAL = tuple(failure for failure in FAILURES if failure.severity == "fatal" and not failure.generic)


def failure(**row: Any) -> Failure:
    usual = {"id": "x", "stage": "install", "severity": "fatal", "cause": "c", "cure": "d", "patterns": ["some text"]}
    told = {"source": ["s"], "confidence": "measured"}
    return Failure.from_mapping({**usual, **told, **row}, where="here")


def found(line: str, *, matchers: list[dict[str, Any]] | None = None) -> tuple[str, str, str] | None:
    """Return severity, message and code of the annotation that a line becomes, as the runner goes about it."""
    for matcher in MATCHERS if matchers is None else matchers:
        (pattern,) = matcher["pattern"]
        match = regress.Regex(pattern["regexp"]).find(line)
        if match is not None:
            parts = [match.group(pattern[name]) if name in pattern else None for name in ("message", "code")]
            message, code = ("" if part is None else line[part] for part in parts)
            return matcher["severity"], message, code
    return None


def test_the_runner_takes_the_file() -> None:
    owners = [matcher["owner"].lower() for matcher in MATCHERS]
    assert len(set(owners)) == len(owners)
    for matcher in MATCHERS:
        assert set(matcher) == {"owner", "severity", "pattern"}
        assert matcher["severity"] in {"error", "warning"}
        (pattern,) = matcher["pattern"]
        assert set(pattern) <= {"regexp", "message", "code"}
        groups = re.compile(pattern["regexp"]).groups
        assert 1 <= pattern["message"] <= groups
        assert pattern.get("code", 1) <= groups


@pytest.mark.parametrize("flags", ["", "u"])
def test_every_expression_is_valid_javascript(flags: str) -> None:
    for matcher in MATCHERS:
        regress.Regex(matcher["pattern"][0]["regexp"], flags)


def test_what_javascript_alone_or_re2_alone_knows_is_in_none() -> None:
    """.NET's option ECMAScript refuses more than JavaScript: no named groups, no flags, no classes of Unicode."""
    for matcher in MATCHERS:
        regexp = matcher["pattern"][0]["regexp"]
        assert not re.search(r"\(\?(?!:)|\\[AzZpPkQEGCXuxc0-9]|\[\[:|\[:\^|[*+?}]\+", regexp), regexp


def test_every_pattern_of_a_fatal_failure_can_be_said() -> None:
    """All but those that span lines: the runner looks at one at a time."""
    unsaid = [pattern for failure in FATAL for pattern in failure.patterns if portable(pattern) is None]
    assert [pattern for pattern in unsaid if "\\n" not in pattern] == []


@pytest.mark.parametrize("row", FATAL, ids=lambda row: row.id)
def test_the_lines_that_explain_knows_are_found(row: Failure) -> None:
    known = {
        matcher["owner"]: matcher
        for matcher in MATCHERS
        if matcher["owner"].startswith(f"ipexenv-{row.id}-") and matcher["owner"].rpartition("-")[2].isdigit()
    }
    for line in "\n".join(SAMPLES.get(row.id, [])).split("\n"):
        here = found(line, matchers=list(known.values())) if known else None
        assert (here is not None) == (bool(known) and any(re2.search(pattern, line) for pattern in row.patterns))


def test_ipexenv_is_told_by_its_own_words() -> None:
    text = problem_text("nothing fits: a [b]", code="no-compatible-release", causes=("error: x",), hint="`y`")
    told = [found(line) for line in text.splitlines()]
    assert told[0] == ("error", "nothing fits: a [b]", "no-compatible-release")
    assert told[1:] == [None, None, None]
    warned = problem_text("a source is dead", code="dead-source", word="warning")
    assert found(warned.splitlines()[0]) == ("warning", "a source is dead", "dead-source")


@pytest.mark.parametrize(
    "line",
    [
        "error: subprocess-exited-with-error",
        "src/a.c:3:1: error: expected ';' [clang-diagnostic-error]",
        "error[E0308]: mismatched types",
        "warning: unused variable [-Wunused-variable]",
        "  because error: x [y]",
        "loss 0.12 at step 7",
    ],
)
def test_other_programs_are_not_taken_for_it(line: str) -> None:
    assert found(line) is None


def test_failures_that_may_be_none_make_no_annotation() -> None:
    for row in ({"severity": "info"}, {"generic": True}, {"when": {"ipex": "<2.6"}}, {"patterns": ["(?i)some text"]}):
        matchers = json.loads(matcher_json([failure(**row)]))["problemMatcher"]
        assert [matcher["owner"] for matcher in matchers] == ["ipexenv-error", "ipexenv-warning"]
    matchers = json.loads(matcher_json([failure()]))["problemMatcher"]
    assert found("[rank0] some text, and more", matchers=matchers) == ("error", "some text, and more", "")


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        (r"(?P<name>\d+) of (a|b)", r"(?:\d+) of (?:a|b)"),
        (r"(?m)^(x)?Killed$", r"^(?:x)?Killed$"),
        (r"\"(\w+)\" [^\]\"]{1,3}?", r'"(?:\w+)" [^\]"]{1,3}?'),
        ("a(?i)b", None),
        (r"\Aa", None),
        (r"\pL", None),
        ("[[:alpha:]]", None),
        ("a\nb", None),
        (r"a\nb", None),
        ("a{", None),
        ("a**", None),
    ],
)
def test_translation(pattern: str, said: str | None) -> None:
    assert portable(pattern) == said


@given(
    st.from_regex(r"(\\[dwsDWS.\[]|[a-c ]|\[\^?[a-c.]+\]|\((\?P<n>)?[ab]\)|\|){1,8}[*+?]?", fullmatch=True), st.data()
)
def test_a_translation_finds_what_re2_finds(pattern: str, data: st.DataObject) -> None:
    said = portable(pattern)
    try:
        original = re2.compile(pattern)
    except re2.error:
        return  # two groups of one name, or a quantifier of nothing
    assert said is not None
    line = data.draw(st.text("abc .[1_", max_size=20))
    assert (regress.Regex(said).find(line) is not None) == (original.search(line) is not None)
