"""What is written for GitHub's runner says what it should, and nothing in it is taken for a command."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipexenv.ci.dialect import Remark, Told
from ipexenv.ci.github import SUMMARY_BYTES, GitHub
from ipexenv.errors import UsageError
from tests.integration.workflow_runner import entries
from tests.unit.ci.readers import GitHubLog, github_entries
from tests.unit.ci.test_dialects import ENV, TEXT


def output(**outputs: str) -> str:
    """Return what is written to GITHUB_OUTPUT."""
    (file,) = GitHub().closing(Told(outputs=outputs), ENV, "/f").writings
    assert file.path == ENV["GITHUB_OUTPUT"]
    return file.text


def test_an_annotation_is_one_line() -> None:
    remark = Remark(level="error", title="a: b, c\r\n::d", text="50 %\nof: it, all")
    assert GitHub().remark(remark) == "::error title=a%3A b%2C c%0D%0A%3A%3Ad::50 %25%0Aof: it, all\n"


def test_groups_and_masks() -> None:
    dialect = GitHub()
    assert dialect.begin_group("one\ntwo") + dialect.end_group("x") == "::group::one%0Atwo\n::endgroup::\n"
    assert dialect.mask("s3cr%t") == "::add-mask::s3cr%25t\n"
    assert dialect.mask("one\n\r\ntwo\n") == "::add-mask::one\n::add-mask::two\n"
    assert dialect.mask("") == ""


def test_what_somebody_else_said_stands_where_no_command_holds() -> None:
    dialect = GitHub()
    said = dialect.begin_quote("t0k") + dialect.quoted_line("::set-output name=a::b") + dialect.end_quote("t0k")
    assert said == "::stop-commands::t0k\n::set-output name=a::b\n::t0k::\n"
    read = GitHubLog().read(said + dialect.remark(Remark(level="notice", title="t", text="x")))
    assert read.stopped_by is None
    assert [command.name for command in read.commands] == ["notice"]


@given(TEXT)
def test_a_line_cannot_end_the_quotation(line: str) -> None:
    dialect = GitHub()
    read = GitHubLog().read(dialect.begin_quote("t0ken-t0ken") + dialect.quoted_line(line))
    assert read.stopped_by == "t0ken-t0ken"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], include_characters="\n")))
def test_any_value_comes_back_and_brings_no_other(value: str) -> None:
    assert entries(output(first=value, second="2")) == {
        "first": value.rstrip("\n") if value.strip("\n") == "" else value,
        "second": "2",
    }


@given(st.dictionaries(st.from_regex(r"[a-z][a-z-]{0,8}", fullmatch=True), TEXT))
def test_outputs_come_back_as_they_were(outputs: dict[str, str]) -> None:
    told = Told(outputs=outputs, variables={name.upper().replace("-", "_"): value for name, value in outputs.items()})
    texts = {file.path: file.text for file in GitHub().closing(told, ENV, "/f").writings}
    assert github_entries(texts.get(ENV["GITHUB_OUTPUT"], "")) == outputs
    assert github_entries(texts.get(ENV["GITHUB_ENV"], "")) == told.variables


@pytest.mark.parametrize("bad", ["", "a b", "a=b", "a<<b", "a\nb", "1a"])
def test_a_name_that_would_say_something_else_is_refused(bad: str) -> None:
    with pytest.raises(UsageError):
        output(**{bad: "x"})


def test_a_variable_has_no_dash_as_an_output_may() -> None:
    GitHub().closing(Told(outputs={"ccl-provider": "x"}), ENV, "/f")
    with pytest.raises(UsageError):
        GitHub().closing(Told(outputs={}, variables={"a-b": "x"}), ENV, "/f")


def test_the_first_folder_is_the_first_on_path() -> None:
    told = Told(outputs={}, path_entries=("/a/bin", "/b/bin"))
    (file,) = GitHub().closing(told, ENV, "/f").writings
    assert (file.path, file.text, file.append) == (ENV["GITHUB_PATH"], "/b/bin\n/a/bin\n", True)


def test_the_matcher_is_written_first_and_switched_on_last() -> None:
    dialect = GitHub(matcher="{}\n")
    opened = dialect.opening("/f, 1")
    assert [(file.path, file.text) for file in opened.writings] == [("/f, 1/matcher.json", "{}\n")]
    assert opened.log == ""
    told = Told(outputs={}, remarks=(Remark(level="error", title="t", text="x"),))
    assert dialect.closing(told, ENV, "/f, 1").log == "::error title=t::x\n::add-matcher::/f, 1/matcher.json\n"
    assert GitHub().opening("/f").writings == ()


def test_a_summary_that_is_too_long_is_cut_between_lines() -> None:
    told = Told(outputs={}, summary="größer\n" * 200_000)
    texts = {file.path: file.text for file in GitHub().closing(told, ENV, "/f").writings}
    cut = texts[ENV["GITHUB_STEP_SUMMARY"]]
    assert SUMMARY_BYTES - 100 < len(cut.encode()) <= SUMMARY_BYTES
    assert cut.endswith("größer\n\n*(the rest does not fit)*\n")
    assert texts["/f/summary.md"] == told.summary


def test_elsewhere_than_in_a_workflow_it_says_what_is_missing() -> None:
    assert GitHub().folder(ENV) == "/r/temp/ipexenv"
    with pytest.raises(UsageError, match="no step of GitHub Actions") as caught:
        GitHub().folder({"GITHUB_OUTPUT": "/x", "RUNNER_TEMP": "/t"})
    assert caught.value.causes == ("GITHUB_ENV, GITHUB_PATH, GITHUB_STEP_SUMMARY is not set",)
