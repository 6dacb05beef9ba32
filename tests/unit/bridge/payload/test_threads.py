"""torch's arithmetic stays on the thread that asks for it, and the thread gets back what it had."""

from __future__ import annotations

import ctypes
import importlib
import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "ipexenv.bridge.payload.ipexenv_oneccl_bridge.threads"
TORCH_S_OWN = "/torch/lib/libtorch_cpu.so"
MANY, FEW = 32769, 32768


class OpenMP:
    """Stands for an OpenMP that may be the one that torch asks."""

    def __init__(self, threads: int = 4) -> None:
        self.threads = threads
        self.asked: list[int] = []

    @property
    def omp_set_num_threads(self) -> Any:
        """Return a function that takes attributes, as ctypes' do."""

        def put(count: int) -> None:
            self.threads = count
            self.asked.append(count)

        return put


class Process:
    """A process with torch and OpenMP libraries: one that everybody sees, and the one beside torch."""

    def __init__(self, patch: pytest.MonkeyPatch, *, everybody_s: object, beside_torch: object, obeyed: OpenMP) -> None:
        torch: Any = ModuleType("torch")
        torch.__file__ = "/torch/__init__.py"
        torch.get_num_threads = lambda: obeyed.threads
        patch.setitem(sys.modules, "torch", torch)
        libraries = {None: everybody_s, TORCH_S_OWN: beside_torch}

        def load(path: str | None) -> object:
            if libraries[path] is None:
                raise OSError(path)
            return libraries[path]

        patch.setattr(ctypes, "PyDLL", load)
        patch.delitem(sys.modules, NAME, raising=False)
        self.threads: Any = importlib.import_module(NAME)


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """Leave no module behind that holds a stand-in for torch."""
    yield
    sys.modules.pop(NAME, None)


def steps(openmp: OpenMP, seen: list[int]) -> Iterator[None]:
    """Do something in two steps, each of which sees how many threads it may use."""
    seen.append(openmp.threads)
    yield
    seen.append(openmp.threads)


def test_the_openmp_that_torch_obeys_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    first, own = OpenMP(), OpenMP()
    process = Process(monkeypatch, everybody_s=first, beside_torch=own, obeyed=own)
    process.threads.set_here(1)
    assert own.threads == 1
    assert first.asked[-1] == 4, "the other one is left as it was"


def test_it_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    openmp = OpenMP()
    process = Process(monkeypatch, everybody_s=openmp, beside_torch=None, obeyed=openmp)
    process.threads.set_here(1)
    found = len(openmp.asked)
    process.threads.set_here(4)
    assert openmp.asked[found:] == [4]


@pytest.mark.parametrize("there", [None, SimpleNamespace()], ids=["no library", "no OpenMP in it"])
def test_a_torch_without_openmp_is_left_alone(monkeypatch: pytest.MonkeyPatch, there: object) -> None:
    openmp = OpenMP()
    process = Process(monkeypatch, everybody_s=there, beside_torch=there, obeyed=openmp)
    process.threads.set_here(1)
    assert openmp.asked == []


def test_every_step_has_one_thread_and_the_program_between_them_what_it_had(monkeypatch: pytest.MonkeyPatch) -> None:
    openmp, seen = OpenMP(), list[int]()
    process = Process(monkeypatch, everybody_s=openmp, beside_torch=None, obeyed=openmp)
    between = [openmp.threads for _ in process.threads.on_one_thread(steps(openmp, seen), MANY)]
    assert (seen, between, openmp.threads) == ([1, 1], [4], 4)


def test_a_step_that_fails_gives_the_threads_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing() -> Iterator[None]:
        yield
        raise KeyboardInterrupt

    openmp = OpenMP()
    process = Process(monkeypatch, everybody_s=openmp, beside_torch=None, obeyed=openmp)
    with pytest.raises(KeyboardInterrupt):
        list(process.threads.on_one_thread(failing(), MANY))
    assert openmp.threads == 4


@pytest.mark.parametrize(("threads", "count"), [(4, FEW), (1, MANY)], ids=["few elements", "one thread anyway"])
def test_nothing_is_asked_where_torch_uses_one_thread(
    monkeypatch: pytest.MonkeyPatch, threads: int, count: int
) -> None:
    openmp, seen = OpenMP(threads), list[int]()
    process = Process(monkeypatch, everybody_s=openmp, beside_torch=None, obeyed=openmp)
    list(process.threads.on_one_thread(steps(openmp, seen), count))
    assert (seen, openmp.asked) == ([threads, threads], [])
