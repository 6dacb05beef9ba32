"""Everything that each CI system is given, whole, and read back by its own rules."""

from __future__ import annotations

import io
import json
from xml.etree import ElementTree as ET

import pytest
from dotenv import dotenv_values

from ipexenv.ci.provider import PROVIDERS
from tests.unit.ci.golden import RUNS, outputs, stored
from tests.unit.ci.readers import (
    GitHubLog,
    azure_commands,
    buildkite_headings,
    github_entries,
    gitlab_sections,
    gitlab_variables,
    java_properties,
)

TORCH = "IPEXENV_SETUP_TORCH"


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("name", PROVIDERS)
def test_all_is_as_it_was_kept(name: str, run: str) -> None:
    """Renew with ``python -m tests.unit.ci.golden`` and look at the difference."""
    assert outputs(name, run) == stored(name, run)


@pytest.mark.parametrize("name", PROVIDERS)
def test_checks_are_one_suite(name: str) -> None:
    suite = ET.fromstring(stored(name, "success")["junit.xml"])[0]  # noqa: S314 (kept beside the tests)
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("7", "0", "0")
    assert "junit.xml" not in stored(name, "failure")


def test_github_reads_what_was_meant() -> None:
    kept = stored("github", "success")
    log = GitHubLog().read(kept["log"])
    assert [command.name for command in log.commands] == ["add-mask", "group", "endgroup", "warning", "add-matcher"]
    assert "::set-output name=torch::0.0.0" in log.shown
    assert github_entries(kept["GITHUB_OUTPUT"])["ccl-provider"] == "bridge"
    assert github_entries(kept["GITHUB_ENV"])["VIRTUAL_ENV"] == "/ci/ipexenv/venv"
    assert kept["GITHUB_PATH"] == "/ci/ipexenv/venv/bin\n"
    assert kept["GITHUB_STEP_SUMMARY"] == kept["summary.md"]
    assert json.loads(kept["matcher.json"])["problemMatcher"][2]["owner"] == "ipexenv-disk-full-1"
    failed = GitHubLog().read(stored("github", "failure")["log"])
    assert [command.name for command in failed.commands if command.name == "error"] == ["error"]
    assert not {"GITHUB_ENV", "GITHUB_PATH"} & stored("github", "failure").keys()


def test_gitlab_reads_what_was_meant() -> None:
    kept = stored("gitlab", "success")
    section = "ipexenv_ipexenv_install"
    assert gitlab_sections(kept["log"]) == [("start", section), ("end", section)]
    assert gitlab_variables(kept["ipexenv.env"], {})[TORCH] == "2.8.0"
    assert dotenv_values(stream=io.StringIO(kept["ipexenv.env"]))[TORCH] == "2.8.0"
    assert [issue["severity"] for issue in json.loads(kept["codequality.json"])] == ["minor"]
    assert [issue["severity"] for issue in json.loads(stored("gitlab", "failure")["codequality.json"])] == ["major"]


def test_azure_reads_what_was_meant() -> None:
    read = azure_commands(stored("azure", "success")["log"])
    plain = {one.settings["variable"]: one.message for one in read if one.name == "task.setvariable"}
    assert (plain[TORCH], plain["OMP_NUM_THREADS"]) == ("2.8.0", "2")
    assert "PATH" not in plain
    assert {one.name for one in read} == {
        *("task.setsecret", "task.logissue", "task.setvariable", "task.prependpath", "task.uploadsummary")
    }
    failed = azure_commands(stored("azure", "failure")["log"])
    assert [one.settings for one in failed if one.name == "task.logissue"] == [{"type": "error"}]


def test_jenkins_reads_what_was_meant() -> None:
    read = java_properties(stored("jenkins", "success")["ipexenv.properties"])
    assert (read[TORCH], read["PATH+IPEXENV"]) == ("2.8.0", "/ci/.ipexenv/venv/bin")


def test_buildkite_reads_what_was_meant() -> None:
    kept = stored("buildkite", "success")
    assert buildkite_headings(kept["log"]) == ["--- ipexenv install", "+++ After ipexenv install"]
    commands = json.loads(kept["commands.json"])
    assert commands[0]["argv"][:4] == ["buildkite-agent", "annotate", "--style", "warning"]
    assert {tuple(command["argv"][1:3]) for command in commands[1:]} == {("meta-data", "set")}
    failed = json.loads(stored("buildkite", "failure")["commands.json"])
    assert failed[0]["argv"][3] == "error"


def test_a_shell_reads_what_was_meant() -> None:
    assert dotenv_values(stream=io.StringIO(stored("shell", "success")["ipexenv.env"]))["OMP_NUM_THREADS"] == "2"
    assert stored("shell", "failure")["log"].endswith(
        "error: ipexenv: no-compatible-release: no IPEX release fits this environment\n"
        "  because torch 2.13.0+cpu is installed, and the last IPEX release, 2.8.0, needs torch 2.8.*\n"
        "  hint: keep torch with `ipexenv install --stack native`, or move it with `ipexenv install --torch 2.8`\n"
    )
