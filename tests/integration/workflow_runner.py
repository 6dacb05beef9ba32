"""A small runner for composite actions: inputs, steps, conditions, outputs and the files of GitHub's own runner.

It knows what this project's action uses and refuses everything else, so that nothing is passed over in silence.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from tests.integration.workflow_expressions import Context, filled, holds
from tests.integration.workflow_log import Annotation, Log

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.integration.workflow_cache import FolderCache

LIMIT_S = 1200
_FILES = ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")
_SCRIPT = {"name", "id", "if", "shell", "run", "env", "working-directory"}
_USES = {"name", "id", "if", "uses", "with"}
_SHELLS = {
    "bash": ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail"],
    "sh": ["sh", "-e"],
}


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How the action ended."""

    code: int
    log: str
    """As people see it, secrets hidden."""
    raw: str
    """As the steps wrote it."""
    outputs: dict[str, str]
    env: dict[str, str]
    """What later steps of the workflow have set."""
    path: list[str]
    summary: str
    annotations: list[Annotation]
    groups: list[str]
    matchers: list[str]
    steps: dict[str, str]
    """How each step ended, by its name: success, failure or skipped."""


@dataclass(kw_only=True)
class _Job:
    folder: Path
    env: Mapping[str, str]
    cache: FolderCache | None
    values: dict[str, str]
    log: Log = field(default_factory=Log)
    raw: str = ""
    code: int = 0
    later: dict[str, str] = field(default_factory=dict)
    path: list[str] = field(default_factory=list)
    steps: dict[str, str] = field(default_factory=dict)

    @property
    def context(self) -> Context:
        return Context(values=self.values, has_failed=self.code != 0)

    def file(self, name: str) -> Path:
        return self.folder / name.lower()


def run_action(
    action: Path,
    inputs: Mapping[str, str],
    *,
    folder: Path,
    env: Mapping[str, str],
    cache: FolderCache | None = None,
    runner: tuple[str, str] = ("Linux", "X64"),
) -> Ran:
    """Run the action in ``folder``, which is workspace and temporary folder, on a runner of this kind."""
    document = yaml.safe_load(action.read_text("utf-8"))
    assert set(inputs) <= set(document["inputs"]), "an input that the action does not declare"
    given = {name: str(declared.get("default", "")) for name, declared in document["inputs"].items()} | dict(inputs)
    values = {f"inputs.{name}": value for name, value in given.items()}
    values |= {"github.action_path": str(action.parent), "runner.os": runner[0], "runner.arch": runner[1]}
    own = {"RUNNER_TEMP": str(folder), "RUNNER_OS": runner[0], "RUNNER_ARCH": runner[1], "GITHUB_ACTIONS": "true"}
    own |= {"GITHUB_RUN_ID": "7", "GITHUB_RUN_ATTEMPT": "1", "GITHUB_WORKSPACE": str(folder)}
    job = _Job(folder=folder, env={**own, **env}, cache=cache, values=values)
    job.file("GITHUB_STEP_SUMMARY").write_text("")
    for step in document["runs"]["steps"]:
        _take(step, job)
    return Ran(
        code=job.code,
        log=job.log.text,
        raw=job.raw,
        outputs={name: filled(declared["value"], job.context) for name, declared in document["outputs"].items()},
        env=job.later,
        path=job.path,
        summary=job.file("GITHUB_STEP_SUMMARY").read_text("utf-8"),
        annotations=job.log.annotations,
        groups=job.log.groups,
        matchers=job.log.matchers,
        steps=job.steps,
    )


def _take(step: Mapping[str, Any], job: _Job) -> None:
    known = _USES if "uses" in step else _SCRIPT
    assert set(step) <= known, f"this runner does not know {set(step) - known}"
    if not holds(step.get("if", "success()"), job.context):
        job.steps[step["name"]] = "skipped"
        return
    if "uses" in step:
        _set_outputs(step, _use(step, job), job)
        job.steps[step["name"]] = "success"
        return
    for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH"):
        job.file(name).write_text("")
    ended = _run_script(step, job)
    job.raw += ended.stdout
    job.log.take(ended.stdout)
    job.log.end_step()
    _set_outputs(step, entries(job.file("GITHUB_OUTPUT").read_text("utf-8")), job)
    job.later |= entries(job.file("GITHUB_ENV").read_text("utf-8"))
    job.path = [*reversed(job.file("GITHUB_PATH").read_text("utf-8").splitlines()), *job.path]
    job.steps[step["name"]] = "failure" if ended.returncode else "success"
    job.code = job.code or ended.returncode


def _set_outputs(step: Mapping[str, Any], outputs: Mapping[str, str], job: _Job) -> None:
    job.values |= {f"steps.{step.get('id')}.outputs.{name}": value for name, value in outputs.items()}


def _use(step: Mapping[str, Any], job: _Job) -> dict[str, str]:
    name, _, version = step["uses"].partition("@")
    assert len(version) == 40, "an action of others is pinned by its commit"
    assert job.cache is not None, "this run has no cache"
    given = {name: filled(str(value), job.context) for name, value in step["with"].items()}
    actions = {"actions/cache/restore": job.cache.restore, "actions/cache/save": job.cache.save}
    assert name in actions, f"this runner does not know {name}"
    return actions[name](given)


def _run_script(step: Mapping[str, Any], job: _Job) -> subprocess.CompletedProcess[str]:
    assert "${{" not in step["run"], "an expression within a script is where strange inputs become commands"
    script = job.folder / "step.sh"
    script.write_text(step["run"], encoding="utf-8")
    own = {name: filled(value, job.context) for name, value in step.get("env", {}).items()}
    files = {name: str(job.file(name)) for name in _FILES}
    env = {**job.env, **job.later, **files, **own}
    env["PATH"] = os.pathsep.join([*job.path, env.get("PATH", os.defpath)])
    return subprocess.run(
        [*_SHELLS[step["shell"]], str(script)],
        cwd=job.folder / filled(step.get("working-directory", "."), job.context),
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )


def entries(text: str) -> dict[str, str]:
    """Return what a file of outputs or variables holds, in both of its spellings."""
    found: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        name, marked, mark = line.partition("<<")
        if marked and "=" not in name:
            value = []
            for inner in lines:
                if inner == mark:
                    break
                value.append(inner)
            else:
                msg = f"{name} does not end"
                raise AssertionError(msg)
            found[name] = "\n".join(value)
        elif line:
            name, equals, value_text = line.partition("=")
            assert equals, f"{line!r} is no entry"
            found[name] = value_text
    return found


def inherited() -> dict[str, str]:
    """Return this process's environment without what would name an environment of its own."""
    outside = {"VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH"}
    return {name: value for name, value in os.environ.items() if name not in outside}
