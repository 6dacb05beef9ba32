"""Commands that are called in this process answer as they do on the command line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ipexenv.ci import calling
from ipexenv.ci.calling import call
from ipexenv.events import ignore
from ipexenv.system.world import World

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

REMOTE = ("--offline", "--target-python=3.11", "--platform=linux_x86_64", "--glibc=2.36")


def test_an_answer_is_the_envelope(tmp_path: Path) -> None:
    told = call(("resolve", "--torch=2.8", "--ccl=none", *REMOTE), World(directory=tmp_path), ignore)
    assert (told["command"], told["status"], told["exit_code"]) == ("resolve", "ok", 0)
    assert told["data"]["torch"] == "2.8.0"


def test_a_no_and_a_usage_error_are_answers(tmp_path: Path) -> None:
    told = call(("resolve", "--torch=0.1", *REMOTE), World(directory=tmp_path, env={}), ignore)
    assert (told["exit_code"], told["problems"][0]["code"]) == (1, "no-compatible-release")
    told = call(("resolve", "--torch"), World(directory=tmp_path, env={}), ignore)
    assert (told["exit_code"], told["problems"][0]["code"]) == (2, "usage")
    world = World(directory=tmp_path, env={"XDG_CACHE_HOME": str(tmp_path)})
    told = call(("status", "--python=/none/python"), world, ignore)
    assert (told["exit_code"], told["problems"][0]["code"]) == (3, "target-missing")


def test_without_what_explains_it_a_failure_is_told_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_arguments: object) -> None:
        raise ImportError("re2")

    monkeypatch.setattr(calling, "afterword", missing)
    told = call(("verify", f"--python={sys.executable}", "--timeout=1"), World(directory=tmp_path), ignore)
    assert told["exit_code"] == 1
    assert told["problems"][0]["code"] == "check-failed"
