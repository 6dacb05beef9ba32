"""This project's own workflows: read by GitHub's schema and by actionlint, and their scripts run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ipexenv import __version__
from tests.servers import tables_with

if TYPE_CHECKING:
    from tests.integration.conftest import EnvironmentFactory

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))
SCRIPTS = ROOT / ".github" / "scripts"


def run(*argv: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, check=False, timeout=300
    )


def workflow(name: str) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load((FOLDER / name).read_text("utf-8"))
    return found


def test_the_schemas_know_every_field(environment: EnvironmentFactory) -> None:
    program = str(environment("manifests").folder / "bin" / "check-jsonschema")
    names = [str(path) for path in WORKFLOWS]
    for schema, files in (
        ("vendor.github-workflows", names),
        ("custom.github-workflows-require-timeout", names),
        ("vendor.dependabot", [str(ROOT / ".github" / "dependabot.yml")]),
        ("vendor.github-actions", [str(ROOT / "action.yml")]),
    ):
        told = run(program, "--builtin-schema", schema, *files)
        assert told.returncode == 0, told.stdout + told.stderr


def test_actionlint_finds_nothing(environment: EnvironmentFactory) -> None:
    programs = environment("manifests").folder / "bin"
    told = run(str(programs / "actionlint"), "-shellcheck", str(programs / "shellcheck"), *map(str, WORKFLOWS))
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_rights_are_the_least_and_actions_come_by_their_commit(path: Path) -> None:
    document = workflow(path.name)
    assert document["permissions"] == {"contents": "read"}
    assert document["concurrency"]
    for job in document["jobs"].values():
        rights = job.get("permissions", {})
        assert set(rights.values()) <= {"read"} or job.get("environment") == "release"
    text = path.read_text("utf-8")
    for used, tag in re.findall(r"uses: (\S+)( # v[0-9.]+)?", text):
        assert used == "./" or (re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", used) and tag), used
    for script in re.findall(r"run: (.*(?:\n {10,}.*)*)", text):
        assert "${{" not in script, "an expression within a script is where strange values become commands"


def test_one_action_has_one_version_everywhere() -> None:
    from ipexenv.ci.init import pins  # noqa: PLC0415 (beside its only use)

    texts = [path.read_text("utf-8") for path in (*WORKFLOWS, ROOT / "action.yml")]
    written = [
        f"uses: {value}" for value in vars(pins).values() if isinstance(value, str) and value.startswith("actions/")
    ]
    found: dict[str, set[str]] = {}
    for used in re.findall(r"uses: ([\w.-]+/[\w.-]+)\S*@(\S+)", "\n".join([*texts, *written])):
        found.setdefault(used[0], set()).add(used[1])
    assert {action: commits for action, commits in found.items() if len(commits) != 1} == {}


def test_every_supported_python_is_tried() -> None:
    tried = workflow("ci.yml")["jobs"]["fast"]["strategy"]["matrix"]["python"]
    declared = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text("utf-8"))
    assert set(declared) <= set(tried)


def test_only_the_release_that_people_approve_may_publish() -> None:
    document = workflow("release.yml")
    assert document[True] == {"push": {"tags": ["v*"]}}  # YAML 1.1 reads `on` as true
    assert "permissions" not in document["jobs"]["build"]
    publish = document["jobs"]["publish"]
    assert publish["environment"] == "release"
    assert publish["needs"] == "build"
    assert publish["permissions"]["id-token"] == "write"
    assert "password" not in json.dumps(publish)


@pytest.mark.parametrize(("tag", "code"), [(f"v{__version__}", 0), (__version__, 1), ("v0.0.0", 1), ("v", 1)])
def test_a_tag_is_the_version(tag: str, code: int) -> None:
    told = run(sys.executable, str(SCRIPTS / "check_tag.py"), tag)
    assert told.returncode == code, told.stderr
    assert ("::error" in told.stderr) == bool(code)


def test_silent_sources_are_seen(tmp_path: Path) -> None:
    """The workflow's own script, in an environment that is there already, asks addresses where nobody answers."""
    (script,) = [
        step["run"] for step in workflow("weekly.yml")["jobs"]["sources"]["steps"] if step.get("name") == "Ask"
    ]
    (tmp_path / "tool").symlink_to(Path(sys.prefix))
    summary = tmp_path / "summary.md"
    tables = dead_tables(tmp_path)
    env = {"RUNNER_TEMP": str(tmp_path), "GITHUB_STEP_SUMMARY": str(summary), "IPEXENV_TABLES": str(tables)}
    told = run("bash", "-e", "-o", "pipefail", "-c", script, **env)
    assert told.returncode == 1, told.stdout + told.stderr
    assert "::warning title=source-silent::the source pytorch-cpu does not answer" in told.stdout
    assert "**the source pytorch-cpu does not answer" in summary.read_text("utf-8")


def test_sources_that_answer_are_a_short_summary(tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    (tmp_path / "findings.json").write_text(json.dumps({"data": {"findings": []}, "problems": []}))
    told = run(
        sys.executable,
        str(SCRIPTS / "show_sources.py"),
        str(tmp_path / "findings.json"),
        "0",
        GITHUB_STEP_SUMMARY=str(summary),
    )
    assert told.returncode == 0
    assert summary.read_text("utf-8").endswith("Every source that the tables name answers.\n")


def test_what_doctor_says_of_itself_is_escaped(tmp_path: Path) -> None:
    problem = {"code": "no-target", "message": "100%\n::error::x"}
    (tmp_path / "findings.json").write_text(json.dumps({"data": {}, "problems": [problem]}))
    told = run(
        sys.executable,
        str(SCRIPTS / "show_sources.py"),
        str(tmp_path / "findings.json"),
        "3",
        GITHUB_STEP_SUMMARY=str(tmp_path / "summary.md"),
    )
    assert told.returncode == 1
    assert told.stdout.splitlines() == ["::error title=no-target::100%25%0A::error::x"]


def test_outputs_are_looked_at_with_the_environment_s_python(tmp_path: Path, environment: EnvironmentFactory) -> None:
    there = environment("torch28")
    report = tmp_path / "verify.json"
    report.write_text(json.dumps({"checks": [{"id": "train", "status": "pass"}]}))
    outputs = {
        "cache-hit": "true",
        "torch": "2.8.0",
        "venv": str(there.folder),
        "ccl-provider": "bridge",
        "verify-report": str(report),
    }
    for change, code in (({}, 0), ({"cache-hit": "false"}, 1), ({"ccl-provider": "none"}, 1), ({"torch": "2.7.0"}, 1)):
        given = json.dumps({**outputs, **change})
        told = run(str(there.python), str(SCRIPTS / "check_outputs.py"), EXPECTED="true", OUTPUTS=given)
        assert told.returncode == code, told.stderr
        assert ("::error title=set-up step::" in told.stderr) == bool(code)


def dead_tables(folder: Path) -> Path:
    """Return the shipped tables with the source for torch at an address of this machine where nobody answers."""
    return tables_with(folder / "tables", [("pytorch-cpu", "http://127.0.0.1:9/", "simple", ("torch",))])
