"""What a killed process had started is ended, and nothing is where all went well."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import textwrap

PROGRAM = textwrap.dedent("""
    import subprocess, sys
    from ipexenv.system.guard import Guard
    guard = Guard()
    child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    guard.watch_over(child.pid)
    if sys.argv[1] == "dismissed":
        guard.dismiss()
        print(child.poll())
        child.kill()
    print(child.pid, flush=True)
    sys.stdin.read()
""")


def start(how: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_a_killed_process_takes_its_programs_along() -> None:
    process = start("guarded")
    assert process.stdout is not None
    child = int(process.stdout.readline())
    watching = os.pidfd_open(child)
    process.kill()
    process.communicate()
    poll = select.poll()
    poll.register(watching, select.POLLIN)
    assert poll.poll(60_000), "it still runs"
    os.close(watching)


def test_a_dismissed_guard_leaves_programs_alone() -> None:
    process = start("dismissed")
    out, _ = process.communicate(timeout=60)
    assert out.splitlines()[0] == "None"
    assert process.returncode == 0
