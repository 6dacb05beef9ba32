from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ipexenv import __version__
from ipexenv.ci.init.answer import write_workflow
from ipexenv.ci.init.lines import scalar
from ipexenv.ci.init.options import refuse_without_init
from ipexenv.errors import IpexenvError, UsageError
from ipexenv.events import ignore
from ipexenv.settings import Settings
from ipexenv.system.world import World
from tests.fakes import FakeHttp, FakeRunner
from tests.unit.ci.init.projects import DIGEST, init, parsed, put, repository, with_lock
from tests.unit.lock.locks import BRIDGE, platform

PACKAGE = '[project]\nname = "x"\nversion = "1"\n[project.optional-dependencies]\ntest = ["pytest"]\n'
WORKFLOWS = {"github": ".github/workflows/ipexenv.yml", "gitlab": ".gitlab-ci.yml", "azure": "azure-pipelines.yml"}
HOSTILE = "x: ${{ github.token }} $(touch /here) '\"`\n- evil\x07 #"


def document(folder: Path, kind: str) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load((folder / WORKFLOWS[kind]).read_text("utf-8"))
    return found


def scripts(folder: Path, kind: str) -> str:
    if kind == "gitlab":
        return "\n".join(document(folder, kind)["train"]["script"])
    job = document(folder, kind)["jobs"]
    steps = job["train"]["steps"] if kind == "github" else job[0]["steps"]
    return "\n".join(step.get("run") or step.get("bash") or "" for step in steps)


def variables(folder: Path, kind: str) -> dict[str, str]:
    found = document(folder, kind)
    where = {"github": lambda: found["jobs"]["train"]["env"], "gitlab": lambda: found["train"]["variables"]}
    values: dict[str, str] = where.get(kind, lambda: found["variables"])()
    return values


@pytest.mark.parametrize("kind", WORKFLOWS)
def test_a_workflow_installs_this_ipexenv_and_asks_it_for_the_torch(tmp_path: Path, kind: str) -> None:
    data, _ = init(tmp_path, kind, "--torch", "2.13.0")
    assert data["files"] == [{"path": str(tmp_path / WORKFLOWS[kind]), "deed": "written"}]
    assert variables(tmp_path, kind) == {
        "IPEXENV_CI_TORCH": "2.13.0",
        "IPEXENV_CI_STACK": "native",
        "IPEXENV_CI_VERIFY": "true",
    }
    text = scripts(tmp_path, kind)
    assert f'"ipexenv[uv]=={__version__}"' in text
    assert "2.13.0" not in text, "values come as variables, never inside a script"
    assert "import torch" in text
    assert "pytest" not in text


@pytest.mark.parametrize("kind", WORKFLOWS)
def test_the_project_goes_over_the_environment_and_its_tests_run(tmp_path: Path, kind: str) -> None:
    put(tmp_path, pyproject_dot_toml=PACKAGE, tests__test_a_dot_py="", requirements_dot_txt="numpy\n")
    init(with_lock(tmp_path), kind)
    assert variables(tmp_path, kind) == {"IPEXENV_CI_LOCK": "pylock.toml", "IPEXENV_CI_VERIFY": "true"}
    text = scripts(tmp_path, kind)
    assert "-m pytest --junitxml=" in text
    into = re.findall(r"^pip --python (\S+) install", text, re.MULTILINE)
    assert set(into) == {'"$own/bin/python"'}, "what is cached stays as it was proved"
    assert '--constraint "$own/constraints.txt" --requirement requirements.txt' in text
    assert '".[test]" "pytest>=8,<10"' in text


def test_requirements_with_hashes_are_checked_by_them(tmp_path: Path) -> None:
    put(tmp_path, requirements_dot_txt="numpy==1.26.4 --hash=sha256:" + "a" * 64 + "\n")
    init(tmp_path, "gitlab")
    assert "--require-hashes --requirement requirements.txt" in scripts(tmp_path, "gitlab")


def test_github_has_least_rights_and_every_action_by_its_commit(tmp_path: Path) -> None:
    init(repository(tmp_path, branch="trunk"), "github")
    found = document(tmp_path, "github")
    assert found["permissions"] == {"contents": "read"}
    assert found[True]["push"] == {"branches": ["trunk"]}  # YAML 1.1 reads `on` as true
    text = (tmp_path / WORKFLOWS["github"]).read_text("utf-8")
    used = re.findall(r"uses: (\S+)( # v[0-9.]+)?", text)
    assert used
    assert all(re.fullmatch(r"actions/[a-z/-]+@[0-9a-f]{40}", action) and tag for action, tag in used)
    (job,) = found["jobs"].values()
    assert job["timeout-minutes"]
    assert job["steps"][0]["with"] == {"persist-credentials": False}


def test_gitlab_keeps_reports_and_cache(tmp_path: Path) -> None:
    data, warnings = init(with_lock(tmp_path), "gitlab")
    assert data["kind"] == "gitlab"
    job = document(tmp_path, "gitlab")["train"]
    assert job["cache"] == {
        "key": {"files": ["pylock.toml"], "prefix": "ipexenv-3.11"},
        "paths": [".ipexenv/venv", ".ipexenv/manifest.json"],
    }
    assert job["artifacts"]["reports"] == {
        "dotenv": ".ipexenv/ipexenv.env",
        "junit": [".ipexenv/junit.xml"],
        "codequality": ".ipexenv/codequality.json",
    }
    assert job["image"] == "python:3.11-slim-bookworm"
    assert ["@sha256:" in warning for warning in warnings] == [True]
    named = f"python:3.11-slim-bookworm@{DIGEST}"
    assert init(tmp_path, "gitlab", "--base", named, "--force")[1] == []
    assert document(tmp_path, "gitlab")["train"]["image"] == named


def test_without_a_lock_gitlab_s_cache_is_named_after_what_is_asked_for(tmp_path: Path) -> None:
    init(tmp_path, "gitlab", "--torch", "2.8")
    assert document(tmp_path, "gitlab")["train"]["cache"]["key"] == "ipexenv-3.12-2.8"


def test_azure_caches_and_publishes(tmp_path: Path) -> None:
    init(put(tmp_path, tests__test_a_dot_py=""), "azure")
    found = document(tmp_path, "azure")
    steps = {step["task"]: step for step in found["jobs"][0]["steps"] if "task" in step}
    assert steps["Cache@2"]["inputs"]["key"] == '"ipexenv" | "$(IPEXENV_SETUP_KEY)"'
    assert steps["PublishTestResults@2"]["inputs"]["testResultsFiles"].split() == ["ipexenv/junit.xml", "tests.xml"]
    assert found["trigger"] == {"branches": {"include": ["*"]}}
    assert "$(" not in scripts(tmp_path, "azure"), "the agent would look for a variable of that name"


@pytest.mark.parametrize("kind", WORKFLOWS)
def test_a_hostile_project_breaks_nothing(tmp_path: Path, kind: str) -> None:
    home = tmp_path / HOSTILE.replace("/", "_")
    home.mkdir()
    repository(home, branch="${{github.token}}", url="https://example.com/$(x)/${{y}}.git")
    toml = (
        f"[project]\nname = {json.dumps(HOSTILE)}\nversion = {json.dumps(HOSTILE)}\n[project.optional-dependencies]\n"
    )
    put(home, pyproject_dot_toml=f'{toml}"test]; touch here" = []\n', requirements_dot_txt=HOSTILE)
    with_lock(home)
    _, warnings = init(home, kind)
    assert any("cannot be named in a workflow" in warning for warning in warnings)
    text = (home / WORKFLOWS[kind]).read_text("utf-8")
    for part in ("github.token", "evil", "touch", "$(x)", "${{y"):
        assert part not in text
    assert isinstance(yaml.safe_load(text), dict)


@pytest.mark.parametrize("torch", ["2.8; rm -rf ~", "2.8\nfoo", "${{ github.token }}", "", " ", "-x"])
def test_a_hostile_torch_is_no_version(tmp_path: Path, torch: str) -> None:
    if not torch:  # as if it had not been given
        init(tmp_path, "github", f"--torch={torch}")
        return
    with pytest.raises(UsageError, match="is not a version"):
        init(tmp_path, "github", f"--torch={torch}")
    assert list(tmp_path.iterdir()) == []


def test_what_could_end_its_own_scalar_is_a_bug() -> None:
    assert scalar('a "quoted" \\ one') == '"a \\"quoted\\" \\\\ one"'
    for text in ("a\nb", "caf\u00e9", "\x07"):
        with pytest.raises(IpexenvError):
            scalar(text)


def test_docker_is_three_files_from_the_lock(tmp_path: Path) -> None:
    home = put(with_lock(tmp_path, bridge=BRIDGE), pyproject_dot_toml=PACKAGE, requirements_dot_txt="numpy\n")
    data, warnings = init(home, "docker", "--base", f"python:3.11-slim-bookworm@{DIGEST}")
    names = [Path(row["path"]).relative_to(home).as_posix() for row in data["files"]]
    assert names == ["Dockerfile", ".dockerignore", ".devcontainer/devcontainer.json"]
    assert warnings == ["requirements.txt names no hashes: its packages come by version alone"]
    text = (home / "Dockerfile").read_text("utf-8")
    assert f"ARG BASE=python:3.11-slim-bookworm@{DIGEST}" in text
    assert "torch==2.8.0+cpu" in text.partition("<<'CONSTRAINTS'")[2]
    assert text.index("requirements.txt /opt/project") < text.index("COPY --chown=trainer:trainer . /workspace")
    assert "install --constraint /opt/constraints.txt ." in text
    ignored = (home / ".dockerignore").read_text("utf-8").split()
    assert {".git", ".venv", ".env"} <= set(ignored)
    assert not {"pylock.toml", "requirements.txt", "pyproject.toml"} & set(ignored), "the build copies them"
    container = json.loads((home / ".devcontainer" / "devcontainer.json").read_text("utf-8"))
    assert container["build"] == {"dockerfile": "../Dockerfile", "context": ".."}
    assert container["remoteUser"] == "trainer"
    assert container["postCreateCommand"][:2] == ["/opt/ipexenv/bin/ipexenv", "verify"]
    assert any(argument.startswith("--shm-size=") for argument in container["runArgs"])


def test_a_container_of_files_alone_needs_no_constraints(tmp_path: Path) -> None:
    init(with_lock(tmp_path), "docker", "-o", "image")
    text = (tmp_path / "image" / "Dockerfile").read_text("utf-8")
    assert "CONSTRAINTS" not in text
    assert "COPY --chown=trainer:trainer . /workspace" in text


def test_without_a_lock_there_is_no_container(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        init(tmp_path, "docker", "--torch", "2.8")
    assert caught.value.code == "no-lock"
    assert caught.value.hint == "`ipexenv lock --torch 2.8` writes it"
    assert list(tmp_path.iterdir()) == []


def test_a_second_file_that_is_there_keeps_the_first_from_being_written(tmp_path: Path) -> None:
    put(with_lock(tmp_path), _dot_dockerignore="mine\n")
    with pytest.raises(UsageError) as caught:
        init(tmp_path, "docker")
    assert caught.value.code == "file-exists"
    assert not (tmp_path / "Dockerfile").exists()
    data, _ = init(tmp_path, "docker", "--force")
    assert [row["deed"] for row in data["files"]] == ["written", "replaced", "written"]


def test_an_odd_lock_has_no_image(tmp_path: Path) -> None:
    with_lock(tmp_path, platform=platform(libc_family="musl"))
    with pytest.raises(UsageError) as caught:
        init(tmp_path, "docker")
    assert caught.value.code == "no-image"


@pytest.mark.parametrize("kind", WORKFLOWS)
def test_a_workflow_wants_the_top_of_the_repository(tmp_path: Path, kind: str) -> None:
    below = repository(tmp_path) / "below"
    below.mkdir()
    with pytest.raises(UsageError) as caught:
        init(below, kind)
    assert caught.value.code == "not-at-top"
    assert str(tmp_path) in caught.value.causes[0]
    init(below, kind, "-o", "ci.yml")
    assert (below / "ci.yml").is_file()
    init(with_lock(below), "docker")


def test_options_that_mean_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--base is of no use to --init azure"):
        init(tmp_path, "azure", "--base", "python:3.11")
    for words in (("--torch", "2.8"), ("--force",), ("-o", "x"), ("--base", "x")):
        with pytest.raises(UsageError, match="of no use without --init"):
            refuse_without_init(parsed(*words))
    refuse_without_init(parsed())


def test_settings_meant_for_install_are_no_request(tmp_path: Path) -> None:
    options = parsed("--init", "github", settings=Settings(env={"IPEXENV_TORCH": "2.7"}))
    assert options.torch == "2.7"
    world = World(runner=FakeRunner(), http=FakeHttp(), env={}, directory=with_lock(tmp_path))
    assert write_workflow(options, world, ignore).data["lock"] == "pylock.toml"
    refuse_without_init(parsed(settings=Settings(env={"IPEXENV_TORCH": "2.7"})))


def test_a_setting_names_the_torch_where_nothing_else_does(tmp_path: Path) -> None:
    options = parsed("--init", "github", settings=Settings(env={"IPEXENV_TORCH": "2.7"}))
    world = World(runner=FakeRunner(), http=FakeHttp(), env={}, directory=tmp_path)
    assert write_workflow(options, world, ignore).data["torch"] == "2.7"
