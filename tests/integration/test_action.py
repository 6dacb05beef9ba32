"""action.yml as GitHub runs it: its steps in bash, its inputs as they come, its outputs as later steps see them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.workflow_runner import Ran, inherited, run_action

if TYPE_CHECKING:
    from tests.integration.conftest import EnvironmentFactory

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
ACTION = ROOT / "action.yml"
HOSTILE = "2.8; touch was-here $(touch was-here) `touch was-here` ${{ github.token }} '\" && touch was-here"


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the shipped tables, with every named source at an address of this machine where nobody answers."""
    folder = tmp_path_factory.mktemp("tables")
    for file in (ROOT / "compat").glob("*.toml"):
        lines = file.read_text("utf-8").splitlines()
        if file.name == "sources.toml":
            lines = [
                f'url = "http://127.0.0.1:9/{n}/"' if line.startswith("url = ") else line
                for n, line in enumerate(lines)
            ]
        (folder / file.name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def action(folder: Path, tables: Path, env: dict[str, str] | None = None, **inputs: str) -> Ran:
    asked = {name.replace("_", "-"): value for name, value in inputs.items()}
    return run_action(ACTION, asked, folder=folder, env={**inherited(), "IPEXENV_TABLES": str(tables), **(env or {})})


def test_github_s_schema_knows_every_field(environment: EnvironmentFactory) -> None:
    program = environment("manifests").folder / "bin" / "check-jsonschema"
    told = subprocess.run(
        [str(program), "--builtin-schema", "vendor.github-actions", str(ACTION)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert told.returncode == 0, told.stdout + told.stderr


def test_an_environment_is_proved_and_handed_to_later_steps(
    tables: Path, own_copy: EnvironmentFactory, tmp_path: Path
) -> None:
    venv = own_copy("native213").folder
    ran = action(tmp_path, tables, venv=str(venv), stack="native", verify="true")
    assert ran.code == 0, ran.log
    assert ran.outputs["torch"].startswith("2.13.0")
    assert (ran.outputs["ipex"], ran.outputs["ccl-provider"]) == ("", "bridge")
    assert ran.outputs["venv"] == ran.env["VIRTUAL_ENV"] == str(venv)
    assert ran.path == [f"{venv}/bin"]
    assert ran.outputs["isa"]
    assert "OMP_NUM_THREADS" in ran.env
    checks = json.loads(Path(ran.outputs["verify-report"]).read_text("utf-8"))["checks"]
    assert {check["id"] for check in checks} >= {"import", "train", "allreduce", "ddp"}
    assert "| allreduce | pass |" in ran.summary
    later = subprocess.run(
        ["python", "-c", "import torch; print(torch.__version__)"],
        env={**inherited(), **ran.env, "PATH": f"{ran.path[0]}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert later.stdout.strip() == ran.outputs["torch"]


def test_hostile_inputs_do_nothing(tables: Path, tmp_path: Path) -> None:
    ran = action(tmp_path, tables, torch=HOSTILE, venv=HOSTILE, sources="::set-output name=torch::1")
    assert ran.code != 0
    assert not list(tmp_path.rglob("was-here"))
    assert ran.outputs["torch"] == ""
    assert ran.path == []
