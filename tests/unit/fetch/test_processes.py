"""Several processes at one cache, one that is killed, and a disk that is full."""

from __future__ import annotations

import dataclasses
import hashlib
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ipexenv.fetch.cache import Cache
from tests import scripted_server as scripted
from tests.scripted_server import ServedFile
from tests.unit.fetch.conftest import BODY

if TYPE_CHECKING:
    from tests.servers import Site
    from tests.unit.fetch.conftest import Fetching

PROGRAM = Path(__file__).parent / "fetch_program.py"
ROOT = Path(__file__).parents[3]
SHA256 = hashlib.sha256(BODY).hexdigest()
ENOUGH_S = 120


def start(folder: Path, file: ServedFile, *more: str, before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    argv = [
        *before,
        sys.executable,
        str(PROGRAM),
        str(folder),
        f"{file.site.url}/{file.name}",
        SHA256,
        *(more or ("0",)),
    ]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)})


def ended(process: subprocess.Popen[str]) -> str:
    out, _err = process.communicate(timeout=ENOUGH_S)
    return out.strip()


def until(condition: object) -> None:
    deadline = time.monotonic() + ENOUGH_S
    while not condition():  # type: ignore[operator]  # a function
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_processes_that_want_the_same_file_download_it_once(site: Site, tmp_path: Path) -> None:
    file = ServedFile(site, BODY)
    processes = [start(tmp_path / str(n), file) for n in range(3)]
    assert [ended(process) for process in processes] == ["done"] * 3
    assert file.sent_bytes == len(BODY)
    assert all((tmp_path / str(n) / "into" / file.name).read_bytes() == BODY for n in range(3))


def test_a_killed_process_leaves_its_work_to_the_next(site: Site, fetch: Fetching, tmp_path: Path) -> None:
    file = ServedFile(site, BODY, acts=[ServedFile.serve, *[scripted.stall(100)] * 9])
    victim = start(tmp_path / "victim", file)
    until(lambda: len(file.asked) > 2)
    other = start(tmp_path / "other", file)
    until(lambda: len(file.asked) > 2)
    file.acts.clear()
    victim.send_signal(signal.SIGKILL)
    ended(victim)
    assert victim.returncode == -signal.SIGKILL
    assert ended(other) == "done"
    assert (tmp_path / "other" / "into" / file.name).read_bytes() == BODY


def test_a_cache_that_is_being_used_can_be_cleared(site: Site, fetch: Fetching, tmp_path: Path) -> None:
    file = ServedFile(site, BODY, acts=[scripted.stall(100)] * 9)
    worker = start(tmp_path / "worker", file)
    until(lambda: file.asked)
    cache = Cache(folder=tmp_path / "shared")
    until(lambda: list(cache.partial.glob("*.part")))
    cache.clear()
    assert len(list(cache.partial.glob("*.part"))) == 1
    worker.kill()
    ended(worker)
    assert cache.clear().partial_files == 1


def test_a_disk_that_fills_up_is_named(site: Site, tmp_path: Path) -> None:
    """A limit on the size of files makes real writes fail, without a file system of our own."""
    assert ended(start(tmp_path / "a", ServedFile(site, BODY), "0", "20000")) == "disk-full"
    assert not list((tmp_path / "a" / "into").glob("*.whl"))


def test_a_full_tmpfs_is_named(site: Site, tmp_path: Path) -> None:
    """In a mount namespace of its own, which ends with the process; where that is not allowed, the limit has to do."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = f'mount -t tmpfs -o size=32k tmpfs {folder} && exec "$@"'
    allowed = subprocess.run(["unshare", "-m", "sh", "-c", mount, "sh", "true"], capture_output=True, check=False)
    before = ("unshare", "-m", "sh", "-c", mount, "sh") if allowed.returncode == 0 else ()
    for size in ("0", "50000"):
        assert ended(start(folder, ServedFile(site, BODY), size, "49000", before=before)) == "disk-full"


def test_a_file_that_cannot_fit_is_not_even_asked_for(site: Site, fetch: Fetching) -> None:
    file = ServedFile(site, BODY)
    error = fetch.refusal(dataclasses.replace(file.offer(), size_bytes=1 << 60))
    assert (error.code, file.asked) == ("disk-full", [])
