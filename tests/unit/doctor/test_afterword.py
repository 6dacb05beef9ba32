"""What stands under a failed command: the known cause of what its programs printed."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ipexenv.doctor.afterword import afterword
from ipexenv.doctor.log import last_text
from ipexenv.system.world import World

if TYPE_CHECKING:
    from pathlib import Path

    from ipexenv.answer import Problem

OPTIONS = argparse.Namespace(tables=None, python=None, venv="my env")
PRINTED = "ModuleNotFoundError: No module named 'oneccl_bindings_for_pytorch'"


def told(folder: Path, *texts: str, data: Any = None, options: Any = OPTIONS) -> tuple[Problem | None, World]:
    world = World(directory=folder, env={"IPEXENV_STATE_DIR": "state"})
    return afterword(texts, data or {}, options, world), world


def test_the_cause_is_found_in_what_programs_printed(tmp_path: Path) -> None:
    problem, world = told(tmp_path, "rank 0 failed", data={"checks": [{"output": PRINTED}], "other": "x"})
    assert problem is not None
    assert problem.code == "bindings-not-installed"
    assert "ipexenv install --venv 'my env'" in (problem.hint or "")
    assert last_text(world) == f"rank 0 failed\n{PRINTED}\n"


def test_words_of_other_keys_are_not_taken_for_output(tmp_path: Path) -> None:
    problem, _ = told(tmp_path, "failed", data={"name": PRINTED, "list": [PRINTED]})
    assert problem is None


def test_generic_and_benign_messages_explain_nothing(tmp_path: Path) -> None:
    problem, _ = told(tmp_path, "ChildFailedError", "port [3345] is busy, connecting as client")
    assert problem is None


def test_without_options_the_cure_names_no_target(tmp_path: Path) -> None:
    problem, _ = told(tmp_path, PRINTED, options=None)
    assert problem is not None
    assert "`ipexenv install`" in (problem.hint or "")


def test_tables_that_cannot_be_read_hide_no_failure(tmp_path: Path) -> None:
    problem, world = told(tmp_path, PRINTED, options=argparse.Namespace(tables="nowhere"))
    assert problem is None
    assert last_text(world) == f"{PRINTED}\n"
