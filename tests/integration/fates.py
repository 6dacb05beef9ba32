"""Ends installations in the worst moments, one after the other, and tells what the environment was in the end.

A program of its own: it imports ipexenv once and forks for each run, so that hundreds of them take a minute. Reads one
JSON document from stdin, and answers with one JSON line for each run. See ``Scene`` for what it is told.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import signal
import sys
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ipexenv import cli
from ipexenv.system.world import World
from tests.integration.sites import fingerprint

FILE_EVENTS = frozenset(
    {
        "open",
        "os.link",
        "os.mkdir",
        "os.remove",
        "os.rename",
        "os.rmdir",
        "os.symlink",
        "os.truncate",
        "shutil.rmtree",
        "subprocess.Popen",
    }
)
_STAGE = re.compile(r'"stage":"(\w+)"')
_OUTLIVES_S = 120.0


@dataclass(kw_only=True)
class Scene:
    """One environment, and the command that changes it."""

    venv: Path
    old: Path
    """A copy of it as it was."""
    env: dict[str, str]
    directory: Path
    install: list[str]
    trees: dict[str, dict[str, str]] = field(default_factory=dict)

    def reset(self) -> None:
        """Put the old environment there."""
        shutil.rmtree(self.venv, ignore_errors=True)
        if self.old.exists():
            shutil.copytree(self.old, self.venv, symlinks=True)

    def found(self) -> str:
        """Return which environment is there: old, new, or what is wrong with it."""
        tree = fingerprint(self.venv) if self.venv.exists() else {}
        for name, known in self.trees.items():
            if tree == known:
                return name
        differing = {
            name: sorted(k for k in tree.keys() | known.keys() if tree.get(k) != known.get(k))[:5]
            for name, known in self.trees.items()
        }
        return f"neither: {differing}"

    def command(self, *words: str) -> int:
        """Run ipexenv in this process and return its exit code; its answer goes to ``said.txt``."""
        said, aside = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(aside):
            code = cli.main(list(words), world=World(env=self.env, directory=self.directory))
        (self.directory / "said.txt").write_text(said.getvalue(), encoding="utf-8")
        return code


@dataclass(kw_only=True)
class Watch:
    """Counts what a process does to files, and kills it at a given count."""

    kill_at: int | None = None
    engine_pipe: int | None = None
    """Told when the engine is started."""
    count: int = 0
    stages: list[tuple[int, str]] = field(default_factory=list)
    """Count at which the journal was written, and its stage."""

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take note of one event, before it happens."""
        if event not in FILE_EVENTS:
            return
        if event == "open" and str(arguments[0]).startswith(("/proc", "/sys", "/dev", sys.prefix, sys.base_prefix)):
            return
        self.count += 1
        if event == "os.rename" and str(arguments[1]).endswith(("journal.json", "last.json")):
            found = _STAGE.search(Path(str(arguments[0])).read_text(encoding="utf-8"))
            self.stages.append((self.count, found[1] if found else "?"))
        if self.engine_pipe is not None and event == "subprocess.Popen" and "--require-hashes" in arguments[1]:
            os.write(self.engine_pipe, b"!")
        if self.count == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


def forked(work: Any) -> int:
    """Run ``work`` in a child and return its pid."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    try:
        os._exit(work())
    except SystemExit as ending:
        os._exit(ending.code if isinstance(ending.code, int) else 98)
    except BaseException:  # noqa: BLE001 (the child of a test must not return into it)
        traceback.print_exc()
        os._exit(99)


def ended(pid: int) -> int:
    """Wait for a child and return its exit code, -9 where it was killed."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def watched(scene: Scene, watch: Watch) -> int:
    """Start an installation that is watched, and return its pid."""

    def work() -> int:
        signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
        sys.addaudithook(watch)
        code = scene.command(*scene.install)
        (scene.directory / "watch.json").write_text(json.dumps([watch.count, watch.stages]), encoding="utf-8")
        return code

    return forked(work)


def children_of(pid: int) -> list[int]:
    """Return the children of a process."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8")
    return [int(word) for word in text.split()]


def end_at_delay(scene: Scene, delay_s: float, how: str) -> int:
    """End an installation so many seconds after its engine was started: alone, with its engine, or by a signal."""
    reading, writing = os.pipe()
    pid = watched(scene, Watch(engine_pipe=writing))
    os.close(writing)
    os.read(reading, 1)
    os.close(reading)
    time.sleep(delay_s)
    with contextlib.suppress(ProcessLookupError, FileNotFoundError):
        engines = children_of(pid)
        os.kill(pid, {"interrupt": signal.SIGINT, "terminate": signal.SIGTERM}.get(how, signal.SIGKILL))
        for engine in engines if how == "kill both" else ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(engine, signal.SIGKILL)
    return ended(pid)


def recovered(scene: Scene, by: str) -> int:
    """Call what puts the environment right."""
    words = scene.install if by == "install" else ["rollback", "--venv", str(scene.venv), "--json"]
    return ended(forked(lambda: scene.command(*words)))


def tell(**row: Any) -> None:
    """Answer."""
    print(json.dumps(row), flush=True)  # noqa: T201 (this is how it answers)


def prepare(scene: Scene) -> tuple[int, list[tuple[int, str]]]:
    """Learn the old and the new tree, how many events there are, and which of them are the journal's."""
    scene.reset()
    scene.trees["old"] = fingerprint(scene.venv) if scene.venv.exists() else {}
    for _ in range(2):  # the first run fills the engine's cache
        scene.reset()
        code = ended(watched(scene, Watch()))
        if code != 0:
            raise SystemExit((scene.directory / "said.txt").read_text(encoding="utf-8"))
    scene.trees["new"] = fingerprint(scene.venv)
    count, stages = json.loads((scene.directory / "watch.json").read_text(encoding="utf-8"))
    return count, stages


def kill_all(scene: Scene, points: int, delays: list[float]) -> None:
    """Kill at so many file events, the journal's own and those after them among them, and after so many delays."""
    count, stages = prepare(scene)
    tell(count=count, stages=stages)
    spread = {round((number + 0.5) * count / points) for number in range(points)}
    exact = {place + offset for place, _ in stages for offset in (0, 1)}
    for number, place in enumerate(sorted(spread | exact)):
        by = "install" if number % 4 == 3 else "rollback"
        scene.reset()
        code = ended(watched(scene, Watch(kill_at=place)))
        tell(how=f"event {place}", code=code, by=by, recovery=recovered(scene, by), found=scene.found())
    for number, delay_s in enumerate(delays):
        by = "install" if number % 4 == 3 else "rollback"
        how = "kill both" if number % 3 else "kill"
        scene.reset()
        code = end_at_delay(scene, delay_s, how)
        tell(how=f"{how} {delay_s:.3f} s", code=code, by=by, recovery=recovered(scene, by), found=scene.found())


def interrupt_all(scene: Scene, delays: list[float]) -> None:
    """Interrupt and terminate while the engine works: it is undone at once, with nothing left to recover."""
    prepare(scene)
    for number, delay_s in enumerate(delays):
        how = "interrupt" if number % 2 else "terminate"
        scene.reset()
        code = end_at_delay(scene, delay_s, how)
        cut_off = (scene.venv / ".ipexenv/journal.json").exists()
        tell(how=how, code=code, cut_off=cut_off, found=scene.found())


def fill_all(scene: Scene, disk: Path, steps: list[int]) -> None:
    """Install with so many KiB left on the disk that the environment is on."""
    prepare(scene)
    for left_kib in steps:
        scene.reset()
        ballast = disk / "ballast"
        free_bytes = shutil.disk_usage(disk).free
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, free_bytes - left_kib * 1024))
        code = ended(watched(scene, Watch()))
        said = (scene.directory / "said.txt").read_text(encoding="utf-8")
        cut_off = (scene.venv / ".ipexenv/journal.json").exists()
        found = scene.found()
        ballast.unlink()
        tell(left_kib=left_kib, code=code, cut_off=cut_off, found=found, said=said)


def main() -> None:
    """Do what stdin says."""
    task = json.load(sys.stdin)
    scene = Scene(
        venv=Path(task["venv"]),
        old=Path(task["old"]),
        directory=Path(task["directory"]),
        env=task["env"],
        install=task["install"],
    )
    if "steps" in task:
        fill_all(scene, Path(task["disk"]), task["steps"])
    elif "points" in task:
        kill_all(scene, task["points"], task["delays"])
    else:
        interrupt_all(scene, task["delays"])


if __name__ == "__main__":
    main()
