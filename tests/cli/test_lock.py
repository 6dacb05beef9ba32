"""`lock` and `export` as a person sees them: a played engine, wheels in a folder, no environment needed."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import venv as venv_module
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.utils import parse_wheel_filename

from ipexenv import __version__, cli
from ipexenv.system.runner import Finished, SubprocessRunner
from ipexenv.system.world import World
from tests.fakes import FakeHttp, finished
from tests.servers import tables_with
from tests.wheels import build_wheel, fake_ipex, fake_torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
WHERE = f"Python {PYTHON} on linux {os.uname().machine}"


@dataclass
class PlayedPip(SubprocessRunner):
    """Runs everything for real but pip, which would install all the wheels of a folder."""

    folder: Path = field(default_factory=Path)
    ending: Finished = field(default_factory=finished)
    given: list[str] = field(default_factory=list)

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        answer: bool = False,
        on_line: Callable[[str], None] | None = None,
    ) -> Finished:
        if "--report" not in argv:
            return super().run(argv, timeout_s=timeout_s, env=env, cwd=cwd, answer=answer, on_line=on_line)
        self.given += Path(argv[argv.index("-r") + 1]).read_text("utf-8").split()
        rows = [{"download_info": self._origin(wheel)} for wheel in sorted(self.folder.glob("*.whl"))]
        Path(argv[argv.index("--report") + 1]).write_text(json.dumps({"install": rows}), encoding="utf-8")
        return self.ending

    def _origin(self, wheel: Path) -> dict[str, Any]:
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        return {"url": wheel.as_uri(), "archive_info": {"hashes": {"sha256": digest}}}


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    fake_torch(folder, "2.8.0", PYTHON)
    fake_ipex(folder, "2.8.0", PYTHON)
    build_wheel(folder, "sympy", "1.13.3")
    return folder


@pytest.fixture
def pip(wheels: Path) -> PlayedPip:
    return PlayedPip(folder=wheels)


@pytest.fixture
def world(tmp_path: Path, wheels: Path, pip: PlayedPip) -> World:
    env = {"HOME": str(tmp_path / "home"), "PATH": os.defpath, "PIP_CONFIG_FILE": os.devnull}
    env |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "UV_NO_CONFIG": "1", "NO_COLOR": "1"}
    return World(runner=pip, http=FakeHttp(), env=env, directory=tmp_path)


@pytest.fixture
def tables(tmp_path: Path) -> str:
    return str(tables_with(tmp_path / "tables", []))


def lock(world: World, tables: str, *arguments: str) -> int:
    command = ["lock", "--venv", "new", "--tables", tables, "--engine", "pip", "--ccl", "none", *arguments]
    return cli.main(command, world=world)


def export(world: World, *arguments: str) -> int:
    return cli.main(["export", *arguments], world=world)


def hashes(wheels: Path) -> dict[str, str]:
    return {
        str(parse_wheel_filename(file.name)[0]): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in wheels.glob("*.whl")
    }


def test_a_lock_is_written_and_nothing_is_made(
    world: World, tables: str, pip: PlayedPip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lock(world, tables, "-q") == 0
    out, err = capsys.readouterr()
    size = sum(file.stat().st_size for file in pip.folder.glob("*.whl"))
    assert out == (
        "wrote pylock.toml\n"
        f"{WHERE}:\n"
        "  torch                        2.8.0\n"
        "  intel_extension_for_pytorch  2.8.0\n"
        f"  3 files, {size / 1e6:.1f} MB\n"
    )
    assert err == ""
    assert pip.given == ["torch==2.8.0", "intel_extension_for_pytorch==2.8.0"]
    assert not (tmp_path / "new").exists()


def test_the_same_lock_is_written_twice(world: World, tables: str, tmp_path: Path) -> None:
    lock(world, tables, "-q")
    first = (tmp_path / "pylock.toml").read_bytes()
    lock(world, tables, "-q")
    assert (tmp_path / "pylock.toml").read_bytes() == first
    assert b'path = "wheels/sympy-1.13.3-py3-none-any.whl"' in first
    assert sorted(path.name for path in tmp_path.glob("*pylock*")) == ["pylock.toml"]


def test_json_of_lock(world: World, tables: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lock(world, tables, "--json", "-q", "-o", "pylock.train.toml") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["command"], document["status"], document["problems"]) == ("lock", "ok", [])
    data = document["data"]
    assert data["file"] == str(tmp_path / "pylock.train.toml")
    assert data["stack"] == "ipex"
    assert data["tables"].startswith("sha256:")
    (target,) = data["targets"]
    assert (target["python"], target["platform"]) == (PYTHON, f"linux_{os.uname().machine}")
    assert (target["torch"], target["ccl"]) == ("2.8.0", {"provider": "none", "version": None})
    assert {package["name"]: package["sha256"] for package in target["packages"]} == hashes(tmp_path / "wheels")


def test_an_engine_that_fails_leaves_the_old_lock(
    world: World, tables: str, pip: PlayedPip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pylock.toml").write_text("old", encoding="utf-8")
    pip.ending = finished(1, stderr="ERROR: No matching distribution found for sympy>=1.13")
    assert lock(world, tables, "-q") == 3
    assert capsys.readouterr().err == (
        "error: pip finds no set of packages to install [not-offered]\n"
        "  because an index does not offer what is needed\n"
        "  because it says: ERROR: No matching distribution found for sympy>=1.13\n"
        "  because nothing was changed\n"
        "\n"
        "hint: check the configured index (PIP_INDEX_URL, UV_DEFAULT_INDEX), or add a source with "
        "`--source URL-or-DIR`\n"
    )
    assert (tmp_path / "pylock.toml").read_text(encoding="utf-8") == "old"


def test_a_lock_has_a_name_that_installers_know(world: World, tables: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert lock(world, tables, "-o", "my.lock") == 2
    assert capsys.readouterr().err == (
        "error: my.lock is no name for a lock [usage]\n"
        "  because PEP 751 has names for them, by which installers know them\n"
        "\n"
        "hint: call it pylock.toml, or pylock.NAME.toml with a name without dots\n"
    )


def test_a_place_that_cannot_be_written_is_named(
    world: World, tables: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lock(world, tables, "-q", "-o", "absent/pylock.toml") == 2
    assert capsys.readouterr().err == (
        f"error: {tmp_path}/absent/pylock.toml cannot be written: No such file or directory [not-writable]\n"
        "\n"
        "hint: name another with `-o FILE`\n"
    )


def test_pip_cannot_lock_for_a_machine_that_is_not_here(
    world: World, tables: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["lock", "--tables", tables, "--engine", "pip", "--target-python", PYTHON, "--ccl", "none", "-q"]
    assert cli.main(command, world=world) == 3
    assert capsys.readouterr().err == (
        "error: a machine that is not here can be locked with uv alone [no-engine]\n"
        "  because pip judges dependencies by the Python that it runs in\n"
        "\n"
        "hint: install uv with `pip install 'ipexenv[uv]'`, or lock on the machine itself\n"
    )


def test_requirements_go_to_stdout(world: World, tables: str, wheels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock(world, tables, "-q")
    capsys.readouterr()
    assert export(world) == 0
    digests = hashes(wheels)
    assert capsys.readouterr().out == (
        f"# {WHERE}: every distribution of pylock.toml, dependencies included. Install with\n"
        "# `pip install --require-hashes -r FILE` or `uv pip install --require-hashes -r FILE`.\n"
        "--only-binary :all:\n"
        f"intel-extension-for-pytorch==2.8.0 \\\n    --hash=sha256:{digests['intel-extension-for-pytorch']}\n"
        f"sympy==1.13.3 \\\n    --hash=sha256:{digests['sympy']}\n"
        f"torch==2.8.0 \\\n    --hash=sha256:{digests['torch']}\n"
    )


def test_constraints_go_to_a_file(
    world: World, tables: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock(world, tables, "-q")
    capsys.readouterr()
    assert export(world, "--format", "constraints", "-o", "keep.txt") == 0
    assert capsys.readouterr().out == "wrote keep.txt\n"
    assert (tmp_path / "keep.txt").read_text(encoding="utf-8") == (
        f"# {WHERE}: the versions of pylock.toml. With `pip install -c FILE X`,\n"
        "# or PIP_CONSTRAINT=FILE, nothing that is installed later replaces one of them.\n"
        "intel-extension-for-pytorch==2.8.0\n"
        "sympy==1.13.3\n"
        "torch==2.8.0\n"
    )


def test_json_of_export(world: World, tables: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock(world, tables, "-q")
    capsys.readouterr()
    assert export(world, "--format", "conda", "--json") == 0
    data = json.loads(capsys.readouterr().out)["data"]
    text = data.pop("text")
    assert data == {
        "format": "conda",
        "target": {"python": PYTHON, "architecture": os.uname().machine},
        "packages": 3,
        "file": None,
    }
    assert text.startswith(f"# {WHERE}: made from pylock.toml.")
    assert export(world, "--format", "constraints", "--json", "-o", "keep.txt") == 0
    data = json.loads(capsys.readouterr().out)["data"]
    assert (data["file"], data["text"]) == (str(tmp_path / "keep.txt"), None)


def test_a_dockerfile_cannot_reach_a_folder_here(world: World, tables: str, capsys: pytest.CaptureFixture[str]) -> None:
    lock(world, tables, "-q")
    capsys.readouterr()
    assert export(world, "--format", "dockerfile") == 2
    err = capsys.readouterr().err
    assert err.startswith(
        "error: a container build cannot reach the files of this machine that the lock names [local-files]\n"
    )
    assert "  because sympy-1.13.3-py3-none-any.whl lies in a folder here\n" in err


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (None, "no-lock", "the lock pylock.toml cannot be read: No such file or directory"),
        (b"\xff", "no-lock", "the lock pylock.toml cannot be read: it is not UTF-8"),
        (b"half = ", "bad-lock", "pylock.toml cannot be used as a lock"),
        (b'lock-version = "1.0"\ncreated-by = "uv"\npackages = []\n', "foreign-lock", "pylock.toml was not made by"),
    ],
)
def test_a_lock_that_cannot_be_used_is_named(  # noqa: PLR0917 (a row and two fixtures)
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, code: str, words: str
) -> None:
    if content is not None:
        (tmp_path / "pylock.toml").write_bytes(content)
    assert export(world) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"error: {words}")
    assert f"[{code}]" in err


def test_the_lock_says_who_made_it(world: World, tables: str, tmp_path: Path) -> None:
    lock(world, tables, "-q")
    assert f'created-by = "ipexenv {__version__}"' in (tmp_path / "pylock.toml").read_text(encoding="utf-8")


def test_an_environment_without_ipex_is_locked_as_it_is(
    world: World, tables: str, wheels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for old in wheels.glob("*"):
        old.unlink()
    fake_torch(wheels, "2.13.0", PYTHON)
    venv = tmp_path / "there"
    venv_module.create(venv, with_pip=False)
    site_packages = next((venv / "lib").glob("python*/site-packages"))
    info = site_packages / "torch-2.13.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.13.0\n")
    command = ["lock", "--venv", str(venv), "--tables", tables, "--engine", "pip", "--ccl", "none"]
    assert cli.main([*command, "--stack", "ipex"], world=world) == 1
    assert "[no-compatible-release]" in capsys.readouterr().err
    assert cli.main(command, world=world) == 0
    out, err = capsys.readouterr()
    assert "locking the native stack" in err
    assert "torch  2.13.0" in out
    assert 'stack = "native"' in (tmp_path / "pylock.toml").read_text()
