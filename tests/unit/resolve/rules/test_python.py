"""Rules about the target's Python."""

from __future__ import annotations

from ipexenv.outcome import Request
from ipexenv.resolve.rules import python
from ipexenv.resolve.situation import Situation
from tests.unit.resolve.builders import IPEX, bindings, here, ipex, market, offer, situation, tables, torch

WIDE = ipex("2.8.0", python=["3.9", "3.10", "3.11", "3.12", "3.13"])


def test_a_python_without_a_wheel_is_named_with_those_that_have_one() -> None:
    assert python.python(WIDE, situation(here(python="3.13.1"))) is None
    rejection = python.python(WIDE, situation(here(python="3.14.0")))
    assert rejection is not None
    assert rejection.reason == "has wheels for Python 3.9 to 3.13, and the target is Python 3.14"


def test_the_tenth_minor_is_not_the_first() -> None:
    assert python.python(ipex("2.8.0", python=["3.1"]), situation(here(python="3.10.0"))) is not None


def test_a_file_that_a_source_really_offers_says_more_than_the_table() -> None:
    there = here(python="3.12.1")
    found = offer("oneccl_bind_pt", "2.5.0+cpu", "cp312-cp312-linux_x86_64", source="intel-us")
    release = next(row for row in tables().oneccl if str(row.version) == "2.5.0")
    assert python.python(release, situation(there)) is not None
    assert python.python(release, Situation.of(there, Request(), tables(), market(found))) is None


def test_a_file_for_another_python_proves_nothing() -> None:
    there = here(python="3.14.0")
    found = Situation.of(there, Request(), tables(), market(offer(IPEX, "2.8.0")))
    assert python.python(WIDE, found) is not None


def test_other_implementations_have_no_wheels() -> None:
    rejection = python.implementation(WIDE, situation(here(implementation="pypy")))
    assert rejection is not None
    assert rejection.reason == "has wheels for CPython, and the target is pypy"


def test_free_threaded_python_is_for_torch_alone() -> None:
    there = situation(here(python="3.13.0", free_threaded=True))
    rejection = python.free_threaded(WIDE, there)
    assert rejection is not None
    assert "Python 3.13t" in rejection.reason
    assert python.free_threaded(bindings("2.7.0"), there) is not None
    assert python.free_threaded(torch("2.8.0"), there) is None
