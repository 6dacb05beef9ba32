"""The system is told by its own variables, or by name."""

from __future__ import annotations

import json

import pytest

from ipexenv.ci.github import GitHub
from ipexenv.ci.provider import PROVIDERS, find_dialect, find_provider
from ipexenv.errors import UsageError


@pytest.mark.parametrize(
    ("env", "name"),
    [
        ({}, "shell"),
        ({"CI": "true"}, "shell"),
        ({"GITHUB_ACTIONS": "true"}, "github"),
        ({"GITLAB_CI": "true"}, "gitlab"),
        ({"TF_BUILD": "True"}, "azure"),
        ({"JENKINS_URL": "https://ci.example/"}, "jenkins"),
        ({"BUILDKITE": "true"}, "buildkite"),
        ({"GITHUB_ACTIONS": "false", "TF_BUILD": "", "BUILDKITE": "true"}, "buildkite"),
        ({"GITHUB_ACTIONS": "true", "JENKINS_URL": "x"}, "github"),
    ],
)
def test_found_by_variables(env: dict[str, str], name: str) -> None:
    assert find_provider(env) == name
    assert find_dialect(env).name == name


def test_a_name_goes_before_the_variables() -> None:
    assert find_dialect({"GITHUB_ACTIONS": "true"}, name="gitlab").name == "gitlab"
    assert [find_dialect({}, name=name).name for name in PROVIDERS] == list(PROVIDERS)


def test_another_name_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UsageError, match="'travis' is no CI system that ipexenv knows") as caught:
        find_dialect({}, name="travis")
    assert caught.value.causes == ("it knows github, gitlab, azure, jenkins, buildkite, shell",)


def test_github_gets_a_matcher() -> None:
    dialect = find_dialect({}, name="github")
    assert isinstance(dialect, GitHub)
    assert json.loads(dialect.matcher)["problemMatcher"]
