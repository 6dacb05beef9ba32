"""action.yml as GitHub runs it: its steps in bash, its inputs as they come, its outputs as later steps see them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.actions import ACTION, PYTHON, ROOT, Runner, make_tool, played_wheels
from tests.integration.workflow_runner import inherited, run_action
from tests.servers import tables_with
from tests.wheels import MANYLINUX, build_wheel, fake_ipex

if TYPE_CHECKING:
    from tests.integration.conftest import EnvironmentFactory

pytestmark = pytest.mark.slow

HOSTILE = "2.8; touch was-here $(touch was-here) `touch was-here` ${{ github.token }} '\" && touch was-here"
AVX2_ALONE = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
COMMANDS = "::set-output name=torch::1\n##vso[task.setvariable variable=x]y\n##[set-env name=x]y\n::error::no\n"
OFTEN = ("torch", "ipex", "ccl-provider", "ccl-version", "python", "venv", "isa", "resolution", "verify-report")


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tool(tmp_path_factory.mktemp("tool"))


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return played_wheels(tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="module")
def no_sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return tables that name no source and know no hash: the wheels are played."""
    return tables_with(tmp_path_factory.mktemp("tables"), [])


@pytest.fixture
def runner(tmp_path: Path, tool: Path, wheels: Path, no_sources: Path) -> Runner:
    return Runner(folder=tmp_path, tables=no_sources, tool=tool, sources=wheels)


@pytest.fixture
def real(tmp_path: Path, tool: Path) -> Runner:
    """Return a runner with the shipped tables, every named source being an address where nobody answers."""
    folder = tmp_path / "tables"
    folder.mkdir()
    for file in (ROOT / "compat").glob("*.toml"):
        lines = file.read_text("utf-8").splitlines()
        if file.name == "sources.toml":
            lines = [
                f'url = "http://127.0.0.1:9/{n}/"' if line.startswith("url = ") else line
                for n, line in enumerate(lines)
            ]
        (folder / file.name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Runner(folder=tmp_path, tables=folder, tool=tool)


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


def test_a_second_run_takes_the_environment_of_the_first_and_asks_nobody(runner: Runner, tmp_path: Path) -> None:
    cold = runner.run()
    assert cold.code == 0, cold.log
    assert (cold.outputs["cache-hit"], cold.steps["Keep"]) == ("false", "success")
    assert (cold.outputs["torch"], cold.outputs["ipex"]) == ("2.8.0", "2.8.0")
    assert "ipexenv install" in cold.groups
    assert "ipexenv-error" in cold.matchers
    listing = json.loads(Path(cold.outputs["resolution"]).read_text("utf-8"))
    stored = runner.cache.entries()[0].name

    runner.tool = make_tool(tmp_path / "lean", whole=False)
    warm = runner.run_cut_off()
    assert warm.code == 0, warm.log
    assert (runner.job / "ipexenv-tool" / "later.json").is_file(), "nothing was needed that installs"
    assert (warm.outputs["cache-hit"], warm.steps["Keep"]) == ("true", "skipped")
    assert "ipexenv install" not in warm.groups
    assert [entry.name for entry in runner.cache.entries()] == [stored]
    assert {name: warm.outputs[name] for name in OFTEN} == {name: cold.outputs[name] for name in OFTEN}
    assert (warm.env, warm.path) == (cold.env, cold.path)
    assert json.loads(Path(warm.outputs["resolution"]).read_text("utf-8")) == listing
    assert "cache: hit" in warm.summary
    later = subprocess.run(
        ["python", "-c", "import torch; print(torch.__version__)"],
        env={**inherited(), **warm.env, "PATH": f"{warm.path[0]}:/usr/bin:/bin", "LD_PRELOAD": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert later.stdout.strip() == "2.8.0+cu128"


def spoil_file(entry: Path) -> str:
    """Change one byte; the file of the cache alone, for it shares its bytes with other copies."""
    file = next(entry.glob("0/lib/python*/site-packages/torch/version.py"))
    data = bytearray(file.read_bytes())
    data[5] ^= 1
    file.unlink()
    file.write_bytes(data)
    return "torch/version.py was changed"


def add_file(entry: Path) -> str:
    folder = next(entry.glob("0/lib/python*/site-packages"))
    (folder / "zz.pth").write_text("import os; os.system('touch /tmp/was-here')\n")
    return "zz.pth is not in the manifest"


def remove_manifest(entry: Path) -> str:
    (entry / "1").unlink()
    return "the manifest cannot be read"


def cut_manifest(entry: Path) -> str:
    data = (entry / "1").read_bytes()
    (entry / "1").unlink()
    (entry / "1").write_bytes(data[: len(data) // 2])
    return "the manifest is not the one"


def cut_archive(entry: Path) -> str:
    files = sorted(file for file in (entry / "0").rglob("*") if file.is_file() or file.is_symlink())
    for file in files[len(files) // 2 :]:
        file.unlink()
    return " is missing"


def replace_link(entry: Path) -> str:
    link = entry / "0" / "bin" / "python"
    link.unlink()
    link.symlink_to("/bin/true")
    return "bin/python was changed"


def test_what_was_tampered_with_or_is_not_whole_is_made_anew(runner: Runner) -> None:
    """One job after another: each finds the entry of the one before spoilt, and leaves a good one."""
    assert runner.run().outputs["cache-hit"] == "false"
    for spoil in (spoil_file, add_file, remove_manifest, cut_manifest, cut_archive, replace_link):
        said = spoil(runner.cache.entries()[0])
        ran = runner.run()
        assert ran.code == 0, ran.log
        assert (ran.outputs["cache-hit"], ran.outputs["ipex"]) == ("false", "2.8.0"), spoil.__name__
        warnings = [one.text for one in ran.annotations if one.level == "warning"]
        assert any("made anew" in text and said in text for text in warnings), (spoil.__name__, ran.annotations)
        assert not list(runner.venv.rglob("zz.pth"))
        assert runner.cache.entries()[0].joinpath("1").is_file(), "the new one is stored beside the spoilt one"
    assert runner.run_cut_off().outputs["cache-hit"] == "true"
    assert not Path("/tmp/was-here").exists()


def test_a_failed_install_leaves_no_manifest_and_keeps_nothing(runner: Runner) -> None:
    assert runner.run().code == 0
    manifest = runner.job / "ipexenv" / "manifest.json"
    assert manifest.is_file()
    failed = runner.run(fresh=False, torch="2.6")
    assert failed.code != 0
    assert not manifest.exists()
    assert failed.path == []
    assert len(runner.cache.entries()) == 1
    assert failed.outputs["torch"] == ""
    assert [one.title for one in failed.annotations if one.level == "error"] == ["ipexenv: no-source"]


def test_each_input_does_what_it_says(runner: Runner, wheels: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    named = runner.run(
        torch="2.7", venv="own", stack="native", sources=f"{wheels}\n", allow_yanked="true", cache="false",
        python=sys.executable, working_directory="../project", verify="false", version="0.1.0",
    )  # fmt: skip
    assert named.code == 1, "the index has no ipexenv 0.1.0"
    named = runner.run(
        torch="2.7", venv="own", stack="native", sources=f"{wheels}\n", allow_yanked="true", cache="false",
        python=sys.executable, working_directory="../project", verify="false",
    )  # fmt: skip
    assert named.code == 0, named.log
    assert (named.outputs["torch"], named.outputs["ipex"]) == ("2.7.0", "")
    assert named.outputs["venv"] == str(project / "own")
    assert (named.outputs["cache-hit"], named.steps["Restore"], named.steps["Keep"]) == ("false", "skipped", "skipped")
    assert runner.cache.entries() == []
    assert "cache: not used, it is switched off" in named.summary


def test_a_lock_is_installed_exactly(runner: Runner, wheels: Path, tmp_path: Path, tool: Path) -> None:
    runner.job.mkdir()
    options = ["--torch=2.7", "--ccl=none", f"--source={wheels}", f"--tables={runner.tables}", "--engine=pip"]
    words = ["lock", *options, f"--output={tmp_path / 'pylock.toml'}", f"--python={sys.executable}"]
    env = {**inherited(), "PIP_NO_INDEX": "1"}
    subprocess.run([f"{tool}/bin/python", "-m", "ipexenv", *words], check=True, capture_output=True, env=env)
    ran = runner.run(torch="", sources="", ccl="", lock="../pylock.toml")
    assert ran.code == 0, ran.log
    assert (ran.outputs["torch"], ran.outputs["ipex"]) == ("2.7.0", "2.7.0")
    assert runner.run_cut_off(torch="", sources="", ccl="", lock="../pylock.toml").outputs["cache-hit"] == "true"
    lock = tmp_path / "pylock.toml"
    lock.write_text(lock.read_text("utf-8") + "\n# another\n", encoding="utf-8")
    assert runner.run(torch="", sources="", ccl="", lock="../pylock.toml").outputs["cache-hit"] == "false"


def test_an_environment_is_proved_and_strict_takes_degraded_for_a_failure(
    real: Runner, own_copy: EnvironmentFactory
) -> None:
    venv = own_copy("native213").folder
    ran = real.run(AVX2_ALONE, venv=str(venv), stack="native", verify="true")
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
    assert any(one.level == "warning" and "bf16-path" in one.text for one in ran.annotations)
    assert ran.steps["Restore"] == ran.steps["Keep"] == "skipped", "the user's own environment is never cached"

    strict = real.run(AVX2_ALONE, venv=str(venv), stack="native", verify="strict")
    assert strict.code == 1
    assert (strict.path, strict.env) == ([], {})
    assert any(one.level == "error" and "bf16-path" in one.text for one in strict.annotations)
    assert venv.is_dir()


def test_a_check_that_fails_is_an_error_and_nothing_is_passed_on(runner: Runner) -> None:
    """The played torch imports, and cannot train."""
    ran = runner.run(verify="true")
    assert ran.code == 1
    assert (ran.path, ran.env, runner.cache.entries()) == ([], {}, [])
    assert any(one.title == "ipexenv: check-failed" for one in ran.annotations)
    assert json.loads(Path(ran.outputs["verify-report"]).read_text("utf-8"))["checks"]
    assert (runner.job / "ipexenv" / "junit.xml").is_file() or "check" in ran.summary


def test_hostile_inputs_do_nothing(runner: Runner) -> None:
    strange: tuple[dict[str, str], ...] = (
        {"torch": HOSTILE, "venv": HOSTILE, "sources": "::set-output name=torch::1"},
        {"python": HOSTILE},
        {"stack": HOSTILE},
        {"ccl": "none\n::set-output name=torch::1"},
        {"verify": "true\ntorch<<x"},
        {"lock": HOSTILE},
        {"working-directory": HOSTILE},
        {"venv": "."},
        {"cache": "$(touch was-here)"},
        {"version": "0.1.0 $(touch was-here)"},
    )
    for inputs in strange:
        ran = runner.run(None, fresh=True, **inputs)
        assert ran.code != 0, inputs
        assert not list(runner.folder.rglob("was-here"))
        assert ran.outputs["torch"] == ""
        assert ran.path == []
        assert [one.level for one in ran.annotations] == ["error"], (inputs, ran.log)


def test_what_a_package_says_is_no_command_and_secrets_stay_secret(runner: Runner, tmp_path: Path) -> None:
    folder = tmp_path / "loud"
    tag = PYTHON.replace(".", "")
    files = {
        "torch/__init__.py": f"print({COMMANDS!r}, flush=True)\nraise ImportError({COMMANDS!r})\n",
        "torch/version.py": "__version__ = '2.8.0+cpu'\ncuda = hip = xpu = None\n",
    }
    build_wheel(folder, "torch", "2.8.0", f"cp{tag}-cp{tag}-{MANYLINUX}", files=files)
    fake_ipex(folder, "2.8.0", PYTHON)
    build_wheel(folder, "numpy", "1.26.4")
    secret = "s3cr3t-of-nobody"
    # TEST-NET, which leads nowhere; the folder has all there is.
    ran = runner.run(
        {"PIP_INDEX_URL": f"http://ci:{secret}@127.0.0.1:9/simple", "MY_TOKEN": "t0ken-of-nobody"},
        sources=f"{folder} http://ci:{secret}@127.0.0.1:9/other/",
    )
    assert ran.code != 0
    assert ran.outputs["torch"] in {"", "2.8.0"}
    assert all(one.title.startswith("ipexenv") for one in ran.annotations), ran.annotations
    for word in (secret, "t0ken-of-nobody"):
        assert word not in ran.log + ran.summary + str(ran.annotations)
        assert all(word not in line for line in ran.raw.splitlines() if not line.startswith("::add-mask::"))
        for name in ("resolution.json", "verify.json"):
            file = runner.job / "ipexenv" / name
            assert not file.exists() or word not in file.read_text("utf-8")


@pytest.mark.parametrize(("system", "word"), [("Windows", "Windows"), ("macOS", "macOS")])
def test_a_runner_that_cannot_serve_is_told_before_anything_is_fetched(runner: Runner, system: str, word: str) -> None:
    runner.job.mkdir()
    ran = run_action(ACTION, {}, folder=runner.job, env=inherited(), runner=(system, "X64"))
    assert ran.code == 1
    assert set(ran.steps.values()) == {"failure", "skipped"}
    (told,) = ran.annotations
    assert word in told.text
    assert "ubuntu-24.04" in told.text
    assert not (runner.job / "ipexenv-tool").exists()


def test_no_python_is_told_with_what_to_do(runner: Runner) -> None:
    runner.job.mkdir()
    programs = runner.folder / "programs"
    programs.mkdir()
    for name in ("sh", "bash", "env"):
        (programs / name).symlink_to(str(shutil.which(name)))
    runner.tool = None
    ran = runner.run({"PATH": str(programs)})
    assert ran.code == 1
    assert "no python3 on PATH" in ran.annotations[0].text


def test_a_step_that_is_killed_leaves_no_manifest(runner: Runner, tmp_path: Path, tool: Path) -> None:
    """On GitLab this time: one command, and a folder that stays between jobs."""
    folder, seen = tmp_path / "slow", tmp_path / "seen"
    waiting = f"import os, time\nopen({str(seen)!r}, 'w').close()\nparent = os.getppid()\n"
    waiting += "while os.getppid() == parent:\n    time.sleep(0.05)\n"
    tag = PYTHON.replace(".", "")
    files = {"torch/__init__.py": waiting, "torch/version.py": "__version__ = '2.8.0+cpu'\ncuda = hip = xpu = None\n"}
    build_wheel(folder, "torch", "2.8.0", f"cp{tag}-cp{tag}-{MANYLINUX}", files=files)
    project = tmp_path / "project"
    project.mkdir()
    (project / ".ipexenv").mkdir()
    manifest = project / ".ipexenv" / "manifest.json"
    manifest.write_text("{}")
    inputs = {"IPEXENV_CI_STACK": "native", "IPEXENV_CI_CCL": "none", "IPEXENV_CI_TORCH": "2.8"}
    env = {**inherited(), "GITLAB_CI": "true", "CI_PROJECT_DIR": str(project), "PIP_NO_INDEX": "1", **inputs}
    env |= {"IPEXENV_TABLES": str(runner.tables), "IPEXENV_CI_SOURCES": str(folder)}
    env |= {f"{name}_CACHE_DIR": str(tmp_path / "downloads" / name) for name in ("PIP", "UV", "IPEXENV")}
    command = [f"{tool}/bin/python", "-m", "ipexenv", "ci"]
    with subprocess.Popen(command, env=env, cwd=project, stdout=-1, stderr=-2, start_new_session=True) as step:
        limit = time.monotonic() + 300
        while not seen.exists() and step.poll() is None and time.monotonic() < limit:
            time.sleep(0.05)
        os.killpg(step.pid, signal.SIGKILL)
        told = step.communicate()[0].decode()
    assert seen.exists(), told
    assert not manifest.exists()

    env["IPEXENV_CI_SOURCES"] = str(runner.sources)
    cold, warm = (
        subprocess.run(command, env=env, cwd=project, capture_output=True, text=True, check=False) for _ in range(2)
    )
    assert cold.returncode == warm.returncode == 0, cold.stdout + cold.stderr + warm.stdout + warm.stderr
    assert "ipexenv install" in cold.stdout
    assert "files are the same" in warm.stdout
    assert "ipexenv install" not in warm.stdout
