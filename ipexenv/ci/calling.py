"""Do what a command of ipexenv does, in this process, and take its answer as the JSON that ``--json`` prints."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ipexenv.cli import parse_words
from ipexenv.doctor.afterword import afterword
from ipexenv.errors import IpexenvError, UsageError
from ipexenv.report.machine import answer_document, error_document

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from ipexenv.answer import Problem
    from ipexenv.events import Listener
    from ipexenv.system.world import World


def call(words: Sequence[str], world: World, listen: Listener) -> dict[str, Any]:
    """Return the envelope that ``ipexenv WORDS --json`` answers with, the known cause of a failure included.

    Raises nothing that is an answer: what the command raises on purpose is in the envelope, with its exit code.
    """
    options = None
    try:
        command, options = parse_words(words, world)
        answer = command.run(options, world, listen)
    except IpexenvError as error:
        texts = [error.message, *error.causes]
        known = None if isinstance(error, UsageError) else _known(texts, error.data or {}, options, world)
        return _envelope(error_document(words[0], error, known))
    known = None
    if answer.exit_code:
        texts = [text for problem in answer.problems for text in (problem.message, *problem.causes)]
        known = _known(texts, answer.data, options, world)
    return _envelope(answer_document(words[0], answer, known))


def _known(
    texts: Sequence[str], data: Mapping[str, Any], options: argparse.Namespace | None, world: World
) -> Problem | None:
    try:
        return afterword(texts, data, options, world)
    except ImportError:  # the first environment of a step has no re2: the failure is told without its known cause
        return None


def _envelope(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found
