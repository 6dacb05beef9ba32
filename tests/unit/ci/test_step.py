"""The step runs ipexenv's own commands, and writes the runner's files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ipexenv.ci.step import set_up
from ipexenv.cli import main
from ipexenv.errors import OutsideError, UsageError
from ipexenv.system.world import World
from tests.fakes import FakeRunner, finished
from tests.integration.workflow_runner import entries
from tests.unit.ci.test_told import DOCUMENT, FAILED

if TYPE_CHECKING:
    from pathlib import Path

FILES = ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")
STATUS = json.dumps({"data": {"facts": {"host": {"cpu": {"isa": "amx"}}}}})


def world(folder: Path, document: dict[str, Any] | str, code: int = 0, **env: str) -> World:
    text = document if isinstance(document, str) else json.dumps(document)
    runner = FakeRunner(
        endings=[
            (("-m ipexenv install",), finished(code, stdout=text, stderr="::set-output name=x::y\nlooking\n")),
            (("-m ipexenv status",), finished(stdout=STATUS)),
            (("-m ipexenv env",), finished(stdout="OMP_NUM_THREADS=4\n")),
        ]
    )
    files = {name: str(folder / name) for name in FILES}
    return World(runner=runner, env={"RUNNER_TEMP": str(folder), **files, **env}, directory=folder)


def written(folder: Path, name: str) -> str:
    file = folder / name
    return file.read_text("utf-8") if file.exists() else ""


def test_later_steps_get_the_environment_and_what_was_chosen(tmp_path: Path) -> None:
    done = set_up(world(tmp_path, DOCUMENT, INPUT_VENV="train", INPUT_VERIFY="true"))
    venv = f"{tmp_path}/train"
    assert done.exit_code == 0
    assert written(tmp_path, "GITHUB_PATH") == f"{venv}/bin\n"
    assert entries(written(tmp_path, "GITHUB_ENV")) == {"VIRTUAL_ENV": venv, "OMP_NUM_THREADS": "4"}
    told = entries(written(tmp_path, "GITHUB_OUTPUT"))
    assert told == done.outputs
    assert (told["torch"], told["isa"], told["python"]) == ("2.8.0", "amx", f"{venv}/bin/python")
    assert "| torch | 2.8.0+cpu |" in written(tmp_path, "GITHUB_STEP_SUMMARY")
    assert json.loads(written(tmp_path, told["verify-report"])) == DOCUMENT["data"]["verify"]


def test_what_install_said_is_no_command_to_the_runner(tmp_path: Path) -> None:
    log = set_up(world(tmp_path, DOCUMENT)).log.splitlines()
    stopped = log.index("::set-output name=x::y")
    assert log[0] == "::group::ipexenv install"
    token = log[1].removeprefix("::stop-commands::")
    assert len(token) == 32
    assert stopped < log.index(f"::{token}::")


def test_a_failure_is_an_annotation_and_nothing_is_passed_on(tmp_path: Path) -> None:
    done = set_up(world(tmp_path, FAILED, code=1))
    assert done.exit_code == 1
    assert "::error title=ipexenv%3A no-fit::nothing fits%0Abecause a%0Abecause b%0Ahint: `c`\n" in done.log
    assert written(tmp_path, "GITHUB_PATH") == written(tmp_path, "GITHUB_ENV") == ""
    assert entries(written(tmp_path, "GITHUB_OUTPUT"))["verify-report"] == ""


def test_strict_takes_degraded_for_a_failure(tmp_path: Path) -> None:
    done = set_up(world(tmp_path, DOCUMENT, INPUT_VERIFY="strict"))
    assert done.exit_code == 1
    assert "::error title=ipexenv%3A verify is strict::bf16-path" in done.log
    assert written(tmp_path, "GITHUB_PATH") == ""


def test_a_command_without_an_answer_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match="ended with 4 and no answer"):
        set_up(world(tmp_path, "Traceback", code=4))


def test_elsewhere_than_in_a_workflow_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no step of GitHub Actions") as caught:
        set_up(World(env={}, directory=tmp_path))
    assert "ipexenv install" in str(caught.value.hint)


def test_the_command_prints_the_log_and_passes_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ci"], world=world(tmp_path, FAILED, code=3)) == 3
    assert capsys.readouterr().out.startswith("::group::ipexenv install\n")
