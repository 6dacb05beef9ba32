"""Ask pip what it would install: its installation report (a stable format since pip 23.0, there since 22.2)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from packaging.version import Version

from ipexenv.errors import OutsideError
from ipexenv.events import Event
from ipexenv.install.engine import choose_engine
from ipexenv.install.wish import call_for, no_answer, odd_answer, offer_at, run_call, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ipexenv.facts import Facts
    from ipexenv.install.engine import Engine
    from ipexenv.install.wish import Asking, Wish
    from ipexenv.ruling import Offer
    from ipexenv.system.world import World

_REPORT_SINCE = Version("22.2")
_METADATA_ALONE_SINCE = Version("25.3")
"""From here on a dry run with `fast-deps` reads metadata alone (PEP 658, or ranges); measured, 23.2 to 26.3."""


def ask_pip(wish: Wish, engine: Engine, asking: Asking) -> tuple[Offer, ...]:
    """Return the files that pip would install.

    A pip without installation reports is passed over for the one beside ipexenv, and so is one that would download
    whole wheels to decide where that would not. Raises OutsideError where no pip can say it, or pip finds no answer or
    an odd one.
    """
    able = _able(engine, asking.facts, asking.world)
    frugal = _is_frugal(able)
    aside = "" if frugal else ": it may download to decide"
    asking.listen(Event(kind="step", text=f"asking pip {able.version or ''} what it would install{aside}"))
    more = ["--dry-run", *(["--ignore-installed"] if wish.fresh else [])]
    more += ["--use-feature=fast-deps"] if frugal else []
    more += [] if wish.with_dependencies else ["--no-deps"]
    with written(wish) as (folder, requirements, constraints):
        report = folder / "report.json"
        call = call_for(wish, able, asking, requirements=requirements, constraints=constraints)
        ended = run_call(call, [*more, "--report", str(report)], asking)
        if ended.returncode != 0 or ended.timed_out:
            raise no_answer(ended, wish, able)
        return _read(report, wish, able)


def _read(report: Path, wish: Wish, engine: Engine) -> tuple[Offer, ...]:
    try:
        return tuple(_files(json.loads(report.read_text(encoding="utf-8")), wish))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise odd_answer(engine, f"its report cannot be read: {error}") from None


def _files(document: Mapping[str, Any], wish: Wish) -> Iterator[Offer]:
    for row in document["install"]:
        origin = row["download_info"]
        archive = origin.get("archive_info") or {}
        older = archive.get("hash") or ""
        sha256 = (archive.get("hashes") or {}).get("sha256")
        if sha256 is None and older.startswith("sha256="):
            sha256 = older.removeprefix("sha256=")
        offer = offer_at(origin["url"], name=None, sha256=sha256, size_bytes=None, configured=True)
        yanked = "" if row.get("is_yanked") else None
        yield replace(offer, configured=offer.project not in wish.by_url, yanked=yanked)


def _is_frugal(engine: Engine) -> bool:
    return engine.version is not None and engine.version >= _METADATA_ALONE_SINCE


def _able(engine: Engine, facts: Facts, world: World) -> Engine:
    """Return the pip to ask: the engine, or the pip beside ipexenv where that does better and knows the environment."""
    if engine.version is None or _is_frugal(engine):
        return engine
    reports = engine.version >= _REPORT_SINCE
    if reports and facts.target.environment != "venv":
        return engine
    without_own = replace(facts.target, site_packages=None, environment="venv")
    try:
        ours = choose_engine("pip", without_own, world)
    except OutsideError:
        if reports:
            return engine
        raise OutsideError(
            f"pip {engine.version} cannot say what it would install",
            code="no-engine",
            causes=(f"it knows no installation report, which came with pip {_REPORT_SINCE}",),
            hint="install uv with `pip install 'ipexenv[uv]'`, or update the pip of the environment",
        ) from None
    return engine if reports and not _is_frugal(ours) else ours
