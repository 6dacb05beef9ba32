"""The tests' own runner of actions: what it knows it does as GitHub does, and it refuses everything else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.integration.workflow_cache import FolderCache
from tests.integration.workflow_expressions import Context, evaluated, filled, holds
from tests.integration.workflow_log import Annotation, Log
from tests.integration.workflow_runner import Ran, entries, inherited, run_action

if TYPE_CHECKING:
    from pathlib import Path

VALUES = {"inputs.x": "A b", "inputs.none": "", "steps.one.outputs.hit": "true"}
SHA = "0" * 40


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("inputs.x", "A b"),
        ("inputs.x == 'a B'", "true"),
        ("inputs.x != 'a B'", ""),
        ("steps.one.outputs.hit != 'true'", ""),
        ("steps.one.outputs.other == ''", "true"),
        ("!inputs.none", "true"),
        ("!(inputs.none || 'x')", ""),
        ("inputs.none || 'it''s'", "it's"),
        ("inputs.none && 'x' || 'y'", "y"),
        ("inputs.x == 'a b' && steps.one.outputs.hit == 'true'", "true"),
        ("always() && inputs.none == ''", "true"),
    ],
)
def test_expressions_are_github_s(text: str, value: str) -> None:
    assert evaluated(text, Context(values=VALUES)) == value
    assert filled(f"<${{{{ {text} }}}}>", Context(values=VALUES)) == f"<{value}>"


@pytest.mark.parametrize(
    "text", ["inputs.y", "hashFiles('x')", "contains(inputs.x, 'A')", "inputs.x ==", "(inputs.x", "inputs.x < 2", "1 2"]
)
def test_other_expressions_are_refused(text: str) -> None:
    with pytest.raises(AssertionError):
        evaluated(text, Context(values=VALUES))


def test_after_a_failure_a_step_runs_only_where_it_says_so() -> None:
    good, bad = Context(values=VALUES), Context(values=VALUES, has_failed=True)
    for condition, after_good, after_bad in (
        ("inputs.x != ''", True, False),
        ("success()", True, False),
        ("failure()", False, True),
        ("${{ always() }}", True, True),
        ("always() && inputs.none != ''", False, False),
    ):
        assert (holds(condition, good), holds(condition, bad)) == (after_good, after_bad), condition


def log_of(text: str) -> Log:
    log = Log()
    log.take(text)
    return log


def test_a_log_obeys_commands_and_hides_secrets(tmp_path: Path) -> None:
    matcher = {"owner": "me", "severity": "error", "pattern": [{"regexp": "x", "message": 1}]}
    (tmp_path / "m.json").write_text(json.dumps({"problemMatcher": [matcher]}))
    log = log_of(
        "::add-mask::s%25cret\nit is s%cret\n::group::a s%25cret\ninside\n::endgroup::\n"
        "::warning title=a%3A b,file=x::one%0Atwo s%25cret\n"
        f"::add-matcher::{tmp_path}/m.json\n"
    )
    log.end_step()
    assert log.text == "it is ***\ninside\nwarning: one\ntwo ***\n"
    assert log.groups == ["a ***"]
    assert log.annotations == [Annotation(level="warning", title="a: b", text="one\ntwo ***")]
    assert log.matchers == ["me"]


def test_between_stop_commands_and_its_word_nothing_is_a_command() -> None:
    token = "t" * 32
    log = log_of(
        f"::stop-commands::{token}\n::set-output name=a::b\n##[set-env name=a]b\n::{token}::\n::debug::x"[:-11]
    )
    assert "::set-output name=a::b" in log.lines
    log.end_step()


@pytest.mark.parametrize(
    "text",
    ["::set-output name=a::b\n", "  ::save-state name=a::b\n", "x ##[set-env name=a]b\n", "::add-path::/x\n",
     "::stop-commands::short\n", "::add-mask::\n", "::group::a\n::group::b\n"],
)  # fmt: skip
def test_commands_that_nobody_should_give_are_refused(text: str) -> None:
    with pytest.raises(AssertionError):
        log_of(text)


def test_a_step_that_leaves_something_open_is_refused() -> None:
    for text in ("::group::a\n", "::stop-commands::0123456789abcdef\n"):
        with pytest.raises(AssertionError):
            log_of(text).end_step()


def test_an_entry_of_the_cache_is_never_written_twice_and_the_newest_prefix_counts(tmp_path: Path) -> None:
    cache, file = FolderCache(folder=tmp_path / "cache"), tmp_path / "a" / "file"
    file.parent.mkdir()
    given = {"path": f"{file.parent}\n{tmp_path / 'none'}"}
    for key, text in (("k-1", "one"), ("k-2", "two"), ("k-1", "three")):
        file.unlink(missing_ok=True)
        file.write_text(text)
        cache.save({**given, "key": key})
    assert cache.told == ["saved k-1", "saved k-2", "kept k-1"]
    wanted = {**given, "key": "k-none", "restore-keys": "j-\nk-"}
    assert cache.restore(wanted) == {"cache-primary-key": "k-none", "cache-matched-key": "k-2", "cache-hit": "false"}
    assert file.read_text() == "two"
    assert cache.restore({**given, "key": "k-1"})["cache-hit"] == "true"
    assert file.read_text() == "one"
    assert cache.restore({"path": "other", "key": "k-1"})["cache-matched-key"] == ""


ADD = 'echo A=1 >>"$GITHUB_ENV"; echo /x >>"$GITHUB_PATH"; echo s >>"$GITHUB_STEP_SUMMARY"'
STEPS: list[dict[str, object]] = [
    {
        "name": "one", "id": "one", "shell": "sh",
        "run": 'echo "said=$X" >>"$GITHUB_OUTPUT"', "env": {"X": "${{ inputs.x }}"},
    },
    {"name": "get", "id": "get", "uses": f"actions/cache/restore@{SHA}", "with": {"path": "p", "key": "k"}},
    {"name": "two", "shell": "bash", "run": ADD},
    {"name": "three", "shell": "bash", "run": 'test "$A" = 1; case "$PATH" in /x:*) exit 3 ;; esac'},
    {"name": "four", "shell": "bash", "run": "echo never"},
    {"name": "five", "if": "always() && steps.get.outputs.cache-hit == ''", "shell": "bash", "run": "echo last"},
]  # fmt: skip


def play(folder: Path, steps: list[dict[str, object]]) -> Ran:
    action = {
        "inputs": {"x": {"default": "1"}},
        "outputs": {"said": {"value": "${{ steps.one.outputs.said }}"}},
        "runs": {"steps": steps},
    }
    (folder / "action.yml").write_text(yaml.safe_dump(action))
    cache = FolderCache(folder=folder / "cache")
    return run_action(folder / "action.yml", {"x": "$(a) ; b"}, folder=folder, env=inherited(), cache=cache)


def test_steps_hand_on_what_they_write(tmp_path: Path) -> None:
    ran = play(tmp_path, STEPS)
    assert (ran.code, ran.outputs, ran.env, ran.path) == (3, {"said": "$(a) ; b"}, {"A": "1"}, ["/x"])
    assert ran.steps == {
        "one": "success", "get": "success", "two": "success", "three": "failure", "four": "skipped", "five": "success",
    }  # fmt: skip
    assert (ran.log, ran.summary) == ("last\n", "s\n")


@pytest.mark.parametrize(
    "step",
    [
        {"name": "a", "shell": "bash", "run": "echo ${{ inputs.x }}"},
        {"name": "a", "shell": "bash", "run": "true", "continue-on-error": True},
        {"name": "a", "uses": f"actions/checkout@{SHA}", "with": {}},
        {"name": "a", "uses": "actions/cache/restore@v4", "with": {"path": "p", "key": "k"}},
        {"name": "a", "uses": f"actions/cache/save@{SHA}", "with": {"path": "p", "key": "k", "upload-chunk-size": 1}},
    ],
    ids=["script", "field", "action", "tag", "with"],
)
def test_a_step_that_it_does_not_know_is_refused(step: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        play(tmp_path, [step])


def test_entries_come_in_two_spellings() -> None:
    assert entries("a=b=c\nd<<E\none\n\ntwo\nE\n") == {"a": "b=c", "d": "one\n\ntwo"}
    for bad in ("a<<E\nb\n", "a\n"):
        with pytest.raises(AssertionError):
            entries(bad)
