"""`install` as a person sees it: real probe of a real environment, a played engine, wheels in a folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ipexenv import cli, installing
from ipexenv.system.http import Page
from ipexenv.system.runner import Finished, SubprocessRunner
from ipexenv.system.world import World
from ipexenv.verify.checks import Check, VerifyReport
from tests.bridges import played_bridge
from tests.fakes import FakeHttp, finished
from tests.servers import tables_with
from tests.unit.transaction.trees import read_tree
from tests.wheels import fake_ipex, fake_torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ipexenv.verify.options import VerifyOptions

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
BRIDGE = "2022.2.0+ipexenv.bridge.1"
WHY = "note: the ccl backend is the bridge: Intel's bindings end at torch 2.7.0, and torch 2.8.0"
MADE_FROM = "built from oneccl 2022.2.0, oneccl-cpu 2022.2.0, impi-rt 2021.18.0"


IMPORTED = '{"check": "import", "event": "end", "seconds": 0.1, "data": {"modules": []}}'
"""What a process of the target tells when everything could be imported."""


@dataclass
class PlayedEngine(SubprocessRunner):
    """Runs everything for real but imports and pip's install, which writes the metadata of what it is to install."""

    ending: Finished = field(default_factory=finished)
    site_packages: Path | None = None
    calls: list[tuple[str, ...]] = field(default_factory=list)
    answer: Finished = field(default_factory=finished)
    imports: str = IMPORTED
    interrupted: bool = False

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
        if argv[-2].endswith("_target_single.py"):
            return finished(answer=self.imports.encode())
        if "install" not in argv:
            return super().run(argv, timeout_s=timeout_s, env=env, cwd=cwd, answer=answer, on_line=on_line)
        lines = Path(argv[argv.index("-r") + 1]).read_text("utf-8").splitlines()
        if "--report" in argv:
            rows = [{"download_info": {"url": line.partition(" @ ")[2].partition("#")[0]}} for line in lines]
            Path(argv[argv.index("--report") + 1]).write_text(json.dumps({"install": rows}), encoding="utf-8")
            return self.answer
        self.calls.append(tuple(argv))
        if self.ending.returncode == 0 and self.site_packages is not None:
            for line in lines:
                pretend_installed(self.site_packages, *line.partition(" --hash=")[0].replace("-", "_").split("=="))
        if self.interrupted:
            raise KeyboardInterrupt
        return self.ending


def pretend_installed(site_packages: Path, name: str, version: str) -> None:
    info = site_packages / f"{name}-{version}.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    (info / "RECORD").write_text(f"{info.name}/METADATA,,\n{info.name}/RECORD,,\n", encoding="utf-8")
    if name == "torch":
        (site_packages / "torch").mkdir(exist_ok=True)
        (site_packages / "torch/version.py").write_text(f"__version__ = '{version}+cpu'\n", encoding="utf-8")


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    fake_torch(tmp_path / "wheels", "2.8.0", PYTHON)
    fake_ipex(tmp_path / "wheels", "2.8.0", PYTHON)
    return tmp_path / "wheels"


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    command = [sys.executable, "-I", "-m", "venv", "--without-pip", str(tmp_path / "env")]
    subprocess.run(command, check=True, capture_output=True)
    site_packages = next((tmp_path / "env/lib").glob("python3*")) / "site-packages"
    (site_packages / "pip-23.0.dist-info").mkdir()
    return tmp_path / "env"


@pytest.fixture
def engine(venv: Path) -> PlayedEngine:
    return PlayedEngine(site_packages=next((venv / "lib").glob("python3*")) / "site-packages")


@pytest.fixture
def world(tmp_path: Path, wheels: Path, engine: PlayedEngine) -> World:
    env = {"HOME": str(tmp_path / "home"), "PATH": os.defpath, "PIP_CONFIG_FILE": os.devnull}
    env |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "UV_NO_CONFIG": "1", "NO_COLOR": "1"}
    env |= {"IPEXENV_CACHE_DIR": str(tmp_path / "cache")}
    return World(runner=engine, http=FakeHttp(), env=env, directory=tmp_path)


@pytest.fixture
def tables(tmp_path: Path, wheels: Path) -> str:
    """Return the real tables without sources, with a bridge that is made from fakes among the wheels."""
    folder = tables_with(tmp_path / "tables", [])
    played_bridge(folder, wheels)
    return str(folder)


def run(world: World, tables: str, *arguments: str) -> int:
    return cli.main(["install", "--venv", "env", "--tables", tables, "--engine", "pip", *arguments], world=world)


def test_a_plan_is_announced_and_carried_out(
    world: World, tables: str, wheels: Path, engine: PlayedEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(world, tables) == 0
    out, err = capsys.readouterr()
    assert out == (
        f"installed: torch 2.8.0, intel_extension_for_pytorch 2.8.0 and ipexenv-oneccl-bridge {BRIDGE}\n"
        f"{WHY} is chosen\n"
        "way back: `ipexenv rollback --venv env`\n"
    )
    assert err == (
        f"asking 1 source\n{plan_lines(wheels)}building ipexenv-oneccl-bridge {BRIDGE}\n"
        "asking pip 23.0 what it would install: it may download to decide\n"
        "installing with pip\n"
    )
    assert len(engine.calls) == 1


def plan_lines(wheels: Path) -> str:
    names = ("oneccl-2022.2.0", "oneccl_cpu-2022.2.0", "impi_rt-2021.18.0")
    parts = [f"files of {name}-py2.py3-none-manylinux_2_28_x86_64.whl  from {wheels}\n" for name in names]
    return (
        "plan with pip:\n"
        f"  add     torch                        2.8.0  from {wheels}\n"
        f"  add     intel_extension_for_pytorch  2.8.0  from {wheels}\n"
        f"  add     ipexenv-oneccl-bridge        {BRIDGE}  {MADE_FROM}\n"
        f"  take    oneccl                       {parts[0]}"
        f"  take    oneccl-cpu                   {parts[1]}"
        f"  take    impi-rt                      {parts[2]}"
    )


def test_the_second_time_there_is_nothing_to_do(
    world: World, tables: str, engine: PlayedEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    run(world, tables)
    capsys.readouterr()
    assert run(world, tables) == 0
    out, err = capsys.readouterr()
    there = f"torch 2.8.0+cpu, intel_extension_for_pytorch 2.8.0 and ipexenv-oneccl-bridge {BRIDGE}"
    assert out == f"nothing to do: {there} are there\n{WHY}+cpu is installed\n"
    assert err == ""
    assert len(engine.calls) == 1


def test_a_dry_run_prints_the_plan_and_changes_nothing(
    world: World, tables: str, wheels: Path, engine: PlayedEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(world, tables, "--dry-run", "--verify", "-q") == 0
    out, err = capsys.readouterr()
    assert out == f"{plan_lines(wheels)}nothing was changed (dry run)\n{WHY} is chosen\n"
    assert err == ""
    assert engine.calls == []


def test_the_json_of_a_dry_run(world: World, tables: str, wheels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(world, tables, "--dry-run", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["command"] == "install"
    data = document["data"]
    assert data["changed"] is False
    assert data["torch"] == "2.8.0"
    assert [row["name"] for row in data["why"]] == [pin["name"] for pin in data["pins"]]
    assert all(row["why"] for row in data["why"])
    assert data["plan"]["requirements"] == ["torch==2.8.0", "intel_extension_for_pytorch==2.8.0"]
    assert data["plan"]["constraints"] == [
        "torch==2.8.0",
        "intel_extension_for_pytorch==2.8.0",
        f"ipexenv-oneccl-bridge=={BRIDGE}",
    ]
    (build,) = data["plan"]["builds"]
    assert (build["name"], [part["source"] for part in build["parts"]]) == ("ipexenv-oneccl-bridge", [str(wheels)] * 3)
    assert data["plan"]["way_back"] == {
        "install": [],
        "uninstall": ["torch", "intel_extension_for_pytorch", "ipexenv-oneccl-bridge"],
    }
    assert (data["plan"]["engine"], data["plan"]["venv"]) == ("pip", None)
    assert [(row["name"], row["state"]) for row in data["sources"]] == [(str(wheels), "answered")]
    assert "verify" not in data


def test_a_part_that_is_not_the_recorded_one_leaves_everything_as_it_is(
    world: World, tables: str, wheels: Path, engine: PlayedEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    part = next(wheels.glob("oneccl_cpu-*.whl"))
    part.write_bytes(part.read_bytes() + b"more")
    assert run(world, tables, "--json") == 3
    document = json.loads(capsys.readouterr().out)
    assert document["problems"][0]["code"] == "bridge-part-differs"
    assert document["problems"][0]["causes"][-1] == "nothing was changed"
    assert (document["data"]["changed"], len(document["data"]["plan"]["builds"]), engine.calls) == (False, 1, [])


def test_without_its_parts_there_is_no_ccl_and_the_rest_is_installed(
    world: World, tables: str, wheels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    next(wheels.glob("oneccl_cpu-*.whl")).unlink()
    assert run(world, tables, "-q") == 0
    out = capsys.readouterr().out
    assert out.startswith("installed: torch 2.8.0 and intel_extension_for_pytorch 2.8.0\nnote: no ccl backend: ")
    assert "; the bridge is made from oneccl-cpu 2022.2.0, which no source serves\n" in out


def test_mpi_comes_beside_the_bridge(
    world: World, tables: str, wheels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(world, tables, "--dry-run", "-q", "--mpi") == 0
    assert f"  add     impi-rt                      2021.18.0  from {wheels}\n" in capsys.readouterr().out


def test_an_engine_that_fails_is_explained(
    world: World, tables: str, engine: PlayedEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.ending = finished(1, stderr="ERROR: HTTP error 403 while getting https://files.test/a/torch-2.8.0.whl")
    assert run(world, tables, "-q") == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "error: pip could not install the packages [forbidden]\n"
        "  because files.test refuses torch-2.8.0.whl (HTTP 403)\n"
        "  because it says: ERROR: HTTP error 403 while getting https://files.test/a/torch-2.8.0.whl\n"
        "  because it was undone: the environment is as it was before\n"
        "\n"
        "hint: take the file from elsewhere with `--source URL-or-DIR`\n"
        "\n"
        "known: The server refuses https://files.test/a/torch-2.8.0.whl: the file was made private or taken away, or it"
        " wants credentials. [http-forbidden]\n"
        "cure: Try another source with `ipexenv install --venv env --source URL`; credentials go into ~/.netrc or the"
        " keyring, never onto the command line.\n"
    )


def test_the_json_of_a_failure_holds_the_plan(
    world: World, tables: str, engine: PlayedEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.ending = finished(1, stderr="boom")
    assert run(world, tables, "--json") == 3
    document = json.loads(capsys.readouterr().out)
    assert (document["status"], document["exit_code"]) == ("error", 3)
    assert document["data"]["changed"] is False
    assert document["data"]["plan"]["requirements"]
    assert document["problems"][0]["code"] == "engine-failed"


def test_success_without_the_packages_is_no_success(
    world: World, tables: str, engine: PlayedEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.site_packages = None
    assert run(world, tables, "-q") == 3
    said = capsys.readouterr().err
    assert "[not-as-planned]\n  because torch 2.8.0 is not there\n" in said
    assert "  because it was undone: the environment is as it was before\n" in said


def test_an_engine_without_an_answer_changes_nothing(
    world: World, tables: str, engine: PlayedEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.answer = finished(1, stderr="ERROR: ResolutionImpossible")
    assert run(world, tables, "-q") == 3
    assert "[conflict]" in (said := capsys.readouterr().err)
    assert said.count("nothing was changed") == 1
    assert engine.calls == []


def test_what_cannot_be_imported_is_undone_unless_it_is_to_be_kept(
    world: World, tables: str, venv: Path, engine: PlayedEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.imports = (
        '{"check": "import", "event": "stage", "stage": "import torch"}\n'
        '{"check": "import", "event": "error", "type": "OSError", "message": "libx.so.1: undefined symbol: _Zoo"}'
    )
    before = read_tree(venv)
    assert run(world, tables, "-q") == 3
    assert capsys.readouterr().err.startswith(
        "error: what was installed cannot be imported [import-failed]\n"
        "  because import torch: libx.so.1 is built for another torch: the symbol _Zoo is not there\n"
        "  because it was undone: the environment is as it was before\n"
    )
    assert read_tree(venv) == before
    assert run(world, tables, "-q", "--keep") == 0
    out, err = capsys.readouterr()
    assert err.startswith("warning: what was installed cannot be imported: import torch: ")
    assert out.startswith("installed: ")


def test_sources_that_have_nothing_are_an_outside_error(
    world: World, tables: str, wheels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for wheel in wheels.iterdir():
        wheel.unlink()
    assert run(world, tables, "-q") == 3
    assert capsys.readouterr().err.startswith("error: no source serves the release that fits [no-source]\n")


def test_what_the_tables_rule_out_is_a_no_without_asking_anybody(
    world: World, tables: str, engine: PlayedEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert engine.site_packages is not None
    pretend_installed(engine.site_packages, "torch", "2.9.0")
    assert run(world, tables) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: no IPEX release fits this environment [no-compatible-release]\n")
    assert "--stack native" in err


@pytest.mark.parametrize(("status", "code"), [("pass", 0), ("fail", 1)])
def test_verify_follows_and_decides(
    world: World,
    tables: str,
    venv: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    status: Any,
    code: int,
) -> None:
    seen: list[VerifyOptions] = []

    def verify(_world: World, _facts: object, options: VerifyOptions, _listen: object) -> VerifyReport:
        seen.append(options)
        return VerifyReport(checks=(Check(id="train", status=status, detail="loss fell", hint="look closer"),))

    monkeypatch.setattr(installing, "verify", verify)
    before = read_tree(venv)
    assert run(world, tables, "--verify", "--json") == code
    document = json.loads(capsys.readouterr().out)
    undone = status == "fail"
    assert (document["data"]["changed"], document["data"]["rolled_back"]) == (not undone, undone)
    assert (read_tree(venv) == before) is undone
    assert [check["status"] for check in document["data"]["verify"]["checks"]] == [status]
    assert [problem["code"] for problem in document["problems"]] == ["check-failed"] * code
    assert (seen[0].stack, seen[0].ccl, seen[0].import_names) == (
        "ipex",
        "bridge",
        ("torch", "intel_extension_for_pytorch", "oneccl_bindings_for_pytorch"),
    )
    assert run(world, tables, "--verify", "-q", "--keep") == code
    out = capsys.readouterr().out
    assert "loss fell" in out
    assert out.startswith("installed" if undone else "nothing to do")
    assert run(world, tables, "--verify", "-q") == code
    assert capsys.readouterr().out.startswith("nothing to do")


def test_an_engine_that_does_not_exist(world: World, tables: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(world, tables, "--engine", "conda") == 2
    assert "--engine" in capsys.readouterr().err


def test_ctrl_c_while_the_engine_runs(
    world: World, tables: str, venv: Path, engine: PlayedEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.interrupted = True
    before = read_tree(venv)
    assert run(world, tables, "-q") == 130
    undone = "warning: it was undone: the environment is as it was before\n"
    assert capsys.readouterr().err == f"{undone}interrupted\n"
    assert read_tree(venv) == before


def test_sizes_and_yanked_releases_show_in_the_plan(
    world: World, tables: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def listing(project: str, filename: str, *, yanked: str | bool) -> Page:
        row = {"filename": filename, "url": f"/{filename}", "size": 888_000_000, "yanked": yanked}
        body = json.dumps({"files": [row]}).encode()
        return Page(url=f"https://i.test/simple/{project}/", content_type="application/json", body=body)

    tag = f"cp{PYTHON.replace('.', '')}-cp{PYTHON.replace('.', '')}-manylinux2014_x86_64"
    pages = {
        "https://i.test/simple/torch/": listing("torch", f"torch-2.8.0-{tag}.whl", yanked=False),
        "https://i.test/simple/intel-extension-for-pytorch/": listing(
            "intel-extension-for-pytorch", f"intel_extension_for_pytorch-2.8.0-{tag}.whl", yanked="bad"
        ),
    }
    env = {name: value for name, value in world.env.items() if name not in {"PIP_NO_INDEX", "PIP_FIND_LINKS"}}
    there = replace(world, http=FakeHttp(pages=pages), env={**env, "PIP_INDEX_URL": "https://i.test/simple"})
    assert run(there, tables, "--dry-run", "-q", "--allow-yanked") == 0
    out = capsys.readouterr().out
    assert "  add     torch                        2.8.0  from https://i.test/simple (888 MB)\n" in out
    assert "2.8.0 (yanked)  from https://i.test/simple (888 MB)\n" in out
