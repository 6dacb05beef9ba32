"""What holds in every CI system: nothing that others say is obeyed, and a value comes back as it was or not at all."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipexenv.ci.dialect import Remark, Told
from ipexenv.ci.files import dotenv, gitlab_dotenv, properties, shell_script
from ipexenv.ci.provider import PROVIDERS, find_dialect
from ipexenv.errors import UsageError
from tests.unit.ci.readers import (
    GitHubLog,
    azure_commands,
    buildkite_headings,
    gitlab_sections,
    gitlab_variables,
    java_properties,
)

if TYPE_CHECKING:
    from pathlib import Path

    from ipexenv.ci.dialect import Dialect

ENV = {
    **{name: f"/r/{name.lower()}" for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")},
    "RUNNER_TEMP": "/r/temp",
    "CI_PROJECT_DIR": "/builds/p",
    "AGENT_TEMPDIRECTORY": "/agent/temp",
    "WORKSPACE": "/jenkins/w",
    "BUILDKITE_BUILD_CHECKOUT_PATH": "/buildkite/c",
}
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
ODD = st.text(st.sampled_from("#vsoVSO[]:;%+-~^|\\ \t\r\n\xad\u200b\u034f\x1b\x07x0Kmsection_start:1"), max_size=60)
"""What a system's commands are made of."""
HOSTILE = (
    "::set-output name=torch::x",
    "  ::error::x",
    "##[error]x",
    "%::add-mask::x",
    "##vso[task.setvariable variable=PATH]/x",
    "x ##VSO[task.complete result=Succeeded;]",
    "#\xad#v\u200bso[task.setvariable variable=a]b",
    "#\u034f#vso[task.setvariable variable=a]b",
    "a\r##vso[task.setvariable variable=a]b",
    "\x1b[0Ksection_start:1:x[collapsed=true]\r\x1b[0Kx",
    "section_end:1:ipexenv_install\r\x1b[0K",
    "--- x",
    "+++ x",
    "~~~ x",
    "^^^ +++",
    "\x1b[31m--- x",
    "a\r+++ x",
    "\x1b[8mha:AAAA\x1b[0mx",
    "\x1b]0;title\x07\x1b]1339;url='x'\x07",
    "\x1b_bk;t=1\x07",
)
SHELLS = tuple(name for name in ("sh", "dash", "bash", "zsh") if shutil.which(name))


@pytest.fixture(params=PROVIDERS)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return find_dialect({}, name=request.param)


def obeyed(dialect: Dialect, log: str) -> list[object]:
    """Return whatever the dialect's system would take for more than text."""
    found: list[object] = [letter for letter in log if letter == "\x1b" or (letter < " " and letter not in "\t\n")]
    if dialect.name == "github":
        read = GitHubLog().read(log)
        found += [*read.commands, *(line for line in read.shown if "##[" in line)]
    if dialect.name == "azure":
        found += [*azure_commands(log), *(line for line in log.splitlines() if "##[" in line)]
    if dialect.name == "gitlab":
        found += gitlab_sections(log)
    if dialect.name == "buildkite":
        found += buildkite_headings(log)
    return found


def quote(dialect: Dialect, *lines: str) -> str:
    body = "".join(dialect.quoted_line(line) for line in lines)
    return dialect.begin_quote("t0ken") + body + dialect.end_quote("t0ken")


@pytest.mark.parametrize("line", HOSTILE, ids=repr)
def test_nothing_that_another_program_says_is_obeyed(dialect: Dialect, line: str) -> None:
    assert obeyed(dialect, quote(dialect, line, f"{line}\n")) == []


@given(line=st.one_of(TEXT, ODD))
@pytest.mark.parametrize("name", PROVIDERS)
def test_no_line_whatever_is_obeyed(name: str, line: str) -> None:
    dialect = find_dialect({}, name=name)
    text = dialect.quoted_line(line)
    assert text.endswith("\n")
    assert obeyed(dialect, quote(dialect, line)) == []


def test_an_ordinary_line_stays_as_it_is(dialect: Dialect) -> None:
    for line in ("Collecting torch==2.8.0 ## [1/3] 50 %", "\ttabbed: a::b", "größer 30 → 40", ""):
        assert dialect.quoted_line(f"{line}\n") == f"{line}\n"
    assert dialect.quoted_line("\x1b[32mgreen\x1b[0m") == "green\n"
    assert dialect.quoted_line("10 %\r20 %\r\n") == "10 %\n20 %\n"


def test_what_is_not_seen_is_spelt_out(dialect: Dialect) -> None:
    assert dialect.quoted_line("a\u202eb\u200b\ufeffc\u2028\x85d\U000e0041") == (
        "a\\u202eb\\u200b\\ufeffc\\u2028\\x85d\\U000e0041\n"
    )


@pytest.mark.parametrize("line", HOSTILE, ids=repr)
def test_a_remark_is_one_remark_whatever_it_holds(dialect: Dialect, line: str) -> None:
    remark = Remark(level="warning", title=f"t {line}", text=f"first\n{line}\r{line}")
    log = dialect.remark(remark)
    if dialect.name == "github":
        read = GitHubLog().read(log)
        assert [(one.name, one.settings, one.message) for one in read.commands] == [
            ("warning", {"title": remark.title}, remark.text)
        ]
        assert read.shown == [""]
    elif dialect.name == "azure":
        (one,) = azure_commands(log)
        assert (one.name, one.settings) == ("task.logissue", {"type": "warning"})
        assert one.message.startswith("t")
        assert "first\n" in one.message
        assert log.count("\n") == 1
    else:
        assert log.startswith("warning: t")
        assert obeyed(dialect, log) == []


def test_a_title_is_one_line(dialect: Dialect) -> None:
    log = dialect.begin_group("a\nb\x1b[0K\r##vso[x.y]") + dialect.end_group("a\nb")
    assert log.count("\n") <= 2
    assert obeyed(dialect, dialect.begin_group("x")) or dialect.name in {"jenkins", "shell"}
    assert dialect.name != "azure" or azure_commands(log) == []


@pytest.mark.parametrize("name", ["", "a b", "a=b", "a<<b", "a\nb", "1 a", "ä", "a]b", "a;b"])
def test_a_name_that_would_say_something_else_is_refused(dialect: Dialect, name: str) -> None:
    told = Told(outputs={name: "x"}) if name else Told(outputs={}, variables={"": "x"})
    for what in (told, Told(outputs={}, variables={name: "x"})):
        with pytest.raises(UsageError, match="is no name of an output or a variable"):
            dialect.closing(what, ENV, "/f")


@pytest.mark.parametrize("value", ["a\0b", "\udcff"])
def test_a_value_that_is_no_text_is_refused(dialect: Dialect, value: str) -> None:
    for told in (Told(outputs={"torch": value}), Told(outputs={}, variables={"A": value})):
        with pytest.raises(UsageError, match="it is no text"):
            dialect.closing(told, ENV, "/f")


@pytest.mark.parametrize("entry", ["/a:/b", "bin", "/a\n/b", "", "/a\r"])
def test_a_folder_that_would_be_two_is_refused(dialect: Dialect, entry: str) -> None:
    with pytest.raises(UsageError, match="cannot stand on PATH"):
        dialect.closing(Told(outputs={}, path_entries=(entry,)), ENV, "/f")


def test_summary_and_checks_lie_in_the_folder(dialect: Dialect) -> None:
    told = Told(outputs={}, summary="## done\n", junit="<testsuites/>\n")
    texts = {file.path: file.text for file in dialect.closing(told, ENV, "/f").writings}
    assert texts["/f/summary.md"] == "## done\n"
    assert ET.fromstring(texts["/f/junit.xml"]).tag == "testsuites"  # noqa: S314 (it was made right here)
    nothing = {file.path for file in dialect.closing(Told(outputs={}), ENV, "/f").writings}
    assert not nothing & {"/f/summary.md", "/f/junit.xml"}


def test_everything_is_written_to_the_folder_or_where_the_system_says(dialect: Dialect) -> None:
    folder = dialect.folder(ENV)
    told = Told(outputs={"torch": "2.8.0"}, variables={"A": "b"}, path_entries=("/v/bin",), summary="s", junit="<a/>")
    files = [*dialect.opening(folder).writings, *dialect.closing(told, ENV, folder).writings]
    outside = {file.path for file in files if not file.path.startswith(f"{folder}/")}
    assert outside == ({ENV[name] for name in ENV if name.startswith("GITHUB")} if dialect.name == "github" else set())
    assert all(file.append == (file.path in outside) for file in files)
    assert dialect.name in {"github", "azure"} or f"{folder}/.gitignore" in {file.path for file in files}


def test_dialects_are_values(dialect: Dialect) -> None:
    assert dialect == find_dialect({}, name=dialect.name)
    assert dataclasses.is_dataclass(dialect)


BOMBS = (
    "$(touch boom)",
    "`touch boom`",
    "'; touch boom; '",
    '"; touch boom; "',
    "\n touch boom\n",
    "a\\",
    "${HOME}",
    "=ls",
    "~",
    "*",
)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("value", BOMBS)
def test_a_script_gives_a_shell_what_a_value_says_and_runs_none_of_it(tmp_path: Path, shell: str, value: str) -> None:
    variables = {"IPEXENV_SETUP_TORCH": value, "LAST": "end"}
    assert _sourced(shell, shell_script(variables, ()), tmp_path).items() >= variables.items()
    assert {path.name for path in tmp_path.iterdir()} == {"ipexenv.sh"}


@pytest.mark.parametrize("shell", SHELLS)
@given(values=st.lists(TEXT, max_size=30))
@settings(max_examples=20, deadline=None)
def test_any_value_comes_back_from_a_script(
    tmp_path_factory: pytest.TempPathFactory, shell: str, values: list[str]
) -> None:
    variables = {f"V{number}": value for number, value in enumerate(values)}
    assert _sourced(shell, shell_script(variables, ()), tmp_path_factory.mktemp("sh")).items() >= variables.items()


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("before", [{"PATH": "/usr/bin:/bin"}, {"PATH": "/v'x/bin:/usr/bin:/bin"}])
def test_a_script_puts_folders_first_on_path_once(tmp_path: Path, shell: str, before: dict[str, str]) -> None:
    script = shell_script({}, ("/v'x/bin", "/v $y/bin"))
    assert _sourced(shell, script, tmp_path, **before)["PATH"] == f"/v'x/bin:/v $y/bin:{before['PATH']}"


def _sourced(shell: str, script: str, folder: Path, **env: str) -> dict[str, str]:
    """Return the environment of a program that a shell starts after it has read the script twice."""
    file = folder / "ipexenv.sh"
    file.write_bytes(script.encode())
    program = shutil.which(shell)
    assert program is not None
    words = [
        program,
        *(["-f"] if shell == "zsh" else []),
        "-c",
        '. "$1"; . "$1"; exec /usr/bin/env -0',
        "sh",
        str(file),
    ]
    start = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8", **env}
    ended = subprocess.run(words, cwd=folder, env=start, capture_output=True, check=True, timeout=60)
    assert ended.stderr == b""
    return dict(entry.split("=", 1) for entry in ended.stdout.decode().split("\0") if entry)


@given(st.dictionaries(st.from_regex(r"[A-Z_+]{1,8}", fullmatch=True), TEXT))
def test_any_value_comes_back_from_properties(variables: dict[str, str]) -> None:
    assert java_properties(properties(variables)) == variables


@given(st.dictionaries(st.from_regex(r"[A-Z_]{1,8}", fullmatch=True), TEXT, max_size=60))
def test_what_a_report_of_gitlab_holds_comes_back(variables: dict[str, str]) -> None:
    text, bad = gitlab_dotenv(variables)
    read = gitlab_variables(text, dict.fromkeys(variables, "expanded"))
    assert read == {name: value for name, value in variables.items() if name not in bad}


def test_a_report_of_gitlab_keeps_within_its_limits() -> None:
    many = {f"V{number}": "x" for number in range(60)}
    text, bad = gitlab_dotenv(many)
    assert (text.count("\n"), len(bad)) == (50, 10)
    text, bad = gitlab_dotenv({"A": "x" * 5000, "B": "y" * 117, "C": "y" * 113, "D": ""})
    assert len(text) == 5119
    assert bad == ("B", "D")


@pytest.mark.parametrize("value", ["a\nb", "a\r", " a", "a\t", "$(x)", "$HOME", "%PATH%", "\ufeff"])
def test_a_report_of_gitlab_leaves_out_what_would_come_back_as_something_else(value: str) -> None:
    assert gitlab_dotenv({"A": value, "B": "b"}) == ("B=b\n", ("A",))


def test_a_dotenv_file_leaves_out_what_its_readers_would_replace() -> None:
    assert dotenv({"A": "${B}", "C": "it's", "D": ""}) == ("C='it\\'s'\nD=\n", ("A",))
