from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement

from ipexenv.install.seeds import seeds_of
from ipexenv.system.runner import SubprocessRunner
from tests.fakes import FakeRunner, finished
from tests.wheels import build_wheel

if TYPE_CHECKING:
    from pathlib import Path

    from ipexenv.system.world import World


def test_this_python_brings_pip(world: World) -> None:
    pytest.importorskip("ensurepip", reason="this Python comes without ensurepip")
    seeds = seeds_of(None, replace(world, runner=SubprocessRunner()))
    expected = {"pip"} if sys.version_info >= (3, 12) else {"pip", "setuptools"}
    assert {seed.project for seed in seeds} in (expected, set())  # some distributions keep several of each


def test_a_seed_is_named_by_version_and_hash(world: World, tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "pip", "24.0")
    runner = FakeRunner([(("_target_bundled.py",), finished(answer=json.dumps([str(wheel)]).encode()))])
    (seed,) = seeds_of("/base/python", replace(world, runner=runner))
    assert (seed.project, seed.folder) == ("pip", str(tmp_path))
    requirement, _, digest = seed.requirement.partition(" --hash=sha256:")
    assert (str(Requirement(requirement)), len(digest)) == ("pip==24.0", 64)
    assert runner.calls[0][0] == "/base/python"


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b"[1]", b'["/nowhere/pip-1.0-py3-none-any.whl"]', b'["/x"]'])
def test_a_python_that_names_none_gets_none(world: World, answer: bytes) -> None:
    runner = FakeRunner([(("_target_bundled.py",), finished(answer=answer))])
    assert seeds_of(None, replace(world, runner=runner)) == ()
