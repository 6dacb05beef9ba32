"""Ask uv what it would install: a dry run for the set of changes, then a lock of exactly these for their files.

Seen with uv 0.13: `pip install --dry-run --output-format json` names versions and no files, `pip compile --format
pylock.toml` names files and does not look at what is installed. Neither downloads a wheel whose metadata can be had
apart from it.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.pylock import Pylock, PylockValidationError
from packaging.utils import canonicalize_name

from ipexenv import toml
from ipexenv.install.closure_choice import best_wheel, tags_for
from ipexenv.install.wish import call_for, no_answer, odd_answer, offer_at, run_call, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packaging.pylock import Package

    from ipexenv.install.engine import Engine
    from ipexenv.install.wish import Asking, Wish
    from ipexenv.ruling import Offer
    from ipexenv.system.runner import Finished

_UNKNOWN_OPTION = "unexpected argument"
_UNKNOWN_VALUE = "invalid value"
_BAD_USAGE = 2


class TooOldError(Exception):
    """The uv at hand does not know the options that make it answer in JSON or as a lock."""


def ask_uv(wish: Wish, engine: Engine, asking: Asking) -> tuple[Offer, ...]:
    """Return the files that uv would install.

    Raises TooOldError for a uv that cannot say, OutsideError where it finds no answer or an odd one.
    """
    if wish.fresh:
        return _compiled(wish, engine, asking)
    changes = _changes(wish, engine, asking)
    if not changes:
        return ()
    by_url = wish.by_url
    exact = tuple(by_url.get(name, f"{name}=={version}") for name, version in changes)
    pinned = replace(wish, requirements=exact, constraints=(), with_dependencies=False)
    files = _compiled(pinned, engine, asking)
    found = {(file.project, str(file.version)) for file in files}
    for name, version in changes:
        if (name, version) not in found:
            raise odd_answer(engine, f"it would install {name} {version}, and does not say which file that is")
    return files


def _changes(wish: Wish, engine: Engine, asking: Asking) -> tuple[tuple[str, str], ...]:
    """Return name and version of everything that it would install."""
    with written(wish) as (_, requirements, constraints):
        call = call_for(wish, engine, asking, requirements=requirements, constraints=constraints)
        with _no_lock_left(asking.facts.target.prefix):
            ended = run_call(call, ("--dry-run", "--output-format", "json"), asking)
    _refuse_failure(ended, wish, engine)
    try:
        return tuple(_installed(json.loads(ended.stdout)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise odd_answer(engine, f"its JSON cannot be read: {error}") from None


@contextmanager
def _no_lock_left(prefix: str | None) -> Iterator[None]:
    """Take away the empty file with which uv locks an environment even for a dry run: a question changes nothing."""
    file = Path(prefix or "/") / ".lock"
    existed = file.exists()
    yield
    if not existed and file.is_file() and file.stat().st_size == 0:
        file.unlink(missing_ok=True)


def _installed(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for row in document["changes"]:
        if row["action"] in {"installed", "reinstalled"}:
            yield canonicalize_name(row["name"]), str(row["version"])


def _compiled(wish: Wish, engine: Engine, asking: Asking) -> tuple[Offer, ...]:
    uv, program = engine.argv[0], engine.argv[-1]
    where = ("--python", program)
    if wish.python_version is not None:
        where = ("--python-version", wish.python_version)
    compiler = replace(engine, argv=(uv, "pip", "compile", *where))
    more = ["--format", "pylock.toml", "--no-header", "--no-annotate", "--quiet"]
    more += [] if wish.with_dependencies else ["--no-deps"]
    more += [] if wish.python_platform is None else ["--python-platform", wish.python_platform]
    with written(wish) as (_, requirements, constraints):
        call = call_for(wish, compiler, asking, requirements=requirements, constraints=constraints)
        # What `install` takes after -r is the only argument here.
        call = replace(call, argv=tuple(word for word in call.argv if word != "-r"))
        ended = run_call(call, more, asking)
    _refuse_failure(ended, wish, engine)
    try:
        packages = Pylock.from_dict(toml.loads(ended.stdout)).packages
        return tuple(_file(package, wish, tags_for(asking.facts)) for package in packages)
    except (toml.TOMLDecodeError, PylockValidationError, ValueError) as error:
        raise odd_answer(engine, str(error).splitlines()[0]) from None


def _file(package: Package, wish: Wish, tags: Mapping[str, int]) -> Offer:
    configured = package.name not in wish.by_url
    if package.archive is not None:
        archive = package.archive
        return offer_at(
            archive.url or archive.path or "",
            name=None,
            sha256=archive.hashes.get("sha256"),
            size_bytes=archive.size,
            configured=configured,
        )
    found = [
        offer_at(
            wheel.url or wheel.path or "",
            name=wheel.filename,
            sha256=wheel.hashes.get("sha256"),
            size_bytes=wheel.size,
            configured=configured,
        )
        for wheel in package.wheels or ()
    ]
    best = best_wheel(found, tags)
    if best is None:
        msg = f"{package.name} {package.version} has no wheel that the target accepts"
        raise ValueError(msg)
    return best


def _refuse_failure(ended: Finished, wish: Wish, engine: Engine) -> None:
    if ended.returncode == 0 and not ended.timed_out:
        return
    if ended.returncode == _BAD_USAGE and (_UNKNOWN_OPTION in ended.stderr or _UNKNOWN_VALUE in ended.stderr):
        msg = "this uv is too old to say what it would install"
        raise TooOldError(msg)
    raise no_answer(ended, wish, engine)
