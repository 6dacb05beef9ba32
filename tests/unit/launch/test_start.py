"""Finding a launcher, looking at hosts and starting ranks, over programs that never run."""

from __future__ import annotations

import base64
import json
import os
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from ipexenv.errors import OutsideError
from ipexenv.launch.find import choose_launcher
from ipexenv.launch.hostfile import HostEntry
from ipexenv.launch.mpirun import Mpirun
from ipexenv.launch.seats import seat_ranks
from ipexenv.launch.start import Meeting, Order, start_ranks
from ipexenv.launch.survey import Question, survey
from ipexenv.system.world import World
from tests.fakes import FakeRunner, finished
from tests.unit.launch.test_frames import ending, frame

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ipexenv.system.group import Program
    from ipexenv.system.runner import Finished

HYDRA = Mpirun(path="/m/mpirun", flavour="hydra")
SEATS = seat_ranks([HostEntry(name="here"), HostEntry(name="user@there")])
ORDER = Order(
    python="/env/bin/python",
    modules={"a": "x = 1"},
    main="a",
    request={"size": 2},
    env={"PATH": "/bin", "CCL_LOG_LEVEL": "info"},
    limit_s=20,
)
MEETING = Meeting(address="10.0.0.1", port=29500)
SEEN = {
    "hostname": "n",
    "python": "3.11.7",
    "torch": "2.8.0",
    "missing": [],
    "cpus": 2,
    "addresses": ["10.0.0.1"],
    "reached_at": "10.0.0.7",
    "reached": {"here": [["10.0.0.1", "10.0.0.7", "eth0"]], "there": [["10.0.0.7", "10.0.0.1", "eth0"]]},
    "failed": {},
    "port": 4000,
}


class FakeNetwork:
    """A machine that is called ``here``."""

    def is_this_host(self, name: str) -> bool:
        return name in {"here", "localhost"}

    def address_of(self, name: str) -> str | None:
        return {"here": "10.0.0.1"}.get(name)

    def free_port(self) -> int:
        return 29999


@dataclass
class FakeGroup:
    """Ends every group in the same way, and keeps what it was asked for."""

    endings: Sequence[Finished]
    programs: list[Program] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    def run_together(self, programs: Sequence[Program], *, timeout_s: float) -> tuple[Finished, ...]:
        self.programs = list(programs)
        for program in programs:
            if "-f" in program.argv:
                with open(program.argv[program.argv.index("-f") + 1], encoding="utf-8") as file:  # noqa: PTH123
                    self.files.append(file.read())
        return tuple(self.endings)


def world(*endings: Finished, runner: FakeRunner | None = None, **env: str) -> tuple[World, FakeGroup]:
    group = FakeGroup(endings)
    return World(group=group, network=FakeNetwork(), runner=runner or FakeRunner(), env=env), group


def order_in(words: str) -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(words)))
    return whole


def test_over_ssh_this_host_needs_none() -> None:
    outside, group = world(finished(stdout=ending(0, 0)), finished(stdout=frame(1, 0, "a", b"x") + ending(1, 1)))
    launched = start_ranks(outside, ORDER, SEATS, MEETING, None)
    here, there = group.programs
    assert (here.argv[0], here.env) == ("/env/bin/python", ORDER.env)
    assert there.argv[0] == "ssh"
    assert "user@there" in there.argv
    order = order_in(here.argv[-1])
    assert (order["rank"], order["master_address"], order["master_port"]) == (0, "10.0.0.1", 29500)
    assert order["env"] == {"CCL_LOG_LEVEL": "info"}
    assert order["seats"] == [["here", 0, 1], ["user@there", 0, 1]]
    assert [rank.returncode for rank in launched.ranks] == [0, 0]
    assert (launched.ranks[1].answer, launched.unreached) == (b"x", ())


def test_a_host_that_ssh_cannot_reach_is_named() -> None:
    refused = finished(255, stderr="there: Permission denied (publickey).\r\n")
    outside, _ = world(finished(-15), refused)
    launched = start_ranks(outside, ORDER, SEATS, MEETING, None)
    assert ("user@there", "ssh-refused") in [(host, problem.code) for host, problem in launched.unreached]
    assert "Permission denied" in launched.words


def test_over_mpirun_one_program_carries_all_ranks() -> None:
    told = frame(0, 0, "a", b"zero") + ending(1, 0, -9, seconds=0.5) + "banner"
    outside, group = world(finished(255, stdout=told))
    launched = start_ranks(outside, ORDER, SEATS, MEETING, HYDRA)
    (program,) = group.programs
    assert program.argv[:2] == ("/m/mpirun", "-f")
    assert program.env["PATH"] == "/m:/bin"
    assert program.is_failure is not None
    assert group.files == ["here:1\nuser@there:1\n"]
    assert order_in(program.argv[-1])["rank"] is None
    assert [(rank.returncode, rank.ended) for rank in launched.ranks] == [(255, True), (-9, False)]
    assert (launched.ranks[0].answer, launched.words, launched.unreached) == (b"zero", "banner", ())


def test_an_mpirun_that_starts_nothing_says_where() -> None:
    outside, _ = world(finished(255, stderr="Error: Unable to run bstrap_proxy on there (pid 1, exit code 1)"))
    launched = start_ranks(outside, ORDER, SEATS, MEETING, HYDRA)
    assert [(host, problem.code) for host, problem in launched.unreached] == [("there", "unreachable")]


def answer(number: int = 1, **seen: Any) -> Finished:
    return finished(stdout="motd" + frame(number, 0, "a", zlib.compress(json.dumps({**SEEN, **seen}).encode())))


def look(*hosts: str, **answers: Finished) -> list[Any]:
    endings = [(("-- " + name,), told) for name, told in answers.items()]
    runner = FakeRunner(endings=[*endings, (("/env/bin/python",), answer(0))])
    outside, _ = world(runner=runner)
    question = Question(python="/env/bin/python", site_packages=None, modules=("torch",))
    return list(survey(outside, hosts, question))


def test_every_host_is_looked_at() -> None:
    here, there = look("here", "there", there=answer())
    assert (here.local, there.local) == (True, False)
    assert (here.addresses, here.port, here.cpus) == (("10.0.0.1", "10.0.0.7"), 4000, 2)
    assert here.problem is there.problem is None


@pytest.mark.parametrize(
    ("told", "code", "words"),
    [
        (answer(torch=None), "no-torch", "its Python has no torch"),
        (answer(missing=["torch_ccl"]), "not-installed", "no module torch_ccl"),
        (answer(torch="2.7.0"), "another-torch", "it has torch 2.7.0, and here has 2.8.0"),
        (finished(127, stderr="sh: /env/bin/python: not found"), "no-python", "Python does not run there"),
        (finished(-15, timed_out=True), "unreachable", "did not answer in time"),
    ],
)
def test_what_is_wrong_with_a_host_is_said(told: Finished, code: str, words: str) -> None:
    here, there = look("here", "there", there=told)
    assert here.problem is None
    assert there.problem.code == code
    assert words in there.problem.cause


def program(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text("", encoding="utf-8")
    file.chmod(0o755)
    return file


def test_the_targets_mpirun_comes_before_the_one_on_path(tmp_path: Path) -> None:
    own = program(tmp_path / "env", "mpirun")
    other = program(tmp_path / "path", "mpirun")
    program(tmp_path / "path", "ssh")
    path = str(other.parent)
    runner = FakeRunner(
        endings=[
            ((str(own),), finished(stdout="Intel(R) MPI Library")),
            ((str(other),), finished(stdout="mpirun (Open MPI) 4.1.4")),
        ]
    )
    outside, _ = world(runner=runner, PATH=path)
    assert choose_launcher(outside, "auto", [str(own.parent)]) == Mpirun(path=str(own), flavour="hydra")
    assert runner.environments[0] is not None
    assert runner.environments[0]["PATH"] == f"{own.parent}:{path}"
    assert choose_launcher(outside, "auto", []) == Mpirun(path=str(other), flavour="openmpi")
    assert choose_launcher(outside, "ssh", [str(own.parent)]) is None


def test_an_mpirun_that_nobody_knows_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path, "mpirun")
    program(tmp_path, "ssh")
    outside, _ = world(runner=FakeRunner(endings=[(("mpirun",), finished(1))]), PATH=str(tmp_path))
    assert choose_launcher(outside, "auto", []) is None
    with pytest.raises(OutsideError, match="there is no mpirun") as caught:
        choose_launcher(outside, "mpirun", ["/env/bin"])
    assert caught.value.hint is not None
    assert "--mpi" in caught.value.hint


def test_no_launcher_at_all(tmp_path: Path) -> None:
    outside, _ = world(PATH=os.pathsep.join([str(tmp_path)]))
    with pytest.raises(OutsideError, match="neither an mpirun nor ssh"):
        choose_launcher(outside, "auto", [])
