"""Addresses and interfaces that are proven; pairs of hosts that do not reach each other."""

from __future__ import annotations

from typing import Any

import pytest

from ipexenv.errors import OutsideError
from ipexenv.launch.asking import Asked
from ipexenv.launch.reaching import ALL_PAIRS, Ways, _order, judge_ways
from ipexenv.launch.ssh import Unreached
from ipexenv.launch.survey import Surveyed

GOOD = "10.0.0.{}"
DEAD = "10.9.{}.1"


def host(number: int) -> Surveyed:
    addresses = (DEAD.format(number), GOOD.format(number))
    links = (("aaa0", addresses[0]), ("eth0", addresses[1]))
    return Surveyed(name=f"n{number}", addresses=addresses, links=links, port=4000 + number)


def told(number: int, *peers: int, **failed: dict[str, str]) -> Asked:
    reached = {f"n{peer}": [[GOOD.format(peer), GOOD.format(number), "eth0"]] for peer in peers}
    return Asked(told={"reached": reached, "failed": failed, "heard": []})


def judge(*answers: Asked, wanted: str | None = None) -> Ways:
    hosts = [host(number) for number in range(1, len(answers) + 1)]
    rows: dict[str, Any] = _order(hosts, wanted)["hosts"]
    return judge_ways(hosts, dict(zip(rows, answers, strict=True)), rows, wanted)


def test_the_address_that_all_reach_is_the_meeting_place() -> None:
    ways = judge(told(1, 2, 3), told(2, 1, 3), told(3, 1, 2))
    assert ways == Ways(address="10.0.0.1", interfaces={"n1": "eth0", "n2": "eth0", "n3": "eth0"})


def test_pairs_that_do_not_reach_each_other_are_named() -> None:
    with pytest.raises(OutsideError, match="the hosts do not reach each other") as caught:
        judge(told(1, 2), told(2, n1={"10.9.1.1": "no answer", "10.0.0.1": "Connection refused"}))
    assert caught.value.causes == ("n2 does not reach n1 at 10.9.1.1 (no answer), 10.0.0.1 (Connection refused)",)


def test_a_host_that_says_nothing_is_named() -> None:
    silent = Asked(told=None, problem=Unreached(code="x", cause="it did not answer in time", hint=""))
    with pytest.raises(OutsideError) as caught:
        judge(told(1, 2), silent)
    assert caught.value.causes == ("n2: it did not answer in time",)


def test_an_address_that_the_user_names_is_the_only_one_tried() -> None:
    hosts = [host(1), host(2)]
    assert _order(hosts, "10.5.5.5")["hosts"]["n2"]["peers"] == {"n1": [["10.5.5.5"], 4001]}


def test_no_address_is_common() -> None:
    odd = Asked(told={"reached": {"n1": [[DEAD.format(1), DEAD.format(3), "aaa0"]], "n2": [["x", "y", "z"]]},
                      "failed": {}, "heard": []})  # fmt: skip
    with pytest.raises(OutsideError) as caught:
        judge(told(1, 2, 3), told(2, 1, 3), odd)
    assert caught.value.causes == ("no address of n1 is reached by all others, of 10.9.1.1, 10.0.0.1",)


def test_many_hosts_try_the_first_and_the_next() -> None:
    hosts = [host(number) for number in range(ALL_PAIRS + 1)]
    rows = _order(hosts, None)["hosts"]
    assert list(rows["n5"]["peers"]) == ["n0", "n6"]
    assert list(rows["n0"]["peers"]) == ["n1"]
    assert rows["n6"]["expected"] == ["n5"]
    assert len(rows["n0"]["expected"]) == ALL_PAIRS
