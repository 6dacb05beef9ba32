"""Every line of a keeper has one length, and what it holds comes back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ipexenv.launch import start
from ipexenv.launch.frames import read_frames

FOLDER = Path(start.__file__).parent


def test_all_lines_have_one_length() -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from _target_telling import Told; told = Told(123456)\n"
        "for kind in 'oea': told.tell(kind, bytes(range(256)) * 9)\n"
        "told.count = 99999999; told.tell('o', b'x'); told.again()"
    )
    out = subprocess.run([sys.executable, "-I", "-c", script, FOLDER], capture_output=True, check=True).stdout
    assert len(out) % 512 == 0
    assert all(out[begin : begin + 10] == b"\n@ipexenv " for begin in range(0, len(out), 512))
    said, rest = read_frames(out.decode())
    assert said[123456].answer == bytes(range(256)) * 9
    assert rest == ""


def test_the_keeper_is_one_text() -> None:
    ended = subprocess.run(
        [sys.executable, "-I", "-c", start.keeper()], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert ended.stderr.splitlines()[-1] == "IndexError: list index out of range"  # it has come to its main, unasked
