"""Importing what is installed, each in a child: the order, the environment, and who is to blame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.doctor.children import import_alone
from ipexenv.events import ignore
from ipexenv.system.world import World
from tests.fakes import FakeRunner, finished
from tests.unit.doctor.surroundings import facts, package

if TYPE_CHECKING:
    from pathlib import Path

    from ipexenv.system.runner import Finished

WORKS = finished(answer=b"done")


def imported(folder: Path, *endings: tuple[str, Finished]) -> tuple[FakeRunner, list[tuple[str, bool]]]:
    runner = FakeRunner(endings=[((f"import os, {modules};",), ended) for modules, ended in endings])
    world = World(runner=runner, env={"LD_PRELOAD": "/x.so"}, directory=folder)
    there = facts(
        ipex=package("intel_extension_for_pytorch", "2.7.0"),
        bindings=package("oneccl_bind_pt", "2.7.0"),
        numpy=package("numpy", "2.1.0"),
        target={"executable": "/venv/bin/python"},
    )
    return runner, [(child.name, child.came_back) for child in import_alone(world, there, ignore)]


def test_where_all_works_one_child_imports_the_whole_stack(tmp_path: Path) -> None:
    whole = "torch, intel_extension_for_pytorch, oneccl_bindings_for_pytorch"
    runner, told = imported(tmp_path, (whole, WORKS), ("numpy", WORKS))
    assert told == [("oneccl_bindings_for_pytorch", True), ("numpy", True)]
    assert runner.calls[0][:3] == ("/venv/bin/python", "-u", "-c")


def test_the_children_get_what_a_script_of_the_user_would_get(tmp_path: Path) -> None:
    runner, _ = imported(
        tmp_path, ("torch, intel_extension_for_pytorch, oneccl_bindings_for_pytorch", WORKS), ("numpy", WORKS)
    )
    assert runner.environments == [{"LD_PRELOAD": "/x.so", "PYTHONUNBUFFERED": "1"}] * 2


def test_where_it_does_not_each_part_is_tried_alone(tmp_path: Path) -> None:
    _, told = imported(
        tmp_path,
        ("torch, intel_extension_for_pytorch, oneccl_bindings_for_pytorch", finished(-6)),
        ("torch, intel_extension_for_pytorch", WORKS),
        ("torch", WORKS),
        ("numpy", WORKS),
    )
    assert told == [
        ("torch", True),
        ("intel_extension_for_pytorch", True),
        ("oneccl_bindings_for_pytorch", False),
        ("numpy", True),
    ]


def test_after_the_first_that_fails_nothing_is_tried_that_stands_on_it(tmp_path: Path) -> None:
    runner, told = imported(
        tmp_path,
        ("torch, intel_extension_for_pytorch, oneccl_bindings_for_pytorch", finished(1)),
        ("torch", finished(1)),
        ("numpy", WORKS),
    )
    assert told == [("torch", False), ("oneccl_bindings_for_pytorch", False), ("numpy", True)]
    assert len(runner.calls) == 3


def test_without_torch_nothing_of_its_stack_is_tried(tmp_path: Path) -> None:
    world = World(runner=FakeRunner(endings=[(("numpy",), WORKS)]), directory=tmp_path)
    (child,) = import_alone(world, facts(torch=None, numpy=package("numpy", "2.1.0")), ignore)
    assert (child.name, child.command) == ("numpy", 'python3 -c "import numpy"')
