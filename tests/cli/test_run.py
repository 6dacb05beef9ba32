"""`ipexenv run`: what is printed and how it ends, over ranks that never run."""

from __future__ import annotations

import json
import signal
import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from ipexenv import cli
from ipexenv.system.world import World
from tests.fakes import FakeKernel, FakeRunner, facts, finished
from tests.unit.launch.test_frames import ending, frame
from tests.unit.launch.test_start import SEEN, FakeNetwork

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from ipexenv.system.group import Program
    from ipexenv.system.runner import Finished

    Said = tuple[int, str, str]
    Say = Callable[..., Said]


@dataclass
class FakeRanks:
    """A launcher that prints what it is told, or is interrupted."""

    said: str = ""
    returncode: int = 0
    interrupts: type[BaseException] | None = None
    programs: list[Program] = field(default_factory=list)
    failed: list[bool] = field(default_factory=list)

    def run_together(self, programs: Sequence[Program], *, timeout_s: float) -> tuple[Finished, ...]:
        (program,) = self.programs = list(programs)
        assert program.is_failure is not None
        self.failed = [program.is_failure(line) for line in self.said.splitlines()]
        if self.interrupts is not None:
            raise self.interrupts
        return (finished(self.returncode, stdout=self.said),)


@dataclass
class FakeForeground:
    """A terminal in which a program ends with a code."""

    code: int = 0
    argv: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)

    def run(self, argv: Sequence[str], *, env: Mapping[str, str], first_act: Callable[[], None]) -> int:
        self.argv, self.env = argv, env
        return self.code


def survey(number: int = 0, **seen: Any) -> Finished:
    told = {**SEEN, "openmp": "gnu", "links": [["eth0", f"10.0.0.{number}"]], **seen}
    return finished(stdout=frame(number, 0, "a", zlib.compress(json.dumps(told).encode())))


@dataclass
class Stage:
    """Everything around one call."""

    ranks: FakeRanks = field(default_factory=FakeRanks)
    foreground: FakeForeground = field(default_factory=FakeForeground)
    there: Finished = field(default_factory=lambda: survey(1))
    env: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run `ipexenv run` with words; return exit code, stdout and stderr."""
    monkeypatch.setattr("ipexenv.commands.run.probe", lambda _world, _choice, libraries: facts(torch="2.8.0"))
    (tmp_path / "train.py").touch()
    (tmp_path / "bin").mkdir()
    for name in ("mpirun", "ssh"):
        (tmp_path / "bin" / name).touch(mode=0o755)

    def run(*words: str, stage: Stage | None = None) -> Said:
        stage = stage or Stage()
        runner = FakeRunner(
            endings=[
                (("mpirun --version",), finished(stdout="Intel(R) MPI Library")),
                (("-- there",), stage.there),
                (("/env/bin/python",), survey()),
            ]
        )
        world = World(
            runner=runner,
            group=stage.ranks,
            foreground=stage.foreground,
            network=FakeNetwork(),
            kernel=FakeKernel(),
            env={"PATH": str(tmp_path / "bin"), **stage.env},
            root=tmp_path,
            directory=tmp_path,
        )
        code = cli.main(["run", *words], world=world)
        out, err = capsys.readouterr()
        return code, out.replace(str(tmp_path), "TMP"), err.replace(str(tmp_path), "TMP")

    return run


def test_one_rank_has_the_terminal(say: Say) -> None:
    stage = Stage(foreground=FakeForeground(code=-signal.SIGSEGV))
    assert say("--env", "A=b", "train.py", "--json", stage=stage) == (
        139,
        "",
        (
            "starting 1 rank on this machine with no launcher\n"
            "error: the script failed: SIGSEGV (11), a crash in compiled code [rank-failed]\n"
        ),
    )
    assert stage.foreground.argv == ("/env/bin/python", "train.py", "--json")
    told = {name: stage.foreground.env[name] for name in ("A", "RANK", "WORLD_SIZE", "OMP_NUM_THREADS", "MASTER_PORT")}
    assert told == {"A": "b", "RANK": "0", "WORLD_SIZE": "1", "OMP_NUM_THREADS": "2", "MASTER_PORT": "4000"}


def test_lines_of_ranks_bear_their_number(say: Say) -> None:
    said = "banner\n" + frame(0, 0, "o", b"one\ntwo") + frame(1, 0, "e", b"three\n") + ending(0, 1) + ending(1, 1)
    stage = Stage(ranks=FakeRanks(said=said))
    assert say("-n", "2", "train.py", stage=stage) == (
        0,
        "[0] one\n[0] two\n",
        "starting 2 ranks on this machine with TMP/bin/mpirun (Hydra)\nbanner\n[1] three\n",
    )
    assert stage.ranks.programs[0].argv[0].endswith("/mpirun")


def test_the_first_rank_that_fails_is_named_and_its_code_comes_through(say: Say) -> None:
    said = frame(1, 0, "e", b"no space\n") + ending(1, 1, 7) + ending(0, 0, -15, ended=True)
    code, out, err = say("-q", "-n", "2", "train.py", stage=Stage(ranks=FakeRanks(said=said, returncode=255)))
    assert (code, out) == (7, "")
    assert err == (
        "[1] no space\n"
        "error: rank 1 on localhost failed first, and the others were ended: exit code 7 [rank-failed]\n"
        "  because rank 1 on localhost said: no space\n"
    )


def test_a_launcher_that_starts_nothing_is_explained(say: Say) -> None:
    stage = Stage(ranks=FakeRanks(said="Error: Unable to run bstrap_proxy on n7 (pid 1)", returncode=255))
    code, _, err = say("-q", "-n", "2", "train.py", stage=stage)
    assert code == 255
    assert "error: mpirun could not start the ranks [unreachable]\n  because n7: " in err


def test_ranks_of_which_nothing_more_is_heard(say: Say) -> None:
    stage = Stage(ranks=FakeRanks(said=ending(0, 0), returncode=0))
    code, _, err = say("-q", "-n", "2", "train.py", stage=stage)
    assert code == 1
    assert (
        "error: mpirun ended with exit code 0 [launcher-failed]\n  because nothing more was heard of rank(s) 1" in err
    )


def test_late_ranks_are_named(say: Say) -> None:
    told = {"stage": "joining", "moving": False, "for_s": 9, "position": ["File a, line 1", "File b, line 2"]}
    said = frame(0, 0, "w", json.dumps(told).encode()) + frame(1, 0, "w", json.dumps(told).encode())
    stage = Stage(ranks=FakeRanks(said=said, returncode=255))
    code, _, err = say("-q", "-n", "2", "--start-timeout", "5", "train.py", stage=stage)
    assert code == 1
    assert "error: 2 of 2 ranks did not get through their first collective within 5 s" in err
    assert "because rank 0 on localhost: it waits in init_process_group, for 9 s, at File a, line 1\n" in err
    assert "because rank 1 called from File b, line 2\n" in err


@pytest.mark.parametrize("signal_of", [KeyboardInterrupt, SystemExit])
def test_an_interruption_is_130(say: Say, signal_of: type[BaseException]) -> None:
    stage = Stage(ranks=FakeRanks(interrupts=signal_of))
    code, _, err = say("-q", "-n", "2", "train.py", stage=stage)
    assert (code, err) == (130, "interrupted\n")


def test_json_tells_all_and_ranks_speak_to_stderr(say: Say) -> None:
    said = frame(0, 0, "o", b"hello\n") + ending(0, 1, host="vm")
    code, out, err = say("--json", "-q", "train.py", stage=Stage(ranks=FakeRanks(said=said)))
    data = json.loads(out)["data"]
    assert (code, err, data["launcher"], data["world_size"]) == (0, "hello\n", "none", 1)
    assert data["ranks"] == [{"rank": 0, "host": "vm", "returncode": 0, "ended": False}]
    assert data["master"] == {"address": "127.0.0.1", "port": 4000}


def test_output_goes_to_files(say: Say, tmp_path: Path) -> None:
    said = frame(0, 0, "o", b"10%\r100%\n") + frame(0, 1, "e", b"oh") + ending(0, 2)
    assert say("-q", "--log-dir", "logs", "train.py", stage=Stage(ranks=FakeRanks(said=said))) == (0, "", "")
    found = {path.name: path.read_bytes() for path in (tmp_path / "logs").iterdir()}
    assert found == {"rank-0.out": b"10%\r100%\n", "rank-0.err": b"oh"}


def test_two_hosts_meet_where_they_reach_each_other(say: Say) -> None:
    code, out, err = say("--hosts", "here,there", "-ppn", "1", "--dry-run", "--explain", "train.py")
    assert code == 0, err
    assert err.startswith("looking at here, there\n")
    assert "# there: rank 1\n#   OMP_NUM_THREADS=" in out
    assert "\nexport MASTER_ADDR=10.0.0.1\nexport MASTER_PORT=4000\n" in out
    assert "\nexport GLOO_SOCKET_IFNAME=eth0\n" in out


def test_a_host_with_another_torch_is_refused(say: Say) -> None:
    code, out, err = say("--hosts", "here,there", "train.py", stage=Stage(there=survey(1, torch="2.7.0")))
    assert (code, out) == (1, "")
    assert err.startswith(
        "looking at here, there\n"
        "error: the hosts have unlike environments [hosts-differ]\n"
        "  because torch: 2.8.0 on here, 2.7.0 on there\n"
    )


def test_smaller_differences_are_warnings(say: Say) -> None:
    there = survey(1, versions={"numpy": "1.26.4"})
    said = ending(0, 0) + ending(1, 0)
    code, _, err = say(
        "--hosts", "here,there", "-ppn", "1", "train.py", stage=Stage(there=there, ranks=FakeRanks(said=said))
    )
    assert code == 0, err
    assert "warning: the hosts differ: numpy: none on here, 1.26.4 on there\n" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nothing to run is named"),
        (("nowhere.py",), "there is no file nowhere.py in TMP"),
        (("-n", "0", "train.py"), "-n 0 is not a number from 1 to 4096"),
        (("-ppn", "9999", "train.py"), "-ppn 9999 is not a number from 1 to 4096"),
        (("--master-port", "70000", "train.py"), "--master-port 70000 is not a number from 1 to 65535"),
        (("--start-timeout", "-1", "train.py"), "--start-timeout -1 is not a time in seconds"),
        (("--env", "A", "train.py"), "--env 'A' is not NAME=VALUE"),
        (("--hosts", "a,b", "--hostfile", "x", "train.py"), "--hosts and --hostfile name two lists"),
        (("--hostfile", "none", "train.py"), "--hostfile TMP/none cannot be read: No such file or directory"),
        (("--hosts", "a b", "train.py"), "--hosts, line 1: 'b' is not understood, expected `slots=N`"),
        (("--launcher", "none", "-n", "2", "train.py"), "--launcher none starts one rank on this machine, and 2 on 1"),
        (("--launcher", "ssh", "train.py"), "argument --launcher: invalid choice: 'ssh'"),
        (("--hosts", "a:1", "-n", "2", "train.py"), "--nproc 2 does not fit"),
    ],
)
def test_what_cannot_be_is_refused_by_name(say: Say, words: Sequence[str], said: str) -> None:
    code, out, err = say(*words, stage=Stage(there=survey()))
    assert (code, out) == (2, "")
    assert said in err


def test_a_program_that_is_no_script_is_pointed_to_its_spelling(say: Say) -> None:
    code, _, err = say("ssh", "x")
    assert code == 2
    assert "hint: any program is started with `ipexenv run -- ssh x`" in err


def test_tasks_of_slurm_are_ranks(say: Say, tmp_path: Path) -> None:
    (tmp_path / "bin" / "srun").touch(mode=0o755)
    env = {"SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "here", "SLURM_NTASKS": "3", "SLURM_TASKS_PER_NODE": "3"}
    code, out, err = say("--dry-run", "train.py", stage=Stage(env=env))
    assert code == 0, err
    assert "/srun -N 1 -n 3 -w here --ntasks-per-node 3 " in out


def test_a_program_finds_the_targets_programs_first(say: Say) -> None:
    stage = Stage()
    assert say("-q", "--", "accelerate", "env", stage=stage)[0] == 0
    assert stage.foreground.argv == ("accelerate", "env")
    assert stage.foreground.env["PATH"].startswith("/env/bin:")


def test_the_ccl_provider_decides_what_is_set(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    found = facts(torch="2.8.0")
    bound = replace(found, installed=replace(found.installed, bindings=found.installed.torch))
    monkeypatch.setattr("ipexenv.commands.run.probe", lambda _world, _choice, libraries: bound)
    code, out, err = say("--dry-run", "--launcher", "torchrun", "-n", "2", "train.py")
    assert code == 0, err
    assert "\nexport CCL_ATL_TRANSPORT=ofi\n" in out
