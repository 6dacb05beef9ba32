"""Get the environment: out of the cache where it may be used as it is, else by ``ipexenv install``; prove it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipexenv.ci.calling import call
from ipexenv.ci.keeping import NoneThereError, clear, keep, reuse
from ipexenv.ci.key import entry_name
from ipexenv.ci.summary import CacheTold
from ipexenv.ci.tree import UntrustworthyError
from ipexenv.errors import OutsideError
from ipexenv.events import Event, ignore

if TYPE_CHECKING:
    from ipexenv.ci.course import Course
    from ipexenv.ci.inputs import CiInputs
    from ipexenv.ci.keeping import Place
    from ipexenv.ci.trust import Manifest
    from ipexenv.events import Listener
    from ipexenv.system.world import World

_TOOL_LIMIT_S = 900.0


def from_cache(course: Course, place: Place, key: str) -> Manifest | None:
    """Return the manifest of an environment that may be used as it is, None where it has to be made anew.

    What was tampered with or is not whole is a warning that names the file; that there is none is no trouble.
    """
    speaker = course.speaker
    with course.stage("re-check"), speaker.group("ipexenv: re-check of the cached environment") as listen:
        try:
            manifest = reuse(place, key)
        except NoneThereError as error:
            course.cache = CacheTold(hit=False, why=str(error))
            listen(Event(kind="step", text=f"no environment to use again: {error}"))
            return None
        except UntrustworthyError as error:
            course.cache = CacheTold(hit=False, why=str(error))
            listen(Event(kind="step", text=f"the cached environment is not used: {error}"))
            speaker.remark("warning", "ipexenv: cache", f"the cached environment is not used and made anew: {error}")
            return None
        listen(Event(kind="step", text=f"{len(manifest.files)} files are the same by size and SHA-256"))
    course.cache = CacheTold(hit=True, why=f"all {len(manifest.files)} files are the same by size and SHA-256")
    return manifest


def use_again(course: Course, place: Place, manifest: Manifest) -> None:
    """Take the answer of the run that made the environment, and prove it on this host where that is asked for."""
    course.document = json.loads(json.dumps(manifest.answer))
    if course.proving == "false":
        return
    data = course.document["data"]
    words = (
        "verify",
        f"--venv={place.venv}",
        f"--stack={data['stack']}",
        f"--ccl={data['ccl']['provider']}",
        "--quiet",
    )
    with course.stage("verify"), course.speaker.group("ipexenv verify") as listen:
        proved = call((*words, *course.more_words), course.world, listen)
    course.document |= {name: proved[name] for name in ("status", "exit_code", "problems")}
    if "checks" in proved["data"]:
        data["verify"] = {name: proved["data"][name] for name in ("checks", "hosts") if name in proved["data"]}


def make(course: Course, place: Place, inputs: CiInputs) -> None:
    """Install into a folder that is clear, or into an environment of the user's own as it is."""
    with course.stage("tool"):
        complete_tool(course)
    if place.is_ours:
        clear(place)
    with course.stage("install"), course.speaker.group("ipexenv install") as listen:
        words = (*inputs.install_words(str(place.venv)), *course.more_words)
        course.document = call(words, course.world, listen)
    checks = ((course.document.get("data") or {}).get("verify") or {}).get("checks", ())
    proving_s = sum(check["seconds"] for check in checks)
    if proving_s:
        course.timings["install"] -= proving_s
        course.timings["verify"] = proving_s


def remember(course: Course, place: Place, key: str, run: tuple[str, ...]) -> None:
    """Write the manifest, so that a later run can use the environment; where that fails this one is as good."""
    data: dict[str, Any] = {name: value for name, value in course.document["data"].items() if name != "verify"}
    answer = {**course.document, "data": data}
    try:
        with course.stage("manifest"):
            course.entry = entry_name(key, keep(place, key, answer), *run)
    except (OSError, UntrustworthyError) as error:
        why = getattr(error, "strerror", None) or str(error)
        course.speaker.remark("warning", "ipexenv: cache", f"the environment is not kept for later runs: {why}")


def complete_tool(course: Course, prefix: Path | None = None) -> None:
    """Get what installing needs and deciding did not, by the command that ``ipexenv.ci.tool`` has left.

    Raises OutsideError where that fails.
    """
    left = Path(sys.prefix if prefix is None else prefix) / "later.json"
    argv = json.loads(left.read_text("utf-8")) if left.is_file() else []
    if not argv:
        return
    with course.speaker.group("ipexenv: get what installing needs") as listen:
        ended = _run(argv, course.world, listen)
    if ended is not None:
        raise OutsideError("what installing needs cannot be had", code="no-tool", causes=(ended,))
    left.unlink()


def _run(argv: list[str], world: World, listen: Listener) -> str | None:
    ended = world.runner.run(
        argv, timeout_s=_TOOL_LIMIT_S, env=world.env, on_line=lambda line: listen(Event(kind="output", text=line))
    )
    if ended.returncode == 0:
        return None
    return (ended.stderr.strip().splitlines() or [f"it ended with code {ended.returncode}"])[-1]


def environment_variables(course: Course, place: Place) -> dict[str, str]:
    """Return what ``ipexenv env`` sets for later steps; a variable that it takes away is empty.

    Raises OutsideError where the environment cannot be looked at.
    """
    told = call(("env", f"--venv={place.venv}", "--quiet", *course.more_words), course.world, ignore)
    if told["exit_code"]:
        problem = told["problems"][0]
        raise OutsideError(problem["message"], code=problem["code"], causes=problem["causes"], hint=problem["hint"])
    gone = dict.fromkeys(told["data"]["unset"], "")
    return {"VIRTUAL_ENV": str(place.venv), **gone, **told["data"]["environment"]}
