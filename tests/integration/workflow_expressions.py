"""The expressions of GitHub's workflow files, as far as this project's action uses them; anything else is refused.

Source: GitHub's page "Evaluate expressions in workflows and actions": loose equality, strings compared without regard
to case, ``&&`` and ``||`` return an operand, an output that nobody has set is empty.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_EMBEDDED = re.compile(r"\$\{\{\s*(.+?)\s*\}\}")
_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<name>[A-Za-z_][\w.-]*)|(?P<sign>==|!=|&&|\|\||!|\(|\)))")


@dataclass(frozen=True, kw_only=True)
class Context:
    """What expressions may name."""

    values: Mapping[str, str]
    """By their whole name, as ``inputs.torch``."""
    has_failed: bool = False
    """Whether an earlier step failed."""


def filled(text: str, context: Context) -> str:
    """Return ``text`` with its expressions replaced."""
    return _EMBEDDED.sub(lambda match: evaluated(match[1], context), text)


def holds(condition: str, context: Context) -> bool:
    """Say whether a step with this ``if:`` runs: without a status function it does only where nothing has failed."""
    inner = _EMBEDDED.fullmatch(condition.strip())
    text = inner[1] if inner else condition
    asks_status = re.search(r"\b(success|always|failure)\(\)", text) is not None
    found = bool(evaluated(text, context))
    return found if asks_status else found and not context.has_failed


def evaluated(text: str, context: Context) -> str:
    """Return the value of an expression; ``false`` is the empty text."""
    parser = _Parser(tokens=_tokens(text), context=context)
    value = parser.either()
    assert not parser.tokens, f"this runner does not know what follows in {text!r}"
    return value


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        assert match, f"this runner does not know {text[at:]!r}"
        found.append(match[0].strip())
        at = match.end()
    return found


@dataclass
class _Parser:
    tokens: list[str]
    context: Context

    def either(self) -> str:
        value = self.both()
        while self.take("||"):
            other = self.both()
            value = value or other
        return value

    def both(self) -> str:
        value = self.equal()
        while self.take("&&"):
            other = self.equal()
            value = value and other
        return value

    def equal(self) -> str:
        value = self.one()
        for sign, same in (("==", True), ("!=", False)):
            if self.take(sign):
                return "true" if (value.lower() == self.one().lower()) is same else ""
        return value

    def one(self) -> str:
        assert self.tokens, "the expression ends too early"
        if self.take("!"):
            return "" if self.one() else "true"
        if self.take("("):
            value = self.either()
            assert self.take(")"), "a parenthesis is not closed"
            return value
        token = self.tokens.pop(0)
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if self.take("("):
            assert self.take(")"), f"this runner knows no arguments of {token}()"
            return self.status(token)
        known = token in self.context.values or re.fullmatch(r"steps\.[\w-]+\.outputs\.[\w-]+", token)
        assert known, f"this runner does not know {token}"
        return self.context.values.get(token, "")

    def status(self, name: str) -> str:
        states = {"always": True, "success": not self.context.has_failed, "failure": self.context.has_failed}
        assert name in states, f"this runner does not know {name}()"
        return "true" if states[name] else ""

    def take(self, token: str) -> bool:
        if self.tokens[:1] == [token]:
            self.tokens.pop(0)
            return True
        return False
