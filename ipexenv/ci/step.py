"""The set-up step of a CI system: use the environment of an earlier run or make one, prove it, and pass it on.

One module a part: ``inputs`` (what is asked for), ``asked`` and ``key`` (its name), ``keeping`` and ``trust`` (what
lies on the disk), ``making`` and ``calling`` (ipexenv's own commands), ``speaking`` and the dialects (the log),
``closing`` (the outputs).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ipexenv.ci.asked import identify
from ipexenv.ci.closing import carry_out, close
from ipexenv.ci.course import Course
from ipexenv.ci.dialect import Told
from ipexenv.ci.inputs import read_inputs
from ipexenv.ci.keeping import place_of
from ipexenv.ci.key import cache_key
from ipexenv.ci.machine import look
from ipexenv.ci.making import environment_variables, from_cache, make, remember, use_again
from ipexenv.ci.masking import secrets_in
from ipexenv.ci.speaking import Speaker
from ipexenv.ci.summary import CacheTold
from ipexenv.ci.told import problems_of, remarks
from ipexenv.ci.unfit import unfit
from ipexenv.errors import AnswerIsNo, IpexenvError, UsageError
from ipexenv.report.machine import error_document

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ipexenv.answer import Problem
    from ipexenv.ci.dialect import Dialect
    from ipexenv.ci.inputs import CiInputs
    from ipexenv.ci.keeping import Place
    from ipexenv.system.world import World

STORED_AS = "IPEXENV_CI_STORED_AS"
"""Variable with the name of the cache's entry that was put in place before; empty where none was."""
_RUN = ("GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT")


@dataclass(frozen=True, kw_only=True, slots=True)
class StepDone:
    """How the step ended."""

    exit_code: int
    outputs: Mapping[str, str]
    problems: tuple[Problem, ...] = ()
    """What the log has told already."""


def set_up(
    world: World,
    dialect: Dialect,
    write: Callable[[str], object],
    *,
    more_words: tuple[str, ...] = (),
    verbose: bool = False,
) -> StepDone:
    """Bring the environment that the inputs ask for into later steps, and write what it was where the system looks.

    ``write`` takes the log as it grows; ``more_words`` are options for every command that is called. What goes wrong is
    in the answer: nothing is put on PATH then. Raises UsageError where the system's own variables are incomplete, and
    OutsideError where its files cannot be written.
    """
    course = _begin(world, dialect, write, more_words=more_words, verbose=verbose)
    try:
        with course.stage("whole"):
            _go(course)
    except IpexenvError as error:
        course.variables, course.entry = {}, ""
        course.document = {**course.document, **json.loads(error_document("ci", error))}
    code = course.document["exit_code"] or (0 if course.is_good else 1)
    return StepDone(exit_code=code, outputs=close(course), problems=tuple(problems_of(course.document)))


def tell_key(
    world: World, dialect: Dialect, write: Callable[[str], object], *, more_words: tuple[str, ...] = ()
) -> StepDone:
    """Tell the key that the environment is cached under, and whether a cache is of use; install nothing.

    Raises as ``set_up`` does.
    """
    course = _begin(world, dialect, write, more_words=more_words, verbose=False)
    outputs: dict[str, str] = {}
    document: dict[str, Any] = {}
    try:
        inputs = _inputs(course)
        place = _place(course, inputs)
        key = cache_key(identify(inputs, str(place.venv), course.world, more_words)[0])
        use = inputs.cache and place.is_ours
        outputs = {
            "key": key,
            "restore-keys": f"{key}-",
            "cache": "true" if use else "false",
            "paths": f"{place.venv}\n{place.manifest}",
            "venv": str(place.venv),
            "folder": str(course.folder),
        }
    except IpexenvError as error:
        document = json.loads(error_document("ci", error))
        for remark in remarks(document, "false"):
            course.speaker.remark(remark.level, remark.title, remark.text)
    told = Told(outputs=outputs, remarks=tuple(course.speaker.remarks))
    carry_out(dialect.closing(told, world.env, str(course.folder)), course)
    code = document.get("exit_code", 0)
    return StepDone(exit_code=code, outputs=outputs, problems=tuple(problems_of(document)))


def _begin(
    world: World, dialect: Dialect, write: Callable[[str], object], *, more_words: tuple[str, ...], verbose: bool
) -> Course:
    """Hide the secrets before anything else is said."""
    folder = world.directory / dialect.folder(world.env)
    course = Course(
        world=world,
        speaker=Speaker(dialect=dialect, write=write, verbose=verbose),
        folder=folder,
        more_words=more_words,
    )
    course.speaker.mask(secrets_in(world.env))
    carry_out(dialect.opening(str(folder)), course)
    return course


def _go(course: Course) -> None:
    inputs = _inputs(course)
    course.proving = inputs.verify
    course.place = place = _place(course, inputs)
    with course.stage("look"):
        identity, course.facts = identify(inputs, str(place.venv), course.world, course.more_words)
    key = cache_key(identity)
    cached = inputs.cache and place.is_ours
    manifest = from_cache(course, place, key) if cached else None
    if manifest is not None:
        use_again(course, place, manifest)
    else:
        if not cached:
            why = "it is switched off" if not inputs.cache else f"{place.venv} was there before and is not ipexenv's"
            course.cache = CacheTold(hit=False, why=why)
        make(course, place, inputs)
    if not course.is_good:
        return
    if cached and manifest is None:
        remember(course, place, key, tuple(course.world.env.get(name, "") for name in _RUN))
    course.variables = environment_variables(course, place)


def _inputs(course: Course) -> CiInputs:
    """Read the inputs, go to the working directory, and refuse a machine where nothing could ever run."""
    inputs = read_inputs(course.world.env, usual_venv=str(course.folder / "venv"))
    directory = course.world.directory / inputs.working_directory
    if not directory.is_dir():
        raise UsageError(
            f"the input working-directory cannot be {inputs.working_directory!r}",
            code="bad-input",
            causes=(f"{directory} is no folder",),
            hint="name a folder of the project; it may need a checkout first",
        )
    course.world = replace(course.world, directory=directory)
    refusal = unfit(look(str(course.world.root)), provider=course.speaker.dialect.name)
    if refusal is not None:
        raise AnswerIsNo(refusal.message, code=refusal.code, causes=refusal.causes, hint=refusal.hint)
    return inputs


def _place(course: Course, inputs: CiInputs) -> Place:
    stored_as = course.world.env.get(STORED_AS, "").strip()
    return place_of(inputs, course.folder, course.world.directory, stored_as=stored_as)
