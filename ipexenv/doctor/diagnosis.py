"""From what a child printed, and how it ended, to the known failure. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipexenv.doctor.ranking import filled, rank
from ipexenv.doctor.scanning import scan
from ipexenv.doctor.words import cure_words
from ipexenv.verify.options import BINDINGS_MODULES, IPEX_MODULES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ipexenv.doctor.surroundings import Surroundings
    from ipexenv.tables.failures import Failure

_MOST_LINES = 3
_OF_MODULES = {"ipex": IPEX_MODULES, "bindings": BINDINGS_MODULES}
"""Failures, by the first word of their ids, that only importing these brings about."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis:
    """One known failure, with its words filled in."""

    failure: Failure
    cause: str
    cure: str
    lines: tuple[str, ...] = ()
    """What was printed that shows it; empty where the ending alone does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Symptoms:
    """What a child left behind."""

    printed: str
    returncode: int | None = None
    """As Python gives it; None where it tells nothing."""
    about: str = ""
    """The module that was imported."""
    waits_for_ranks: bool = False
    """Whether several processes did not come to an end."""


def diagnose(symptoms: Symptoms, failures: Sequence[Failure], seen: Surroundings) -> Diagnosis | None:
    """Return the failure that explains best: by what was printed, else by how the process ended.

    What the environment speaks against is left out. A text that only says that something failed gives way to the
    ending, since both then say the same and the ending says more.
    """
    causes = rank(scan([f"{symptoms.printed}\n".encode()], failures), seen.facts)
    likely = [cause for cause in causes if cause.unlikely is None and cause.failure.severity in {"fatal", "degraded"}]
    best = next((cause for cause in likely if not cause.failure.generic), None)
    by_ending = _hang(failures) if symptoms.waits_for_ranks else _of_ending(symptoms, failures)
    if best is None and by_ending is None:
        best = next(iter(likely), None)
    words = cure_words(seen.facts, seen.target_words)
    if best is not None:
        lines = tuple(line.text for line in best.lines[:_MOST_LINES])
        return _told(best.failure, {**words, **dict(best.groups)}, lines)
    return None if by_ending is None else _told(by_ending, words)


def _hang(failures: Sequence[Failure]) -> Failure | None:
    return next((failure for failure in failures if failure.id == "hang-at-start"), None)


def _of_ending(symptoms: Symptoms, failures: Sequence[Failure]) -> Failure | None:
    """Return the failure that ends a process so; one that is told by silence fits nothing else."""
    silent = not symptoms.printed.strip()
    fitting = [
        failure
        for failure in failures
        if failure.ending is not None
        and failure.ending.returncode == symptoms.returncode
        and (silent or not failure.ending.silent)
        and symptoms.about in _OF_MODULES.get(failure.id.partition("-")[0], (symptoms.about,))
    ]
    return next((each for each in fitting if each.ending and each.ending.silent), next(iter(fitting), None))


def _told(failure: Failure, words: Mapping[str, str], lines: tuple[str, ...] = ()) -> Diagnosis:
    return Diagnosis(failure=failure, cause=filled(failure.cause, words), cure=filled(failure.cure, words), lines=lines)
