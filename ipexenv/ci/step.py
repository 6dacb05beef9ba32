"""The set-up step on GitHub Actions: run ``ipexenv install`` and tell the runner and the steps after it."""

from __future__ import annotations

import json
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipexenv.ci.github import END_GROUP, annotation, entry, group, quoted
from ipexenv.ci.inputs import read_inputs
from ipexenv.ci.summary import summary
from ipexenv.ci.told import degraded, outputs, trouble
from ipexenv.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ipexenv.ci.inputs import CiInputs
    from ipexenv.system.runner import Finished
    from ipexenv.system.world import World

_LIMIT_S = 3 * 3600.0
_NEEDED = ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY", "RUNNER_TEMP")


@dataclass(frozen=True, kw_only=True, slots=True)
class StepDone:
    """How the step ended."""

    exit_code: int
    log: str
    outputs: Mapping[str, str]


def set_up(world: World) -> StepDone:
    """Install what the inputs ask for, and write what it was into the runner's files.

    Raises UsageError where an input cannot be or this is no step of GitHub Actions; what goes wrong with the
    installation itself is in the answer.
    """
    missing = [name for name in _NEEDED if not world.env.get(name)]
    if missing:
        raise UsageError(
            "this is no step of GitHub Actions",
            code="no-runner",
            causes=(f"{', '.join(missing)} is not set",),
            hint="`ipexenv install --venv DIR --verify` does the same anywhere",
        )
    folder = Path(world.env["RUNNER_TEMP"])
    inputs = read_inputs(world.env, usual_venv=str(folder / "ipexenv"))
    ended = _ipexenv(world, inputs.install_words())
    document = _document(ended)
    venv = str(world.directory / inputs.venv)
    below = degraded(document, inputs.verify)
    code = ended.returncode or (1 if below else 0)
    _append(world, "GITHUB_STEP_SUMMARY", summary(document))
    if code == 0:
        _pass_on(world, venv)
    told = outputs(document, venv=venv, isa=_isa(world, venv), files=_files(folder, document))
    _append(world, "GITHUB_OUTPUT", "".join(entry(name, value) for name, value in told.items()))
    return StepDone(exit_code=code, log=_log(ended, document, inputs, below), outputs=told)


def _pass_on(world: World, venv: str) -> None:
    """Give the environment to the steps after this one: its programs first on PATH, its variables set."""
    variables = _ipexenv(world, ("env", f"--venv={venv}", "--format=github", "--quiet"))
    _append(world, "GITHUB_PATH", f"{venv}/bin\n")
    _append(world, "GITHUB_ENV", entry("VIRTUAL_ENV", venv) + (variables.stdout if variables.returncode == 0 else ""))


def _isa(world: World, venv: str) -> str | None:
    status = _ipexenv(world, ("status", f"--venv={venv}", "--verbose", "--json"))
    facts = (_document(status).get("data") or {}).get("facts") or {}
    isa: str | None = facts.get("host", {}).get("cpu", {}).get("isa")
    return isa


def _files(folder: Path, document: Mapping[str, Any]) -> dict[str, str]:
    """Write the resolution and the checks to files of their own, and return where they are."""
    report = (document.get("data") or {}).get("verify")
    resolution, checks = folder / "ipexenv-resolution.json", folder / "ipexenv-verify.json"
    resolution.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if report is not None:
        checks.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return {"resolution": str(resolution), "verify-report": "" if report is None else str(checks)}


def _log(ended: Finished, document: Mapping[str, Any], inputs: CiInputs, below: Sequence[str]) -> str:
    """Return the log: what install said, in which nothing is a command for the runner, and the annotations."""
    said = quoted(ended.stderr, token=secrets.token_hex(16))
    lines = [annotation("error", text, title=f"ipexenv: {title}") for title, text in trouble(document)]
    lines += [annotation("error", text, title=f"ipexenv: verify is {inputs.verify}") for text in below]
    return group("ipexenv install") + said + END_GROUP + "".join(lines)


def _ipexenv(world: World, words: Sequence[str]) -> Finished:
    argv = [sys.executable, "-m", "ipexenv", *words]
    return world.runner.run(argv, timeout_s=_LIMIT_S, env=world.env, cwd=str(world.directory))


def _document(ended: Finished) -> dict[str, Any]:
    try:
        found = json.loads(ended.stdout)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        told = ended.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise OutsideError(f"ipexenv ended with {ended.returncode} and no answer", code="no-answer", causes=told)
    return found


def _append(world: World, name: str, text: str) -> None:
    with Path(world.env[name]).open("a", encoding="utf-8") as stream:
        stream.write(text)
