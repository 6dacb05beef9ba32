"""The environment that ipexenv itself runs in: what comes first, what comes later, and every way in which it fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ipexenv import toml
from ipexenv.ci import tool
from ipexenv.ci.unfit import Machine, Refusal

PROJECT = tool.ROOT / "pyproject.toml"
GOOD = Machine("Linux", "x86_64", "glibc", (3, 12), frozenset())


class Programs:
    """Plays the programs that are started: venv makes its folders, pip says yes or no."""

    def __init__(self, failing: str = "") -> None:
        self.failing = failing
        self.calls: list[list[str]] = []

    def run(self, argv: list[str], **_named: Any) -> subprocess.CompletedProcess[bytes]:
        self.calls.append(argv)
        if "venv" in argv:
            (Path(argv[-1]) / "lib" / "python3.12" / "site-packages").mkdir(parents=True)
            (Path(argv[-1]) / "bin").mkdir()
        failed = bool(self.failing) and self.failing in argv
        said = b"::set-output name=a::b\nno room\n" if failed else b""
        return subprocess.CompletedProcess(argv, 1 if failed else 0, stdout=said)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    played = Programs()
    monkeypatch.setattr("subprocess.run", played.run)
    monkeypatch.setattr("shutil.which", lambda _name: None)
    monkeypatch.setattr(tool, "look", lambda: GOOD)
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path))
    monkeypatch.delenv("INPUT_VERSION", raising=False)
    return played


def test_the_two_parts_are_all_that_the_project_needs() -> None:
    first, later = tool.divided(PROJECT)
    assert sorted([*first, *later]) == sorted(
        [*toml.loads(PROJECT.read_text("utf-8"))["project"]["dependencies"], "uv"]
    )
    assert {requirement[:6] for requirement in first} == {"packag", "tomli>", "tomli_"}


def test_the_first_part_is_enough_to_judge_a_restored_environment() -> None:
    """What decides imports nothing else: a warm run installs three small packages."""
    script = (
        "import sys; before = set(sys.modules)\n"
        "import ipexenv.__main__, ipexenv.ci.step, ipexenv.commands.ci, ipexenv.commands.install\n"
        "import ipexenv.commands.env\n"
        "import ipexenv.commands.verify, ipexenv.launch.local_view, ipexenv.launch.settings\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules.keys() - before} - set(sys.stdlib_module_names)))"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(ast_list(ended.stdout)) <= {"ipexenv", "packaging", "tomli", "tomli_w", "__mp_main__"}


def ast_list(text: str) -> list[str]:
    found: list[str] = json.loads(text.replace("'", '"'))
    return found


def test_it_is_made_once_a_job(programs: Programs, tmp_path: Path) -> None:
    assert tool.main() == 0
    made, installed = programs.calls
    assert made[1:] == ["-m", "venv", "--without-pip", f"{tmp_path}/ipexenv-tool"]
    site = tmp_path / "ipexenv-tool" / "lib" / "python3.12" / "site-packages"
    assert installed[installed.index("--target") + 1] == str(site)
    assert (site / "ipexenv-checkout.pth").read_text() == f"{tool.ROOT}\n"
    later = json.loads((tmp_path / "ipexenv-tool" / "later.json").read_text())
    assert (later[-1], later[: later.index("--target")]) == ("uv", installed[: installed.index("--target")])
    assert tool.main() == 0
    assert len(programs.calls) == 2


def test_uv_does_it_where_the_runner_has_it(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: "/usr/bin/uv")
    assert tool.main() == 0
    python = f"{tmp_path}/ipexenv-tool/bin/python"
    assert programs.calls[1][:6] == ["/usr/bin/uv", "pip", "install", "--quiet", "--python", python]


def test_another_version_comes_from_the_index(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INPUT_VERSION", "1.2")
    assert tool.main() == 0
    assert programs.calls[1][-1] == "ipexenv[uv]==1.2"
    folder = tmp_path / "ipexenv-tool"
    assert json.loads((folder / "later.json").read_text()) == []
    assert not list(folder.rglob("*.pth"))


@pytest.mark.parametrize("version", ["1.0 x", "; touch x", "-r/etc/passwd", "1\n2", "https://a.example/"])
def test_what_is_no_version_is_refused(
    version: str, programs: Programs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INPUT_VERSION", version)
    assert tool.main() == 1
    assert programs.calls == []
    said = capsys.readouterr().out
    assert said.startswith("::error title=ipexenv%3A bad-input::the input version is no version")
    assert said.count("\n") == 1


def test_a_machine_that_cannot_serve_is_told_before_anything_is_fetched(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tool, "look", lambda: GOOD._replace(machine="aarch64"))
    assert tool.main() == 1
    assert programs.calls == []
    assert "Linux on arm64" in capsys.readouterr().out


def test_a_python_without_pip_is_told_what_to_do(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    programs.failing = "--version"
    assert tool.main() == 1
    said = capsys.readouterr().out
    assert "no-pip" in said
    assert "setup-python" in said


@pytest.mark.parametrize("failing", ["venv", "install"])
def test_a_program_that_fails_is_quoted_and_nothing_counts_as_made(
    failing: str, programs: Programs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    programs.failing = failing
    assert tool.main() == 1
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["| ::set-output name=a::b", "| no room"]
    assert said[2].startswith("::error title=ipexenv%3A no-tool::")
    assert not (tmp_path / "ipexenv-tool" / "ready.txt").exists()


def test_an_annotation_is_one_line() -> None:
    refusal = Refusal("a", "50 %\nof: it", ("because\r",), "do")
    assert tool.annotation(refusal) == "::error title=ipexenv%3A a::50 %25%0Aof: it%0Abecause because%0D%0Ahint: do\n"
