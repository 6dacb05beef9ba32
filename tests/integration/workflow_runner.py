"""A small runner for composite actions: inputs, steps, outputs and the files of GitHub's own runner.

It knows what this project's action uses and refuses everything else, so that nothing is passed over in silence.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LIMIT_S = 1200
_EXPRESSION = re.compile(r"\$\{\{\s*(.+?)\s*\}\}")
_FILES = ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")
_KNOWN = {"name", "id", "shell", "run", "env", "working-directory"}


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How the action ended."""

    code: int
    log: str
    outputs: dict[str, str]
    env: dict[str, str]
    """What later steps of the workflow have set."""
    path: list[str]
    summary: str


def run_action(action: Path, inputs: Mapping[str, str], *, folder: Path, env: Mapping[str, str]) -> Ran:
    """Run the action in ``folder``, which is workspace and temporary folder; a step that fails ends it."""
    document = yaml.safe_load(action.read_text("utf-8"))
    assert set(inputs) <= set(document["inputs"]), "an input that the action does not declare"
    values = {name: str(declared.get("default", "")) for name, declared in document["inputs"].items()} | dict(inputs)
    context = {f"inputs.{name}": value for name, value in values.items()} | {"github.action_path": str(action.parent)}
    files = {name: folder / name.lower() for name in _FILES}
    log, code = "", 0
    later: dict[str, str] = {}
    for step in document["runs"]["steps"]:
        assert set(step) <= _KNOWN, f"this runner does not know {set(step) - _KNOWN}"
        for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH"):
            files[name].write_text("")
        ended = _run_step(step, context, folder, {**env, **later, **{name: str(path) for name, path in files.items()}})
        log, code = log + ended.stdout, ended.returncode
        for name, value in entries(files["GITHUB_OUTPUT"].read_text("utf-8")).items():
            context[f"steps.{step.get('id')}.outputs.{name}"] = value
        later |= entries(files["GITHUB_ENV"].read_text("utf-8"))
        if code:
            break
    outputs = {name: filled(declared["value"], context) for name, declared in document["outputs"].items()}
    summary = files["GITHUB_STEP_SUMMARY"]
    return Ran(
        code=code,
        log=log,
        outputs=outputs,
        env=later,
        path=files["GITHUB_PATH"].read_text("utf-8").splitlines(),
        summary=summary.read_text("utf-8") if summary.exists() else "",
    )


def _run_step(
    step: Mapping[str, Any], context: Mapping[str, str], folder: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    assert step["shell"] == "bash"
    assert "${{" not in step["run"], "an expression within a script is where strange inputs become commands"
    script = folder / "step.sh"
    script.write_text(step["run"], encoding="utf-8")
    own = {name: filled(value, context) for name, value in step.get("env", {}).items()}
    runner = {"RUNNER_TEMP": str(folder), "RUNNER_OS": "Linux", "RUNNER_ARCH": "X64", "GITHUB_ACTIONS": "true"}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
        cwd=folder / filled(step.get("working-directory", "."), context),
        env={**runner, **env, **own},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )


def filled(text: str, context: Mapping[str, str]) -> str:
    """Return ``text`` with its expressions replaced; an output that no step has given is empty."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        assert name in context or name.startswith("steps."), f"this runner does not know {name}"
        return context.get(name, "")

    return _EXPRESSION.sub(value, text)


def entries(text: str) -> dict[str, str]:
    """Return what a file of outputs or variables holds, in both of its spellings."""
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
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
