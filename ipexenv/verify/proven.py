"""What an import depends on, in one hash: the same files, on the same Python and machine, need not be tried twice.

Importing torch and IPEX costs six to twelve seconds of one processor, which is several times what a whole installation
from a warm cache takes.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ipexenv.verify.single import SCRIPT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ipexenv.facts import Facts

_LOADER_CACHE = "/etc/ld.so.cache"
"""Written anew whenever a library of the system comes or goes."""
_OF_THE_SHELL = frozenset({"COLUMNS", "LINES", "OLDPWD", "PWD", "SHLVL", "_"})
"""Variables that differ from call to call and mean nothing to an import."""
_ROW = 3
_SMALL_BYTES = 1 << 16


def fingerprint(facts: Facts, import_names: tuple[str, ...], env: Mapping[str, str]) -> str | None:
    """Return a SHA-256 over everything that decides how importing ``import_names`` ends; None where that is not known.

    It covers the hashes that RECORD gives for every file of every distribution, the Python, the processor, kernel, C
    library and system libraries, and the environment variables. Every file has to be there with the size that RECORD
    gives (IPEX's own is out by a few bytes for its METADATA: small files count by what is in them then), and nothing
    may lie among the packages that no RECORD lists; scripts, which hold the path of the environment, do not count.
    """
    try:
        distributions = list(_distributions(facts.target.site_packages or ""))
        python = Path(facts.target.executable or "").resolve()
        whole = [
            list(import_names),
            hashlib.sha256(SCRIPT.read_bytes()).hexdigest(),
            [str(python), *_state(str(python))],
            _state(_LOADER_CACHE),
            [facts.host.architecture, facts.host.kernel, str(facts.host.libc), str(facts.host.cpu)],
            sorted(pair for pair in env.items() if pair[0] not in _OF_THE_SHELL),
            distributions,
        ]
    except (OSError, ValueError, csv.Error):
        return None
    return hashlib.sha256(json.dumps(whole).encode("utf-8", "surrogateescape")).hexdigest()


def _distributions(site_packages: str) -> Iterator[str]:
    """Yield what tells the files of each distribution. Raises ValueError where they are not all that is there."""
    names = sorted(os.listdir(site_packages))  # noqa: PTH208 (names, not paths)
    listed: set[str] = set()
    for name in names:
        if not name.endswith(".dist-info"):
            continue
        text = Path(f"{site_packages}/{name}/RECORD").read_text(encoding="utf-8")
        digest = hashlib.sha256()
        for row in sorted(csv.reader(text.splitlines())):
            if len(row) != _ROW:
                raise ValueError(row)
            differing = _differing(f"{site_packages}/{row[0]}", row[2])
            if not row[0].startswith(".."):
                listed.add(row[0].partition("/")[0])
                digest.update("\0".join(row).encode() + differing)
        yield f"{name} {digest.hexdigest()}"
    if unlisted := set(names) - listed:
        raise ValueError(unlisted)


def _differing(path: str, recorded: str) -> bytes:
    """Return what is in a small file that has not its recorded size. Raises ValueError for a large one."""
    size_bytes = os.lstat(path).st_size
    if not recorded or int(recorded) == size_bytes:
        return b""
    if size_bytes > _SMALL_BYTES:
        raise ValueError(path)
    return Path(path).read_bytes()


def _state(path: str) -> list[int]:
    status = os.stat(path)  # noqa: PTH116 (a path like all others here)
    return [status.st_size, status.st_mtime_ns]
