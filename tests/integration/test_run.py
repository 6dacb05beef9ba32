"""`ipexenv run` on this machine: scripts find themselves as ever, launchers differ in nothing, late ranks are named."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration import bridge_ranks as ranks
from tests.integration import launching

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.conftest import EnvironmentFactory

pytestmark = pytest.mark.slow

LIMIT_S = 200.0
HERE = Path(__file__).parent.parent.parent
PROGRAMS = Path(__file__).parent / "run_programs"


def run(*words: object, path: Path | None = None, **more: str) -> ranks.Ended:
    """Run it to its end, and check that nothing is left; with ``path`` programs are found there first."""
    folders = [*([str(path)] if path else []), os.environ.get("PATH", os.defpath)]
    env = {**launching.without_ranks(more), "PYTHONPATH": str(HERE), "PATH": os.pathsep.join(folders)}
    command = [sys.executable, "-m", "ipexenv", "run", *map(str, words)]
    return launching.run(command, env, LIMIT_S)


@pytest.fixture(scope="module")
def hydra() -> Path:
    """Return the folder of Intel's mpirun."""
    return ranks.libraries() / "bin"


def of_rank(text: str, rank: int) -> str:
    """Return the lines of one rank without its number."""
    return "".join(f"{line[4:]}\n" for line in text.splitlines() if line.startswith(f"[{rank}] "))


@pytest.mark.parametrize("minor", ["3.8", "3.11", "3.13"])
def test_a_script_finds_itself_as_python_alone_would_start_it(
    interpreter: Callable[[str], Path], hydra: Path, minor: str
) -> None:
    """The arguments look like ipexenv's own; workers are started by spawn and fork; PYTHONPATH holds a real hook."""
    python, script = interpreter(minor), PROGRAMS / "plain.py"
    words = (script, "--json", "-n", "7", "--", "-q")
    alone = subprocess.run([python, *words], capture_output=True, text=True, check=True, timeout=LIMIT_S)
    ended = run("--python", python, "-n", "2", *words, path=hydra)
    assert ended.returncode == 0, ended
    expected = {**json.loads(alone.stdout), "left": ["PYTHONPATH"]}
    for rank in range(2):
        assert json.loads(of_rank(ended.stdout, rank)) == expected


def test_an_error_shows_the_traceback_that_python_alone_would_show(hydra: Path) -> None:
    script = PROGRAMS / "plain.py"
    alone = subprocess.run([sys.executable, script, "fails"], capture_output=True, text=True, check=False)
    ended = run("--python", sys.executable, "-n", "2", script, "fails", path=hydra)
    assert (alone.returncode, ended.returncode) == (1, 1)
    assert alone.stderr in (of_rank(ended.stderr, 0), of_rank(ended.stderr, 1))


@pytest.mark.parametrize(
    ("stage", "told"),
    [
        ("joins", "it waits in init_process_group, for "),
        ("begins", "the group is made, and it has begun no collective, for "),
    ],
)
def test_ranks_that_do_not_get_through_are_named_with_their_place(hydra: Path, stage: str, told: str) -> None:
    script = PROGRAMS / "staged.py"
    words = ("-n", "2", "--start-timeout", "4", script, stage, "waits", "3600")
    ended = run("--python", sys.executable, *words, path=hydra)
    assert ended.returncode == 1, ended
    assert "[start-timeout]" in ended.stderr
    assert f"rank 0 on localhost: {told}" in ended.stderr
    assert "rank 1 on localhost: it waits in its first collective, for " in ended.stderr
    assert f'File "{script}", line ' in ended.stderr


def test_ranks_that_are_through_may_take_their_time(hydra: Path) -> None:
    words = ("--start-timeout", "4", PROGRAMS / "staged.py", "through", "through", "7")
    ended = run("--python", sys.executable, "-n", "2", *words, path=hydra)
    assert (ended.returncode, sorted(ended.stdout.splitlines())) == (0, ["[0] well", "[1] well"]), ended


@pytest.mark.parametrize("launcher", ["torchrun", "mpirun"])
def test_two_ranks_train_under_every_launcher(environment: EnvironmentFactory, hydra: Path, launcher: str) -> None:
    python = environment("native213").python
    words = ("--launcher", launcher, "-n", "2", "--json", PROGRAMS / "job.py", "gloo")
    ended = run("--python", python, *words, path=hydra)
    assert ended.returncode == 0, ended
    data = json.loads(ended.stdout)["data"]
    told = [json.loads(of_rank(ended.stderr, rank)) for rank in range(2)]
    for rank, answer in enumerate(told):
        assert (answer["rank"], answer["local"], answer["size"], answer["sum"]) == (rank, rank, 2, 3.0)
        (host,) = data["hosts"]
        assert answer["cpus"] == (host["cpus"][rank] or sorted(os.sched_getaffinity(0)))
        assert answer["threads"] == int(host["environment"][rank]["OMP_NUM_THREADS"])
    assert told[0]["losses"] == told[1]["losses"]


def test_a_single_rank_has_the_terminal_and_its_exit_code_comes_through() -> None:
    script = "import os,sys; print(sys.stdin.fileno(), os.environ['WORLD_SIZE']); sys.exit(5)"
    ended = run("--python", sys.executable, "-n", "1", "--", sys.executable, "-c", script)
    assert (ended.returncode, ended.stdout) == (5, "0 1\n"), ended
    assert ended.stderr.endswith("error: the script failed: exit code 5 [rank-failed]\n")


@pytest.mark.parametrize("launcher", ["mpirun", "torchrun", "none"])
def test_what_a_dry_run_prints_can_be_pasted(
    environment: EnvironmentFactory, hydra: Path, tmp_path: Path, launcher: str
) -> None:
    """The words hold everything: environment, binding, launcher, files."""
    python = environment("native213").python
    script = tmp_path / "it's a script.py"
    script.write_text(
        "import os\n"
        "names = ('RANK', 'WORLD_SIZE', 'MINE')\n"
        "told = f'{[os.environ[name] for name in names]} {len(os.sched_getaffinity(0))}\\n'\n"
        "os.write(1, told.encode())\n"  # whole: a launcher passes on what comes, and two ranks tell at once
    )
    size = 1 if launcher == "none" else 2
    words = ("--launcher", launcher, "-n", size, "--env", "MINE=a 'b' $c", script)
    shown = run("--python", python, *words, "ignored", path=hydra)
    dry = run("--python", python, "--dry-run", "--explain", *words, "ignored", path=hydra)
    assert dry.returncode == 0, dry
    assert dry.stdout.startswith("# localhost: ")
    pasted = subprocess.run(
        ["bash", "-c", dry.stdout],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
        cwd=tmp_path,
        env=launching.without_ranks({}),
    )
    assert pasted.returncode == 0, (dry.stdout, pasted)
    lines = [line[4:] if size > 1 else line for line in shown.stdout.splitlines()]
    assert sorted(pasted.stdout.splitlines()) == sorted(lines), shlex.quote(dry.stdout)
