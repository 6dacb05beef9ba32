"""Headings in Buildkite's log, and what its agent is told."""

from __future__ import annotations

import pytest

from ipexenv.ci.buildkite import ANNOTATION_BYTES, Buildkite
from ipexenv.ci.dialect import AgentCommand, Remark, Told
from ipexenv.errors import UsageError
from tests.unit.ci.readers import buildkite_headings
from tests.unit.ci.test_dialects import ENV

DIALECT = Buildkite()
WARNING = Remark(level="warning", title="t", text="x")
ERROR = Remark(level="error", title="t", text="--- x\n+++ y")


def test_a_group_is_folded_away_and_what_comes_after_is_not() -> None:
    log = DIALECT.begin_group("install") + DIALECT.quoted_line("--- a/file") + DIALECT.end_group("install")
    assert log == "--- install\n| --- a/file\n+++ After install\n"


def test_an_error_opens_its_group_and_is_no_heading_itself() -> None:
    assert DIALECT.remark(ERROR) == "^^^ +++\nerror: t: --- x\n|   +++ y\n"
    assert buildkite_headings(DIALECT.remark(ERROR)) == ["^^^ +++"]
    assert buildkite_headings(DIALECT.remark(WARNING)) == []


@pytest.mark.parametrize(
    ("remarks", "style"),
    [((), "success"), ((WARNING,), "warning"), ((WARNING, ERROR), "error")],
)
def test_the_summary_is_an_annotation_in_the_colour_of_the_worst(remarks: tuple[Remark, ...], style: str) -> None:
    told = Told(outputs={}, remarks=remarks, summary="## x\n")
    argv = ("buildkite-agent", "annotate", "--style", style, "--context", "ipexenv")
    assert DIALECT.closing(told, ENV, "/f").commands == (AgentCommand(argv=argv, stdin="## x\n"),)


def test_outputs_are_meta_data_and_values_come_by_stdin() -> None:
    told = Told(outputs={"torch": "2.8.0; rm -rf ~", "ipex": " ", "ccl-provider": "bridge"}, variables={"A": "b"})
    assert DIALECT.closing(told, ENV, "/f").commands == (
        AgentCommand(argv=("buildkite-agent", "meta-data", "set", "ipexenv-torch"), stdin="2.8.0; rm -rf ~"),
        AgentCommand(argv=("buildkite-agent", "meta-data", "set", "ipexenv-ccl-provider"), stdin="bridge"),
    )


def test_steps_that_have_a_key_or_a_label_do_not_overwrite_each_other() -> None:
    told = Told(outputs={"torch": "2.8.0"}, summary="x")
    env = {**ENV, "BUILDKITE_STEP_KEY": "set-up", "BUILDKITE_LABEL": ":python: 3.11"}
    note, data = DIALECT.closing(told, env, "/f").commands
    assert (note.argv[-1], data.argv[-1]) == ("ipexenv-set-up", "ipexenv-set-up-torch")
    note, data = DIALECT.closing(told, {**ENV, "BUILDKITE_LABEL": "--style: $(x) 3.11"}, "/f").commands
    assert (note.argv[-1], data.argv[-1]) == ("ipexenv-style-x-3.11", "ipexenv-torch")


def test_limits_are_kept() -> None:
    told = Told(outputs={"torch": "x" * 100_001}, summary="line\n" * 300_000)
    closed = DIALECT.closing(told, ENV, "/f")
    (note,) = closed.commands
    assert len(note.stdin.encode()) <= ANNOTATION_BYTES
    assert closed.log.startswith("warning: ipexenv: left out of the meta-data: torch:")


def test_the_folder_is_in_the_checkout() -> None:
    assert DIALECT.folder(ENV) == "/buildkite/c/.ipexenv"
    with pytest.raises(UsageError, match="no job of Buildkite"):
        DIALECT.folder({})
