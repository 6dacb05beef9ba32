"""What must be the same everywhere, and what is too little."""

from __future__ import annotations

import pytest

from ipexenv.errors import AnswerIsNo, OutsideError
from ipexenv.launch.preflight import differences, refuse_differences, refuse_problems, shortages
from ipexenv.launch.ssh import Unreached
from ipexenv.launch.survey import Surveyed

ONE = Surveyed(name="one", torch="2.8.0+cpu", python="3.11.7", versions={"numpy": "1.26.4"})
TWO = Surveyed(name="two", torch="2.8.0+cpu", python="3.11.7", versions={"numpy": "2.1.0", "accelerate": "1.7.0"})
THREE = Surveyed(name="three", torch="2.7.0+cpu", python="3.11.7", versions={"numpy": "1.26.4"})


def test_other_differences_are_words() -> None:
    found = differences([ONE, TWO])
    assert [difference.words for difference in found] == [
        "accelerate: none on one, 1.7.0 on two",
        "numpy: 1.26.4 on one, 2.1.0 on two",
    ]
    refuse_differences(found)


def test_another_torch_is_refused_and_comes_first() -> None:
    found = differences([ONE, TWO, THREE])
    with pytest.raises(AnswerIsNo) as caught:
        refuse_differences(found)
    assert caught.value.causes[0] == "torch: 2.8.0+cpu on one, 2.8.0+cpu on two, 2.7.0+cpu on three"
    assert len(caught.value.causes) == 3
    assert caught.value.data is not None
    assert caught.value.data["differences"]["torch"]["three"] == "2.7.0+cpu"


def test_every_host_with_a_problem_is_named() -> None:
    lost = Surveyed(name="lost", problem=Unreached(code="unreachable", cause="no route", hint="try"))
    with pytest.raises(OutsideError, match="1 of 2 hosts cannot take part") as caught:
        refuse_problems([ONE, lost])
    assert (caught.value.code, caught.value.causes, caught.value.hint) == ("unreachable", ("lost: no route",), "try")


def test_a_script_that_is_missing_is_named() -> None:
    with pytest.raises(OutsideError) as caught:
        refuse_problems([ONE, Surveyed(name="bare", absent=("/shared/train.py",))])
    assert caught.value.causes == ("bare has no /shared/train.py",)


def test_shortages_are_words() -> None:
    small = Surveyed(name="small", open_files=1024, told={"topology": {"shm_bytes": 64 << 20}})
    shm, files = shortages([ONE, small], {"one": 1, "small": 2})
    assert shm.startswith("the shared memory of small (/dev/shm) has 64 MiB for 2 rank(s); ")
    assert files.startswith("a process on small may open 1024 files, ")
    assert shortages([Surveyed(name="free", open_files=-1)], {}) == ()
