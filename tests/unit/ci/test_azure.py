"""The agent of Azure Pipelines reads back what was meant, with either meaning of a percent sign."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipexenv.ci.azure import Azure, command
from ipexenv.ci.dialect import Remark, Told
from ipexenv.errors import UsageError
from tests.unit.ci.readers import Command, azure_commands
from tests.unit.ci.test_dialects import ENV, TEXT

DIALECT = Azure()
ESCAPES = st.text(st.sampled_from("%3B0DA5AZP25;]\r\n$(x"), max_size=40)


def test_outputs_are_variables_of_later_steps_and_of_later_jobs() -> None:
    told = Told(outputs={"ccl-provider": "bridge"}, variables={"OMP_NUM_THREADS": "4"})
    assert DIALECT.closing(told, ENV, "/f").log == (
        "##vso[task.setvariable variable=IPEXENV_SETUP_CCL_PROVIDER]bridge\n"
        "##vso[task.setvariable variable=OMP_NUM_THREADS]4\n"
        "##vso[task.setvariable variable=IPEXENV_SETUP_CCL_PROVIDER;isOutput=true]bridge\n"
    )


@given(st.one_of(TEXT, ESCAPES))
def test_any_message_comes_back(message: str) -> None:
    line = command("task.setvariable", {"variable": "A"}, message)
    assert line.count("\n") == 1
    assert azure_commands(line) == [Command(name="task.setvariable", settings={"variable": "A"}, message=message)]


@given(TEXT)
def test_percent_signs_are_left_alone_where_nothing_would_take_them_for_an_escape(message: str) -> None:
    line = command("task.setvariable", {}, message)
    if "%" not in message or not any(f"%{escape}" in message for escape in ("3B", "0D", "0A", "5D", "AZP25")):
        assert azure_commands(line, percents=False)[0].message == message


def test_what_looks_like_an_escape_is_escaped() -> None:
    assert command("a.b", {}, "50 % 5D %5D %AZP25 %25") == "##vso[a.b]50 % 5D %AZP255D %AZP25AZP25 %25\n"


@pytest.mark.parametrize(
    ("name", "value"), [("A", "$(System.AccessToken)"), ("no_proxy", "x"), ("A", "a $(Build.SourceBranch)")]
)
def test_what_the_agent_would_change_is_left_out_and_named(name: str, value: str) -> None:
    read = azure_commands(DIALECT.closing(Told(outputs={}, variables={name: value, "B": "b"}), ENV, "/f").log)
    assert [(one.name, one.settings.get("variable")) for one in read] == [
        ("task.logissue", None),
        ("task.setvariable", "B"),
    ]
    assert read[0].message.startswith(f"ipexenv: left out of the variables: {name}:")


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Z_]{0,8}", fullmatch=True), TEXT))
def test_variables_come_back_as_they_were(variables: dict[str, str]) -> None:
    read = azure_commands(DIALECT.closing(Told(outputs={}, variables=variables), ENV, "/f").log)
    got = {one.settings["variable"]: one.message for one in read if one.name == "task.setvariable"}
    assert got == {name: value for name, value in variables.items() if "$(" not in value}


def test_the_first_folder_is_the_first_on_path_and_the_summary_is_shown() -> None:
    told = Told(outputs={}, path_entries=("/a/bin", "/b/bin"), summary="## x\n")
    closed = DIALECT.closing(told, ENV, "/f;1")
    assert closed.log == (
        "##vso[task.prependpath]/b/bin\n##vso[task.prependpath]/a/bin\n##vso[task.uploadsummary]/f%3B1/summary.md\n"
    )
    assert "/f;1/summary.md" in {file.path for file in closed.writings}


def test_remarks_are_issues_and_notices_are_text() -> None:
    assert DIALECT.remark(Remark(level="error", title="no-fit", text="a\nb")) == (
        "##vso[task.logissue type=error]no-fit: a%0Ab\n"
    )
    assert DIALECT.remark(Remark(level="notice", title="##vso[a.b]c", text="a\n##[error]b")) == (
        "notice: # #vso[a.b]c: a\n  # #[error]b\n"
    )


def test_groups_and_secrets() -> None:
    assert DIALECT.begin_group("install") + DIALECT.end_group("install") == "##[group]install\n##[endgroup]\n"
    assert DIALECT.mask("a;b\nc") == "##vso[task.setsecret]a%3Bb\n##vso[task.setsecret]c\n"


def test_the_folder_is_a_temporary_one() -> None:
    assert DIALECT.folder(ENV) == "/agent/temp/ipexenv"
    assert DIALECT.opening("/f").writings == ()
    with pytest.raises(UsageError, match="no job of Azure Pipelines"):
        DIALECT.folder({"AGENT_TEMPDIRECTORY": "relative"})
