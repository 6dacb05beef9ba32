"""`doctor --fix`: what it carries out, what it leaves to a person, and what it says of both."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import pytest

from ipexenv.commands import install
from ipexenv.doctor.examine import examine
from ipexenv.doctor.finding import Finding
from ipexenv.doctor.fixing import Repair, accounted, fix
from ipexenv.errors import AnswerIsNo, OutsideError
from ipexenv.events import ignore
from ipexenv.system.world import World
from ipexenv.tables.load import load_tables
from tests.unit.doctor.surroundings import facts, package, surroundings, torch

if TYPE_CHECKING:
    from pathlib import Path

    from ipexenv.events import Listener

OPTIONS = argparse.Namespace(json=False, quiet=True, verbose=0, tables="tables", python=None, venv=None)
BROKEN = Finding(id="torch", severity="error", summary="x", install=("--venv", "env", "--ccl", "none"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[argparse.Namespace]:
    """Collect what `install` is asked for."""
    calls: list[argparse.Namespace] = []

    def run(options: argparse.Namespace, _world: World, _listen: Listener) -> None:
        calls.append(options)

    monkeypatch.setattr(install, "run", run)
    return calls


def test_install_is_asked_once_with_the_options_of_doctor(asked: list[argparse.Namespace], tmp_path: Path) -> None:
    world = World(directory=tmp_path, env={"IPEXENV_ALLOW_TORCH_CHANGE": "1", "IPEXENV_ENGINE": "pip"})
    repair = fix([BROKEN, BROKEN], OPTIONS, world, ignore)
    assert repair.command == "ipexenv install --venv env --ccl none"
    (wanted,) = asked
    assert (wanted.venv, wanted.ccl, wanted.tables, wanted.quiet, wanted.engine) == (
        "env",
        "none",
        "tables",
        True,
        "pip",
    )
    assert (wanted.allow_torch_change, wanted.allow_yanked) == (False, False)


def test_where_nothing_can_be_repaired_nothing_is_done(asked: list[argparse.Namespace], tmp_path: Path) -> None:
    left = Finding(id="path-missing", severity="error", summary="x", place="shell")
    repair = fix([left], OPTIONS, World(directory=tmp_path, env={}), ignore)
    assert asked == []
    assert accounted(repair, [left], [left]).told() == (
        "nothing here can be repaired without you",
        "left path-missing: it is set in your shell, which no program can change",
    )


@pytest.mark.parametrize("error", [AnswerIsNo, OutsideError])
def test_a_repair_that_fails_is_told(
    error: type[AnswerIsNo | OutsideError], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def run(*_: object) -> None:
        raise error("no source answers", code="x", causes=("the network is down",))

    monkeypatch.setattr(install, "run", run)
    repair = accounted(fix([BROKEN], OPTIONS, World(directory=tmp_path, env={}), ignore), [BROKEN], [BROKEN])
    assert repair.told() == (
        "`ipexenv install --venv env --ccl none` changed nothing: no source answers; the network is down",
        "left torch: the repair did not come about",
    )


def test_what_was_done_and_what_was_left_is_accounted_for() -> None:
    after = [
        Finding(id="a", severity="error", summary="x", cure="`ipexenv install --torch 2.7 --allow-torch-change`"),
        Finding(id="b", severity="warning", summary="x", cure="`ipexenv install --allow-yanked`"),
        Finding(id="c", severity="warning", summary="x", place="machine"),
        Finding(id="d", severity="warning", summary="x", place="network"),
        Finding(id="e", severity="warning", summary="x"),
        Finding(id="f", severity="info", summary="x"),
    ]
    repair = accounted(Repair(command="ipexenv install"), [BROKEN, *after], after)
    assert repair.as_mapping() == {
        "command": "ipexenv install",
        "failed": None,
        "repaired": ["torch"],
        "left": [
            {"id": "a", "because": "it needs another torch, which only you can decide"},
            {"id": "b", "because": "it needs a release that was withdrawn, which only you can decide"},
            {"id": "c", "because": "it is a matter of the machine or its container"},
            {"id": "d", "because": "it is a matter of the hosts and their network"},
            {"id": "e", "because": "no command repairs it without a decision of yours"},
        ],
    }
    assert repair.told()[0] == "`ipexenv install` repaired torch"


def test_only_what_keeps_torch_and_takes_nothing_withdrawn_is_safe() -> None:
    tables = load_tables()
    moved = facts(ipex=package("intel_extension_for_pytorch", "2.7.0"))
    old = facts(torch=torch("2.5.0"), ipex=package("intel_extension_for_pytorch", "2.4.0"))
    by_pair = [
        next(finding for finding in examine(surroundings(facts=there), tables) if finding.id == "torch")
        for there in (moved, old)
    ]
    assert by_pair[0].install
    for finding in by_pair:
        assert not {"--allow-torch-change", "--allow-yanked"} & set(finding.install)
