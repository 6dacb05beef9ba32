"""Several programs as one group: the first failure ends the others at once."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from ipexenv.system.group import Program, SubprocessGroupRunner

if TYPE_CHECKING:
    import pytest

LONG_S = 60.0
WAITS = "import time; time.sleep(1000)"


def program(script: str, **env: str) -> Program:
    return Program(argv=(sys.executable, "-I", "-S", "-c", script), env={"PATH": os.defpath, **env})


def test_all_run_at_once_and_come_back_in_order() -> None:
    script = "import os; os.write(int(os.environ['IPEXENV_ANSWER_FD']), os.environ['RANK'].encode())"
    programs = [program(script, RANK=str(rank)) for rank in range(3)]
    finished = SubprocessGroupRunner().run_together(programs, timeout_s=LONG_S)
    assert [ending.answer for ending in finished] == [b"0", b"1", b"2"]
    assert {(ending.returncode, ending.ended, ending.timed_out) for ending in finished} == {(0, False, False)}


def test_the_first_failure_ends_the_others() -> None:
    programs = [program(WAITS), program("import sys; sys.exit(5)"), program(WAITS)]
    finished = SubprocessGroupRunner().run_together(programs, timeout_s=LONG_S)
    assert [ending.returncode for ending in finished] == [-signal.SIGTERM, 5, -signal.SIGTERM]
    assert [ending.ended for ending in finished] == [True, False, True]
    assert not any(ending.timed_out for ending in finished)


def test_one_that_cannot_be_started_ends_the_others() -> None:
    programs = [program(WAITS), Program(argv=("/nowhere/python",), env={})]
    finished = SubprocessGroupRunner().run_together(programs, timeout_s=LONG_S)
    assert [ending.returncode for ending in finished] == [-signal.SIGTERM, 127]


def test_a_hanging_group_is_ended_together() -> None:
    finished = SubprocessGroupRunner().run_together([program(WAITS), program(WAITS)], timeout_s=0.3)
    assert any(ending.timed_out for ending in finished)
    assert [ending.returncode for ending in finished] == [-signal.SIGTERM, -signal.SIGTERM]


def test_no_programs_are_no_endings() -> None:
    assert SubprocessGroupRunner().run_together([], timeout_s=LONG_S) == ()


def test_a_program_that_goes_on_after_a_failure_is_ended_with_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipexenv.system.group._LAST_WORDS_S", 0.1)
    stubborn = "import time; print('all is well'); print('rank 1 has failed', flush=True); time.sleep(1000)"
    bad = replace(program(stubborn), is_failure=lambda line: line.endswith("has failed"))
    finished = SubprocessGroupRunner().run_together([bad, program(WAITS)], timeout_s=LONG_S)
    assert [ending.returncode for ending in finished] == [-signal.SIGTERM, -signal.SIGTERM]
    assert [ending.ended for ending in finished] == [True, True]
    assert "rank 1 has failed" in finished[0].stdout


def test_a_program_that_listens_for_failures_may_end_well() -> None:
    good = replace(program("print('fine')"), is_failure=lambda line: line == "failed")
    (finished,) = SubprocessGroupRunner().run_together([good], timeout_s=LONG_S)
    assert (finished.returncode, finished.ended) == (0, False)


def test_a_group_that_is_lost_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipexenv.system.group._LOOK_S", 0.1)
    monkeypatch.setattr("ipexenv.system.group._LAST_WORDS_S", 0.1)
    silent = replace(program(WAITS), is_failure=lambda _line: False, is_lost=lambda: True)
    (finished,) = SubprocessGroupRunner().run_together([silent], timeout_s=LONG_S)
    assert (finished.returncode, finished.ended) == (-signal.SIGTERM, True)
