"""All hosts of an allocation are asked by one srun; who is silent is named."""

from __future__ import annotations

import json
import zlib

from ipexenv.launch.asking import ask_hosts
from tests.fakes import FakeRunner, finished
from tests.unit.launch.test_frames import frame
from tests.unit.launch.test_start import order_in, world

MODULES = ("_target_telling", "_target_place", "_target_reach")


def said(number: int) -> str:
    return frame(number, 0, "a", zlib.compress(json.dumps({"host": number}).encode()))


def test_one_srun_asks_all() -> None:
    runner = FakeRunner(endings=[(("srun",), finished(stdout=said(1) + said(0)))])
    outside, _ = world(runner=runner)
    asked = ask_hosts(outside, ["a", "b"], "/p", MODULES, {"hosts": ["a", "b"]}, srun="/s/srun")
    assert [answer.told for answer in asked] == [{"host": 0}, {"host": 1}]
    assert " ".join(runner.calls[0]).startswith("/s/srun -N 2 -n 2 -w a,b --ntasks-per-node 1 ")
    assert order_in(runner.calls[0][-1]) == {"hosts": ["a", "b"], "own": None}


def test_a_node_that_says_nothing_is_a_problem() -> None:
    ending = finished(1, stdout=said(0), stderr="srun: error: b: task 1: Exited\n")
    outside, _ = world(runner=FakeRunner(endings=[(("srun",), ending)]))
    _, silent = ask_hosts(outside, ["a", "b"], "/p", MODULES, {}, srun="/s/srun")
    assert silent.problem is not None
    assert silent.problem.cause == "srun started nothing there: exit code 1, srun: error: b: task 1: Exited"
    assert silent.problem.hint == "try `srun --overlap -w b true`"
