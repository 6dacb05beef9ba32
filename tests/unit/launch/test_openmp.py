from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ipexenv.launch.openmp import binding_settings, positive, runtime_notes, runtime_settings

if TYPE_CHECKING:
    from ipexenv.launch.setting import OpenMp


@pytest.mark.parametrize(
    ("runtime", "names"),
    [("gnu", ["OMP_SCHEDULE"]), ("intel", ["KMP_BLOCKTIME"]), ("llvm", ["KMP_BLOCKTIME"]), (None, [])],
)
def test_each_runtime_has_its_own_variables(runtime: OpenMp | None, names: list[str]) -> None:
    assert [setting.name for setting in runtime_settings(runtime)] == names


def test_gnu_threads_are_never_tied_to_cpus() -> None:
    assert binding_settings("gnu", (0, 1), threads=2, whole=True) == ()


def test_intels_threads_go_where_the_rank_computes() -> None:
    (compact,) = binding_settings("intel", (4, 5), threads=2, whole=True)
    assert (compact.name, compact.value) == ("KMP_AFFINITY", "granularity=fine,compact,1,0")
    (listed,) = binding_settings("intel", (4, 6), threads=2, whole=False)
    assert listed.value == "granularity=fine,proclist=[4,6],explicit"


@pytest.mark.parametrize("threads", [1, 3])
def test_a_single_thread_or_too_many_are_left_alone(threads: int) -> None:
    assert binding_settings("intel", (4, 5), threads=threads, whole=True) == ()


@pytest.mark.parametrize(
    ("text", "number"),
    [("4", 4), ("4,2", 4), (" 8 ", 8), ("0", None), ("-1", None), ("x", None), ("9" * 20, None), ("", None)],
)
def test_numbers_of_the_user(text: str, number: int | None) -> None:
    assert positive({"OMP_NUM_THREADS": text}, "OMP_NUM_THREADS") == number


@pytest.mark.parametrize(
    ("runtime", "own", "warned"),
    [
        ("gnu", {}, False),
        ("gnu", {"OMP_PROC_BIND": "close"}, True),
        ("gnu", {"OMP_PROC_BIND": "FALSE"}, False),
        ("gnu", {"OMP_PLACES": "cores"}, True),
        ("gnu", {"GOMP_CPU_AFFINITY": "0-3"}, True),
        ("gnu", {"OMP_PLACES": "cores", "OMP_PROC_BIND": "false"}, False),
        ("intel", {"OMP_PROC_BIND": "close"}, False),
    ],
)
def test_threads_that_the_user_ties_are_warned_of(runtime: OpenMp, own: dict[str, str], *, warned: bool) -> None:
    assert bool(runtime_notes(runtime, own)) is warned
