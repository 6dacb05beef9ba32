"""Ends installations in the worst moments, one after the other, and tells what the environment was in the end.

A program of its own: it imports ipexenv once and forks for each run, so that hundreds of them take a minute. Reads one
JSON document from stdin, and answers with one JSON line for each run. See ``Scene`` for what it is told.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import io
import json
import os
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
from tests.integration.watching import STAGE, Watch, fill

ROLLBACK = ("ipexenv.commands.rollback",)
"""What puts an environment right imports this beside what installing does."""

STAGES_TOLD = ("preparing", "changing", "changed", "done")
"""What an installation that ends well writes into its journal."""


def tree_of(venv: Path) -> dict[str, str]:
    """Return path -> content hash of an environment, none where it is not there.

    Without the file in which uv keeps the time at which it met the wheel, and RECORD's line with that file's hash.
    """
    tree = fingerprint(venv) if venv.exists() else {}
    for path in [path for path in tree if path.endswith("/uv_cache.json")]:
        record = path.replace("uv_cache.json", "RECORD")
        lines = (venv / record).read_text(encoding="utf-8").splitlines() if record in tree else []
        kept = "\n".join(line for line in lines if "/uv_cache.json," not in line)
        tree[record] = hashlib.sha256(kept.encode()).hexdigest()
        del tree[path]
    return tree


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
        """Put the old environment there, and empty the cache: a whole installation downloads as well."""
        for folder in (self.venv, Path(self.env["IPEXENV_CACHE_DIR"])):
            shutil.rmtree(folder, ignore_errors=True)
        if self.old.exists():
            shutil.copytree(self.old, self.venv, symlinks=True)

    def words(self, by: str) -> list[str]:
        """Return the command line of `install`, or of `rollback`."""
        return self.install if by == "install" else ["rollback", "--venv", str(self.venv), "--json"]

    def found(self) -> str:
        """Return which environment is there: old, new, or what is wrong with it."""
        tree = tree_of(self.venv)
        for name, known in self.trees.items():
            if tree == known:
                return name
        differing = {
            name: sorted(k for k in tree.keys() | known.keys() if tree.get(k) != known.get(k))[:5]
            for name, known in self.trees.items()
        }
        return f"neither: {differing}"

    def journal(self) -> str:
        """Return how far the journal says that the change is; empty where there is none."""
        try:
            found = STAGE.search((self.venv / ".ipexenv/journal.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return ""
        return found[1] if found else "?"

    def command(self, *words: str) -> int:
        """Run ipexenv in this process and return its exit code; its answer goes to ``said.txt``."""
        said, aside = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(aside):
            code = cli.main(list(words), world=World(env=self.env, directory=self.directory))
        (self.directory / "said.txt").write_text(said.getvalue(), encoding="utf-8")
        return code


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


def watched(scene: Scene, watch: Watch, *, by: str = "install") -> int:
    """Start a command that is watched, the installation unless ``by`` says another, and return its pid."""

    def work() -> int:
        signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
        sys.addaudithook(watch)
        code = scene.command(*scene.words(by))
        (scene.directory / "modules.json").write_text(json.dumps([*sys.modules]), encoding="utf-8")
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
    return ended(forked(lambda: scene.command(*scene.words(by))))


def tell(**row: Any) -> None:
    """Answer."""
    print(json.dumps(row), flush=True)  # noqa: T201 (this is how it answers)


def preload(scene: Scene) -> None:
    """Import what a run has imported late: the many that come take it over with the fork."""
    for name in (*json.loads((scene.directory / "modules.json").read_text(encoding="utf-8")), *ROLLBACK):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def prepare(scene: Scene) -> tuple[int, list[tuple[int, str]]]:
    """Learn the old and the new tree, how many events there are, and which of them are the journal's."""
    scene.reset()
    scene.trees["old"] = tree_of(scene.venv)
    for _ in range(2):  # the first run fills the engine's cache
        scene.reset()
        code = ended(watched(scene, Watch()))
        if code != 0:
            raise SystemExit((scene.directory / "said.txt").read_text(encoding="utf-8"))
        preload(scene)
    scene.trees["new"] = tree_of(scene.venv)
    count, stages = json.loads((scene.directory / "watch.json").read_text(encoding="utf-8"))
    return count, stages


@dataclass(frozen=True, kw_only=True)
class Kill:
    """One way to end it."""

    how: str
    place: int = 0
    stage: str = ""
    delay_s: float = 0.0

    def __call__(self, scene: Scene) -> int:
        """Do it to a fresh installation, and return how that ended."""
        scene.reset()
        if self.how.startswith("kill"):
            return end_at_delay(scene, self.delay_s, self.how)
        if self.how == "event":
            return ended(watched(scene, Watch(kill_at=self.place)))
        if self.how == "rollback":  # everything is installed, and the way back is cut off as well
            ended(watched(scene, Watch(kill_stage="changed")))
            return ended(watched(scene, Watch(kill_at=self.place), by="rollback"))
        return ended(watched(scene, Watch(kill_stage=self.stage, written=self.how == "after")))

    def __str__(self) -> str:
        """Return it for people."""
        return f"{self.how} {self.stage or self.place or round(self.delay_s, 3)}"


def kills(count: int, points: int, delays: list[float], backwards: list[Kill]) -> list[Kill]:
    """Return where to kill: before and after each word of the journal, spread over all events, and in the engine."""
    moments = [Kill(how="kill both" if number % 3 else "kill", delay_s=s) for number, s in enumerate(delays)]
    stages = [Kill(how=how, stage=stage) for stage in STAGES_TOLD for how in ("before", "after")]
    rest = max(0, points - len(moments) - len(stages) - len(backwards))
    spread = [Kill(how="event", place=round((number + 0.5) * count / rest)) for number in range(rest)]
    return [*stages, *backwards, *spread, *moments]


def backwards(scene: Scene, points: int) -> list[Kill]:
    """Return so many places to kill while a change is undone of which everything is installed."""
    if not points:
        return []
    scene.reset()
    ended(watched(scene, Watch(kill_stage="changed")))
    ended(watched(scene, Watch(), by="rollback"))
    count: int = json.loads((scene.directory / "watch.json").read_text(encoding="utf-8"))[0]
    return [Kill(how="rollback", place=round((number + 0.5) * count / points)) for number in range(points)]


def kill_all(scene: Scene, points: int, delays: list[float], share: list[int], way_back: int) -> None:
    """Kill so many installations, of which this process does its share, and put each right.

    Of ``way_back`` of them, everything is installed, and what is killed is the rollback.
    """
    count, stages = prepare(scene)
    tell(count=count, stages=stages)
    every = kills(count, points, delays, backwards(scene, way_back))
    for number, kill in enumerate(every):
        if number % share[1] != share[0]:
            continue
        by = "install" if number // share[1] % 4 == 3 else "rollback"
        code = kill(scene)
        journal = scene.journal()
        recovery = recovered(scene, by)
        tell(how=str(kill), code=code, journal=journal, by=by, recovery=recovery, found=scene.found())


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
        fill(disk, left_bytes=left_kib * 1024)
        code = ended(watched(scene, Watch()))
        tell(how=f"{left_kib} KiB left", code=code, **left_behind(scene, disk))


def fill_within(scene: Scene, disk: Path, points: int) -> None:
    """Fill the disk in the middle of an installation, at as many points and around every word of the journal."""
    count, _ = prepare(scene)
    places = [round((number + 0.5) * count / points) for number in range(points)]
    watches = {f"event {place}": Watch(kill_at=place, disk=disk) for place in places}
    for stage in STAGES_TOLD:
        for written in (False, True):
            watches[f"{'after' if written else 'before'} {stage}"] = Watch(kill_stage=stage, written=written, disk=disk)
    for how, watch in watches.items():
        scene.reset()
        code = ended(watched(scene, watch))
        tell(how=how, code=code, **left_behind(scene, disk))


def left_behind(scene: Scene, disk: Path) -> dict[str, Any]:
    """Return what a full disk made of it, at once and once there is room again."""
    said = (scene.directory / "said.txt").read_text(encoding="utf-8")
    cut_off, found = bool(scene.journal()), scene.found()
    (disk / "ballast").unlink(missing_ok=True)
    recovery = recovered(scene, "rollback") if cut_off else 0
    return {"cut_off": cut_off, "found": found, "said": said, "recovery": recovery, "then": scene.found()}


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
    elif "disk" in task:
        fill_within(scene, Path(task["disk"]), task["points"])
    elif "points" in task:
        kill_all(scene, task["points"], task["delays"], task["share"], task["way_back"])
    else:
        interrupt_all(scene, task["delays"])


if __name__ == "__main__":
    main()
