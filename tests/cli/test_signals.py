"""What a signal from outside does to a running command and to its children."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def until(condition: object, limit_s: float = 120.0) -> bool:
    """Wait until ``condition()`` holds; say whether it came to hold."""
    assert callable(condition)
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_children_too(number: signal.Signals, exit_code: int, tmp_path: Path) -> None:
    hanging = tmp_path / "python"
    hanging.write_text(
        f'#!/bin/sh\necho $$ > "{tmp_path}/pid.new"\nmv "{tmp_path}/pid.new" "{tmp_path}/pid"\nexec sleep 60\n'
    )
    hanging.chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, "-m", "ipexenv", "status", "--python", str(hanging)],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert until((tmp_path / "pid").is_file), "the target was never started"
        child = int((tmp_path / "pid").read_text())
        process.send_signal(number)
        _, stderr = process.communicate(timeout=120)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == exit_code
    assert b"Traceback" not in stderr
    assert until(lambda: not is_alive(child))
