"""The end of the step: reports as files, and what people and later steps are told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipexenv.ci.dialect import Told
from ipexenv.ci.summary import summary
from ipexenv.ci.told import outputs, ready, remarks, report_of
from ipexenv.errors import OutsideError
from ipexenv.facts_json import facts_as_mapping
from ipexenv.report.junit import junit_xml
from ipexenv.system.writing import write_atomically

if TYPE_CHECKING:
    from ipexenv.ci.course import Course
    from ipexenv.ci.dialect import Closing

_AGENT_LIMIT_S = 60.0


def close(course: Course) -> dict[str, str]:
    """Write the reports, tell everything, and return the outputs."""
    speaker, document = course.speaker, course.document
    (course.folder / "junit.xml").unlink(missing_ok=True)  # an earlier job's, where the folder stays
    for remark in remarks(document, course.proving):
        speaker.remark(remark.level, remark.title, remark.text)
    facts = None if course.facts is None else facts_as_mapping(course.facts)
    report = report_of(document)
    told = Told(
        outputs=_outputs(course),
        variables=course.variables,
        path_entries=(f"{course.place.venv}/bin",) if course.variables and course.place is not None else (),
        remarks=tuple(speaker.remarks),
        summary=speaker.clean(summary(document, timings=course.timings, cache=course.cache, facts=facts)),
        junit=None if report is None else speaker.clean(junit_xml(report)),
    )
    if told.path_entries:
        speaker.write(speaker.dialect.quoted_line(speaker.clean(ready(told.outputs, document))))
    carry_out(speaker.dialect.closing(told, course.world.env, str(course.folder)), course)
    return dict(told.outputs)


def carry_out(closing: Closing, course: Course) -> None:
    """Do what a dialect says: the log, the files, the system's own programs.

    Raises OutsideError where a file cannot be written; an agent that fails is a warning in the log.
    """
    for writing in closing.writings:
        path = Path(writing.path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if writing.append:
                with path.open("a", encoding="utf-8", newline="\n") as stream:
                    stream.write(writing.text)
            else:
                write_atomically(path, writing.text)
        except OSError as error:
            raise _unwritable(path, error) from None
    course.speaker.close(closing)  # after the files: a line of it may have the system read one at once
    for command in closing.commands:
        _ask_agent(command.argv, command.stdin, course)


def _outputs(course: Course) -> dict[str, str]:
    venv = "" if course.place is None else str(course.place.venv)
    isa = None if course.facts is None or course.facts.host.cpu.isa is None else course.facts.host.cpu.isa.label
    hit = course.cache is not None and course.cache.hit
    files = {**_files(course), "cache-key": course.entry}
    return outputs(course.document, venv=venv, isa=isa, hit=hit, files=files)


def _files(course: Course) -> dict[str, str]:
    """Write what was chosen and the checks to files of their own, and return where they are."""
    document: dict[str, Any] = dict(course.document)
    data = dict(document.get("data") or {})
    checks = data.pop("verify", None)
    resolution, verified = course.folder / "resolution.json", course.folder / "verify.json"
    _write(resolution, {**document, "data": data}, course)
    if checks is None:
        verified.unlink(missing_ok=True)
    else:
        _write(verified, checks, course)
    return {"resolution": str(resolution), "verify-report": "" if checks is None else str(verified)}


def _write(path: Path, document: Any, course: Course) -> None:  # noqa: ANN401 (JSON)
    text = course.speaker.clean(json.dumps(document, indent=2, ensure_ascii=False))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, f"{text}\n")
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> OutsideError:
    return OutsideError(
        f"{path} cannot be written: {error.strerror or error}",
        code="cannot-write",
        hint="look whether the disk is full and the folder is the job's own",
    )


def _ask_agent(argv: tuple[str, ...], stdin: str, course: Course) -> None:
    """Start a CI system's own program; runners of programs give nobody input, so a shell opens a file for it."""
    given = course.folder / "agent-input.txt"
    try:
        write_atomically(given, course.speaker.clean(stdin))
        words = ["sh", "-c", 'exec "$@" <"$0"', str(given), *argv]
        ended = course.world.runner.run(words, timeout_s=_AGENT_LIMIT_S, env=course.world.env)
    except OSError as error:
        raise _unwritable(given, error) from None
    finally:
        given.unlink(missing_ok=True)
    if ended.returncode:
        said = (ended.stderr.strip().splitlines() or [f"it ended with code {ended.returncode}"])[-1]
        text = course.speaker.clean(f"warning: {argv[0]} failed: {said}")
        course.speaker.write(course.speaker.dialect.quoted_line(text))
