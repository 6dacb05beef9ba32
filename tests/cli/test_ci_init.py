"""`ci --init` and `export --format dockerfile` as a person sees them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ipexenv import cli
from ipexenv.system.world import World
from tests.fakes import FakeHttp, FakeRunner
from tests.unit.ci.init.projects import DIGEST, with_lock

if TYPE_CHECKING:
    from pathlib import Path

PINNED = f"python:3.11-slim-bookworm@{DIGEST}"
LOOSE = (
    "warning: the base image python:3.11-slim-bookworm has a tag and no digest, so it may be another one tomorrow: "
    "give the digest with `--base python:3.11-slim-bookworm@sha256:...` (`docker buildx imagetools inspect "
    "python:3.11-slim-bookworm` prints it)\n"
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(runner=FakeRunner(), http=FakeHttp(), env={"NO_COLOR": "1", "COLUMNS": "400"}, directory=tmp_path)


def test_a_workflow_is_written_and_then_kept(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    command = ("ci", "--init", "github", "--torch", "2.8")
    assert cli.main(command, world=world) == 0
    assert capsys.readouterr() == ("written: .github/workflows/ipexenv.yml\n", "")
    assert cli.main(command, world=world) == 0
    assert capsys.readouterr() == ("unchanged: .github/workflows/ipexenv.yml\n", "")
    file = world.directory / ".github" / "workflows" / "ipexenv.yml"
    file.write_text("mine\n")
    assert cli.main(command, world=world) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"error: {file} is there already [file-exists]\n"
        "  because nothing was written\n"
        "\n"
        "hint: replace it with `--force`, or write elsewhere with `-o PATH`\n"
    )
    assert file.read_text() == "mine\n"
    assert cli.main((*command, "--force"), world=world) == 0
    assert capsys.readouterr().out == "replaced: .github/workflows/ipexenv.yml\n"


def test_json_says_what_was_written_and_chosen(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    with_lock(world.directory)
    assert cli.main(("ci", "--init", "docker", "--base", PINNED, "--json"), world=world) == 0
    out, err = capsys.readouterr()
    assert err == ""
    names = ("Dockerfile", ".dockerignore", ".devcontainer/devcontainer.json")
    assert json.loads(out)["data"] == {
        "kind": "docker",
        "files": [{"path": str(world.directory / name), "deed": "written"} for name in names],
        "python": "3.11",
        "torch": None,
        "stack": None,
        "lock": "pylock.toml",
        "tests": False,
    }


def test_an_image_without_a_digest_is_a_warning(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    with_lock(world.directory)
    assert cli.main(("export", "--format", "dockerfile", "-o", "Dockerfile"), world=world) == 0
    assert capsys.readouterr() == ("wrote Dockerfile\n", LOOSE)
    assert cli.main(("export", "--format", "dockerfile", "--base", PINNED), world=world) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert f"\nARG BASE={PINNED}\n" in out


def test_a_base_is_for_a_dockerfile_alone(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(("export", "--base", PINNED), world=world) == 2
    assert capsys.readouterr().err == (
        "error: --base is of no use to --format requirements [usage]\n"
        "  because it names the image that a Dockerfile begins with\n"
        "\n"
        "hint: leave it out, or take `--format dockerfile`\n"
    )


def test_init_s_options_want_init(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(("ci", "--force"), world=world) == 2
    assert capsys.readouterr().err.startswith("error: --force is of no use without --init [usage]\n")
