"""The script of ``--emit slurm`` goes through a real sbatch: its ranks find each other, their cores and settings."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.integration import bridge_ranks as ranks
from tests.integration import slurm
from tests.integration.launching import answers, without_ranks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.conftest import EnvironmentFactory

pytestmark = pytest.mark.slow

SEEN = """\
import json, os, sys
names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "OMP_NUM_THREADS", "VALUE")
seen = [{name: os.environ.get(name) for name in names}, sorted(os.sched_getaffinity(0)), os.getcwd(), sys.argv[1:]]
open(os.environ["RANK"] + ".json", "w").write(json.dumps(seen))
os.write(1, f"rank {os.environ['RANK']} was here\\n".encode())
sys.exit(int(sys.argv[2]) if os.environ["RANK"] == "1" else 0)
"""


@pytest.fixture(scope="module")
def one_node() -> Iterator[slurm.Slurm]:
    reason = slurm.why_not()
    if reason:
        pytest.skip(reason)
    with slurm.cluster() as found:
        yield found


def submit(one_node: slurm.Slurm, folder: Path, python: Path, *words: str) -> tuple[int, str]:
    """Have the command write a script, wait for its job, return exit code and output."""
    file, said = folder / "job.sh", folder / "said.txt"
    run = [sys.executable, "-m", "ipexenv", "run", "--emit", "slurm", "--output", str(file), "--python", str(python)]
    asked = ["-n", "2", "-ppn", "2", "--cpus-per-rank", "1", "--time", "10"]
    env = without_ranks(one_node.variables)
    written = subprocess.run(
        [*run, *asked, *words], capture_output=True, text=True, check=False, timeout=300, env=env, cwd=folder
    )
    assert written.returncode == 0, written.stderr
    ended = subprocess.run(
        [slurm.program("sbatch") or "sbatch", "--wait", "--output", str(said), str(file)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=env,
        cwd=folder,
    )
    assert said.exists(), f"{ended.stderr}\n{one_node.said()}"
    return ended.returncode, said.read_text(errors="replace")


def test_two_ranks_train_together(one_node: slurm.Slurm, environment: EnvironmentFactory, tmp_path: Path) -> None:
    script = (str(ranks.PROGRAMS / "launched.py"), str(tmp_path))
    code, said = submit(one_node, tmp_path, environment("native213").python, *script)
    assert code == 0, said
    found = answers(tmp_path)
    assert [(answer["rank"], answer["size"], answer["all"]) for answer in found] == [(0, 2, 3.0), (1, 2, 3.0)]
    assert len({answer["parameters"][0] for answer in found}) == 1
    assert {"RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"} <= set(found[0]["set before"])


def test_ranks_have_their_place_and_settings_and_their_exit_code_comes_through(
    one_node: slurm.Slurm, environment: EnvironmentFactory, tmp_path: Path
) -> None:
    folder = tmp_path / "my folder's"
    folder.mkdir()
    (folder / "seen.py").write_text(SEEN)
    value = "it's $HOME;\n`x`"
    code, said = submit(
        one_node, tmp_path, environment("native213").python, "--workdir", str(folder), "--name", "Seen_1",
        "--memory", "512Mi", "--env", f"VALUE={value}", "seen.py", value, "7",
    )  # fmt: skip
    assert code == 7, said
    assert "1: rank 1 was here" in said
    places = []
    for rank in range(2):
        env, cpus, where, argv = json.loads((folder / f"{rank}.json").read_text())
        assert env == {
            "RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": "2",
            "OMP_NUM_THREADS": "1", "VALUE": value,
        }  # fmt: skip
        assert (where, argv) == (str(folder), [value, "7"])
        places.append(cpus)
    bound = all(len(cpus) == 1 for cpus in places) and places[0] != places[1]
    assert bound or "ranks are not bound" in said  # the node is not only Slurm's
