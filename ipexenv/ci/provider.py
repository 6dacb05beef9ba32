"""Which CI system this is, told by the variables that it sets for every job. Pure.

Sources, each system's page of variables: GITHUB_ACTIONS, GITLAB_CI and BUILDKITE are "true" in every job, TF_BUILD is
"True" on Azure Pipelines, JENKINS_URL is the address of the controller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.ci.azure import Azure
from ipexenv.ci.buildkite import Buildkite
from ipexenv.ci.github import GitHub
from ipexenv.ci.gitlab import GitLab
from ipexenv.ci.jenkins import Jenkins
from ipexenv.ci.matcher import matcher_json
from ipexenv.ci.shell import Shell
from ipexenv.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ipexenv.ci.dialect import Dialect, ProviderName
    from ipexenv.tables.failures import Failure

_TOLD_BY: tuple[tuple[str, ProviderName], ...] = (
    ("GITHUB_ACTIONS", "github"),
    ("GITLAB_CI", "gitlab"),
    ("TF_BUILD", "azure"),
    ("JENKINS_URL", "jenkins"),
    ("BUILDKITE", "buildkite"),
)
PROVIDERS: tuple[ProviderName, ...] = (*(name for _, name in _TOLD_BY), "shell")
"""What ``--provider`` takes."""


def find_dialect(env: Mapping[str, str], *, name: str | None = None, failures: Sequence[Failure] = ()) -> Dialect:
    """Return the dialect of the system that ``env`` belongs to, or of the one that is asked for by ``name``.

    ``failures`` are those that the logs of later steps are watched for, where the system can. Raises UsageError where
    there is no system of that name.
    """
    found = find_provider(env) if name is None else name
    dialects: dict[str, Dialect] = {
        "gitlab": GitLab(),
        "azure": Azure(),
        "jenkins": Jenkins(),
        "buildkite": Buildkite(),
        "shell": Shell(),
    }
    if found == "github":
        return GitHub(matcher=matcher_json(failures))
    if found not in dialects:
        raise UsageError(
            f"{found!r} is no CI system that ipexenv knows",
            code="unknown-provider",
            causes=(f"it knows {', '.join(PROVIDERS)}",),
        )
    return dialects[found]


def find_provider(env: Mapping[str, str]) -> ProviderName:
    """Return the name of the CI system that has set its variables; ``shell`` where none has."""
    return next((name for variable, name in _TOLD_BY if env.get(variable, "").lower() not in {"", "false"}), "shell")
