"""The step: what is used again, what is made, what is proved, and what later steps get of it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ipexenv.ci import making, step
from ipexenv.ci.github import GitHub
from ipexenv.ci.machine import look
from ipexenv.ci.provider import find_dialect
from ipexenv.ci.unfit import Machine
from ipexenv.cli import main
from ipexenv.errors import OutsideError, UsageError
from ipexenv.events import Event
from ipexenv.system.world import World
from tests.fakes import FakeRunner, facts, finished
from tests.integration.workflow_log import Log
from tests.integration.workflow_runner import entries
from tests.unit.ci.test_key import IDENTITY
from tests.unit.ci.test_told import CHECKS, DOCUMENT, FAILED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ipexenv.ci.inputs import CiInputs
    from ipexenv.ci.key import Identity
    from ipexenv.events import Listener

FILES = ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")
GOOD = {"status": "ok", "exit_code": 0, "problems": []}
INSTALLED = {**DOCUMENT, **GOOD, "data": {**DOCUMENT["data"], "stack": "ipex", "notes": []}}
ENV = {**GOOD, "data": {"environment": {"OMP_NUM_THREADS": "4"}, "unset": ["KMP_AFFINITY"]}}


@dataclass
class Commands:
    """Plays ipexenv's own commands: an install makes the environment's folder."""

    answers: dict[str, dict[str, Any]] = field(default_factory=lambda: {"install": INSTALLED, "env": ENV})
    calls: list[tuple[str, ...]] = field(default_factory=list)
    says: tuple[Event, ...] = (Event(kind="step", text="looking"), Event(kind="output", text="::set-output name=x::y"))

    def __call__(self, words: Sequence[str], world: World, listen: Listener) -> dict[str, Any]:
        self.calls.append(tuple(words))
        for event in self.says:
            listen(event)
        venv = next(Path(word.partition("=")[2]) for word in words if word.startswith("--venv="))
        if words[0] == "install":
            (venv / "bin").mkdir(parents=True, exist_ok=True)
            (venv / "bin" / "python").write_text("#!\n")
        found: dict[str, Any] = json.loads(json.dumps(self.answers[words[0]]))
        if words[0] == "install" and "--verify" not in words:
            (found["data"] or {}).pop("verify", None)
        return found

    @property
    def names(self) -> list[str]:
        return [words[0] for words in self.calls]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    played = Commands()
    monkeypatch.setattr(making, "call", played)
    monkeypatch.setattr(step, "identify", identified)
    monkeypatch.setattr(step, "look", lambda _root: Machine("Linux", "x86_64", "glibc", (3, 12), frozenset()))
    return played


def identified(inputs: CiInputs, venv: str, world: World, more_words: tuple[str, ...]) -> tuple[Identity, Any]:
    return IDENTITY, facts()


@dataclass
class Ran:
    code: int
    outputs: Mapping[str, str]
    log: Log
    folder: Path

    def written(self, name: str) -> str:
        file = self.folder / name
        return file.read_text("utf-8") if file.exists() else ""

    @property
    def errors(self) -> list[str]:
        return [one.title for one in self.log.annotations if one.level == "error"]


def run(folder: Path, **env: str) -> Ran:
    for name in FILES:
        (folder / name).write_text("")
    files = {name: str(folder / name) for name in FILES}
    world = World(runner=FakeRunner(), env={"RUNNER_TEMP": str(folder), **files, **env}, directory=folder)
    log = Log()
    said: list[str] = []
    done = step.set_up(world, GitHub(), said.append)
    log.take("".join(said))
    log.end_step()
    return Ran(code=done.exit_code, outputs=done.outputs, log=log, folder=folder)


def test_later_steps_get_the_environment_and_what_was_chosen(tmp_path: Path, commands: Commands) -> None:
    ran = run(tmp_path, INPUT_VERIFY="true", GITHUB_RUN_ID="7", GITHUB_RUN_ATTEMPT="2")
    venv = f"{tmp_path}/ipexenv/venv"
    assert ran.code == 0
    assert ran.written("GITHUB_PATH") == f"{venv}/bin\n"
    assert entries(ran.written("GITHUB_ENV")) == {"VIRTUAL_ENV": venv, "KMP_AFFINITY": "", "OMP_NUM_THREADS": "4"}
    told = entries(ran.written("GITHUB_OUTPUT"))
    assert told == ran.outputs
    assert (told["torch"], told["isa"], told["python"]) == ("2.8.0", "avx2", f"{venv}/bin/python")
    assert told["cache-key"].endswith("-7-2")
    assert "torch 2.8.0" in ran.written("GITHUB_STEP_SUMMARY")
    assert json.loads(Path(told["verify-report"]).read_text("utf-8")) == DOCUMENT["data"]["verify"]
    assert "verify" not in json.loads(Path(told["resolution"]).read_text("utf-8"))["data"]
    assert commands.calls[0] == ("install", f"--venv={venv}", "--verify", "--quiet")


def test_the_second_time_nothing_is_installed_and_all_is_the_same(tmp_path: Path, commands: Commands) -> None:
    first = run(tmp_path)
    listing = Path(first.outputs["resolution"]).read_text("utf-8")
    commands.calls.clear()
    second = run(tmp_path)
    assert commands.names == ["env"]
    assert (second.outputs["cache-hit"], second.outputs["cache-key"]) == ("true", "")
    differing = {"cache-hit", "cache-key", "verify-report"}
    assert {name: value for name, value in second.outputs.items() if name not in differing} == {
        name: value for name, value in first.outputs.items() if name not in differing
    }
    assert Path(second.outputs["resolution"]).read_text("utf-8") == listing
    assert second.written("GITHUB_ENV") == first.written("GITHUB_ENV")
    assert second.outputs["verify-report"] == ""


def test_what_is_used_again_is_proved_again_on_this_host(tmp_path: Path, commands: Commands) -> None:
    run(tmp_path)
    failing = {"id": "train", "status": "fail", "detail": "SIGILL", "seconds": 1.0}
    problem: dict[str, Any] = {
        "code": "check-failed",
        "message": "1 of 1 checks failed: train",
        "causes": [],
        "hint": None,
    }
    commands.answers["verify"] = {"status": "no", "exit_code": 1, "problems": [problem], "data": {"checks": [failing]}}
    ran = run(tmp_path, INPUT_VERIFY="true")
    assert (ran.code, ran.outputs["cache-hit"]) == (1, "true")
    assert commands.calls[-1][2:] == ("--stack=ipex", "--ccl=bridge", "--quiet")
    assert ran.errors == ["ipexenv: check-failed"]
    assert ran.written("GITHUB_PATH") == ran.written("GITHUB_ENV") == ""
    assert 'message="SIGILL"' in ran.written("ipexenv/junit.xml")

    commands.answers["verify"] = {**GOOD, "data": {"checks": CHECKS}}
    assert run(tmp_path, INPUT_VERIFY="true").code == 0
    strict = run(tmp_path, INPUT_VERIFY="strict")
    assert strict.code == 1
    assert strict.errors == ["ipexenv: verify is strict"]


def test_what_was_changed_is_made_anew_with_a_warning(tmp_path: Path, commands: Commands) -> None:
    run(tmp_path)
    (tmp_path / "ipexenv" / "venv" / "bin" / "python").write_text("#?\n")
    ran = run(tmp_path)
    assert ran.outputs["cache-hit"] == "false"
    assert [one.text for one in ran.log.annotations] == [
        "the cached environment is not used and made anew: bin/python was changed"
    ]
    assert run(tmp_path).outputs["cache-hit"] == "true"


def test_without_the_cache_nothing_is_read_and_nothing_written(tmp_path: Path, commands: Commands) -> None:
    run(tmp_path)
    ran = run(tmp_path, INPUT_CACHE="false")
    assert (ran.outputs["cache-hit"], ran.outputs["cache-key"]) == ("false", "")
    assert commands.names.count("install") == 2
    assert not (tmp_path / "ipexenv" / "manifest.json").exists()


def test_an_environment_of_the_user_s_own_is_used_in_its_place(tmp_path: Path, commands: Commands) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "mine").touch()
    ran = run(tmp_path, INPUT_VENV="own")
    assert ran.code == 0
    assert (own / "mine").exists()
    assert ran.outputs["cache-key"] == ""
    assert "is not ipexenv's" in ran.written("GITHUB_STEP_SUMMARY")


def test_what_install_said_is_no_command_to_the_runner(tmp_path: Path, commands: Commands) -> None:
    ran = run(tmp_path)
    assert "  | ::set-output name=x::y" in ran.log.lines
    assert "ipexenv install" in ran.log.groups


def test_a_warning_of_a_stage_is_an_annotation(tmp_path: Path, commands: Commands) -> None:
    commands.says = (Event(kind="warning", text="a change was cut off"), Event(kind="detail", text="not shown"))
    ran = run(tmp_path)
    assert [(one.level, one.text) for one in ran.log.annotations] == [("warning", "a change was cut off")]
    assert "not shown" not in ran.log.text


def test_a_failure_is_an_annotation_and_nothing_is_passed_on(tmp_path: Path, commands: Commands) -> None:
    run(tmp_path)
    commands.answers["install"] = {**FAILED, "status": "no", "exit_code": 1}
    ran = run(tmp_path, INPUT_CACHE="false")
    assert ran.code == 1
    assert [one.text for one in ran.log.annotations] == ["nothing fits\nbecause a\nbecause b\nhint: `c`"]
    assert ran.written("GITHUB_PATH") == ran.written("GITHUB_ENV") == ""
    assert ran.outputs["verify-report"] == ""
    assert not (tmp_path / "ipexenv" / "manifest.json").exists()


def test_strict_takes_degraded_for_a_failure(tmp_path: Path, commands: Commands) -> None:
    ran = run(tmp_path, INPUT_VERIFY="strict")
    assert ran.code == 1
    assert ran.errors == ["ipexenv: verify is strict"]
    assert ran.written("GITHUB_PATH") == ""
    assert not (tmp_path / "ipexenv" / "manifest.json").exists()


def test_a_manifest_that_cannot_be_written_is_a_warning(
    tmp_path: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(making, "keep", full)
    ran = run(tmp_path)
    assert (ran.code, ran.outputs["cache-key"]) == (0, "")
    assert [one.text for one in ran.log.annotations] == [
        "the environment is not kept for later runs: No space left on device"
    ]


def test_an_environment_that_cannot_be_looked_at_is_not_passed_on(tmp_path: Path, commands: Commands) -> None:
    problem = {"code": "target-missing", "message": "it cannot be started", "causes": ["a"], "hint": None}
    commands.answers["env"] = {"status": "error", "exit_code": 3, "problems": [problem], "data": {}}
    ran = run(tmp_path)
    assert (ran.code, ran.errors, ran.outputs["cache-key"]) == (3, ["ipexenv: target-missing"], "")
    assert ran.written("GITHUB_PATH") == ""


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("INPUT_VERIFY", "maybe", "the input verify cannot be 'maybe'"),
        ("INPUT_WORKING_DIRECTORY", "none", "the input working-directory cannot be 'none'"),
        ("INPUT_VENV", ".", "the input venv cannot be"),
    ],
)
def test_an_input_that_cannot_be_is_an_annotation(
    name: str, value: str, said: str, tmp_path: Path, commands: Commands
) -> None:
    ran = run(tmp_path, **{name: value})
    assert ran.code == 2
    assert said in ran.log.annotations[0].text
    assert commands.calls == []


def test_a_machine_that_cannot_serve_is_told(
    tmp_path: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "look", lambda _root: look()._replace(machine="aarch64"))
    ran = run(tmp_path)
    assert (ran.code, ran.errors) == (1, ["ipexenv: unfit-system"])
    assert commands.calls == []


def test_secrets_are_hidden_before_anything_is_said(tmp_path: Path, commands: Commands) -> None:
    secret = "s3cr3t-of-nobody"
    commands.says = (Event(kind="output", text=f"asking https://ci:{secret}@a.example and {secret}"),)
    ran = run(tmp_path, PIP_INDEX_URL=f"https://ci:{secret}@a.example/")
    assert secret in ran.log.masks
    assert secret not in ran.log.text
    assert "  | asking https://a.example and ***" in ran.log.lines


def test_what_installing_needs_is_got_once(tmp_path: Path) -> None:
    (tmp_path / "later.json").write_text(json.dumps(["pip", "install", "uv"]))
    runner = FakeRunner(endings=[(("pip install uv",), finished(stdout="Collecting uv\n"))])
    course = step._begin(
        World(runner=runner, directory=tmp_path, env={}), find_dialect({}), str, more_words=(), verbose=False
    )
    making.complete_tool(course, tmp_path)
    making.complete_tool(course, tmp_path)
    assert runner.calls == [("pip", "install", "uv")]

    (tmp_path / "later.json").write_text(json.dumps(["pip", "install", "uv"]))
    runner.endings = [(("pip",), finished(1, stderr="no index\n"))]
    with pytest.raises(OutsideError, match="what installing needs") as caught:
        making.complete_tool(course, tmp_path)
    assert caught.value.causes == ("no index",)
    assert (tmp_path / "later.json").exists()


def test_the_key_comes_without_any_change(
    tmp_path: Path, commands: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(runner=FakeRunner(), env={"IPEXENV_CI_VENV": "own"}, directory=tmp_path)
    assert main(["ci", "--key"], world=world) == 0
    key = capsys.readouterr().out
    assert key.startswith("ipexenv-1-")
    assert key.count("\n") == 1
    assert commands.calls == []
    assert not (tmp_path / "own").exists()
    assert main(["ci", "--key", "--json"], world=world) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    assert data["key"] == key.strip()
    assert data["restore-keys"] == f"{data['key']}-"
    assert data["paths"].splitlines() == [str(tmp_path / "own"), str(tmp_path / ".ipexenv" / "manifest.json")]
    assert data["cache"] == "true"
    (tmp_path / "own").mkdir()
    assert main(["ci", "--key", "--json"], world=world) == 0
    assert json.loads(capsys.readouterr().out)["data"]["cache"] == "false"


def test_a_key_that_cannot_be_is_an_error(
    tmp_path: Path, commands: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(runner=FakeRunner(), env={"IPEXENV_CI_VERIFY": "maybe"}, directory=tmp_path)
    assert main(["ci", "--key"], world=world) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "the input verify cannot be 'maybe'" in told.err


def test_elsewhere_than_in_a_workflow_the_runner_s_files_are_missed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no step of GitHub Actions"):
        step.set_up(World(env={}, directory=tmp_path), GitHub(), sys.stdout.write)


def test_a_system_s_own_program_is_given_what_it_takes(tmp_path: Path, commands: Commands) -> None:
    """On Buildkite: outputs go to its agent, one that fails is a warning."""
    runner = FakeRunner(endings=[(("annotate",), finished(1, stderr="no agent\n")), (("buildkite-agent",), finished())])
    env = {"BUILDKITE": "true", "BUILDKITE_BUILD_CHECKOUT_PATH": str(tmp_path)}
    said: list[str] = []
    done = step.set_up(World(runner=runner, env=env, directory=tmp_path), find_dialect(env), said.append)
    assert done.exit_code == 0
    assert all(call[:3] == ("sh", "-c", 'exec "$@" <"$0"') for call in runner.calls)
    assert "warning: buildkite-agent failed: no agent\n" in "".join(said)
    assert not list(tmp_path.rglob("agent-input.txt"))


def test_the_command_prints_the_log_and_passes_the_exit_code(
    tmp_path: Path, commands: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    commands.answers["install"] = {**FAILED, "status": "error", "exit_code": 3}
    world = World(runner=FakeRunner(), env={}, directory=tmp_path)
    assert main(["ci"], world=world) == 3
    assert "nothing fits" in capsys.readouterr().out
    assert main(["ci", "--json"], world=world) == 3
    told = capsys.readouterr()
    assert json.loads(told.out)["data"]["cache-hit"] == "false"
    assert "nothing fits" in told.err
