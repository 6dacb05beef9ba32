"""What can be seen of a machine with nothing installed: standard library, syntax of Python 3.7, see ``unfit``."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

from ipexenv.ci.unfit import Machine


def look(root: str = "/") -> Machine:
    """Return the machine that this process runs on; ``root`` is where its /proc and /lib lie."""
    top = Path(root)
    try:
        text = (top / "proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    line = next((line for line in text.splitlines() if line.startswith("flags")), "")
    libc = platform.libc_ver()[0]
    if not libc and any((top / "lib").glob("ld-musl-*")):
        libc = "musl"
    flags = frozenset(line.partition(":")[2].split())
    return Machine(platform.system(), platform.machine(), libc, sys.version_info[:2], flags)
