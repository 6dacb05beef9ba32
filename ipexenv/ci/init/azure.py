"""A pipeline of Azure Pipelines. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.ci.init.lines import block, mapping, scalar
from ipexenv.ci.init.pins import MADE_BY, UBUNTU
from ipexenv.ci.init.scripts import add_project, get_ipexenv, inputs, use_project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.ci.init.project import Project

PATH = "azure-pipelines.yml"

_TOOL = "$AGENT_TEMPDIRECTORY/ipexenv-tool"
_OWN = "$AGENT_TEMPDIRECTORY/ipexenv-project"
_RUN = f'"{_TOOL}/bin/ipexenv" ci'


def azure_text(project: Project) -> str:
    """Return the pipeline: the environment from the cache or made anew, proved, then the project over it."""
    return "\n".join((*_head(project), *_steps(project), *_results(project))) + "\n"


def _head(project: Project) -> Iterator[str]:
    branches = "'*'" if project.branch is None else scalar(project.branch)
    yield f"# {MADE_BY} (`ipexenv ci --init azure`); yours to change."
    for event in ("trigger", "pr"):
        yield f"{event}:"
        yield "  branches:"
        yield f"    include: [{branches}]"
    yield "variables:"
    yield from mapping(inputs(project), indent=2)
    yield "jobs:"
    yield "  - job: train"
    yield "    pool:"
    yield f"      vmImage: {UBUNTU}"
    yield '    timeoutInMinutes: "60"'
    yield "    steps:"


def _steps(project: Project) -> Iterator[str]:
    yield "      - checkout: self"
    yield '        fetchDepth: "1"'
    yield "      - task: UsePythonVersion@0"
    yield "        inputs:"
    yield f"          versionSpec: {scalar(project.python)}"
    yield from _script("Get ipexenv", get_ipexenv(_TOOL))
    yield from _script("Name the cache", (f"{_RUN} --key",))
    yield "      - task: Cache@2"
    yield "        displayName: Take it from the cache, and keep it there"
    yield "        inputs:"
    yield '          key: \'"ipexenv" | "$(IPEXENV_SETUP_KEY)"\''
    yield "          path: $(Agent.TempDirectory)/ipexenv"
    yield from _script("Make or check the environment, and prove it", (_RUN,))
    yield from _script("Install the project over it", add_project(project, tool=_TOOL, own=_OWN))
    name = "Test the project" if project.tests else "Use it"
    yield from _script(name, use_project(project, own=_OWN, report="$AGENT_TEMPDIRECTORY/tests.xml"))


def _results(project: Project) -> Iterator[str]:
    files = ["ipexenv/junit.xml", *(["tests.xml"] if project.tests else [])]
    yield "      - task: PublishTestResults@2"
    yield "        displayName: Show the checks" + (" and the tests" if project.tests else "")
    yield "        condition: succeededOrFailed()"
    yield "        inputs:"
    yield "          testResultsFormat: JUnit"
    yield "          searchFolder: $(Agent.TempDirectory)"
    yield "          testResultsFiles: |"
    yield from block(files, indent=12)


def _script(name: str, lines: tuple[str, ...]) -> Iterator[str]:
    yield "      - bash: |"
    yield "          set -eu"
    yield from block(lines, indent=10)
    yield f"        displayName: {name}"
