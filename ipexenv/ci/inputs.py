"""What the user asks the set-up step for. Pure.

Inputs come as ``INPUT_*`` variables, never inside a command's text, and each becomes one word of an argument list: a
shell has no part in it, whatever an input holds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ipexenv.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

Proving = Literal["false", "true", "strict"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PROVING: dict[str, Proving] = {"false": "false", "true": "true", "strict": "strict"}
_FLAGS = {"true": True, "false": False, "": False}


@dataclass(frozen=True, kw_only=True, slots=True)
class CiInputs:
    """The inputs of the step; None where one is empty, so that ipexenv's own default holds."""

    venv: str
    torch: str | None = None
    python: str | None = None
    """The interpreter that the environment is made with."""
    stack: str | None = None
    ccl: str | None = None
    lock: str | None = None
    sources: tuple[str, ...] = ()
    allow_yanked: bool = False
    verify: Proving = "false"
    """``strict``: a check that is ``degraded`` counts as a failure."""

    def install_words(self) -> tuple[str, ...]:
        """Return the words of ``ipexenv install``; values stand behind ``=``, so that none is taken for an option."""
        values = {
            "venv": self.venv,
            "python": self.python,
            "torch": self.torch,
            "stack": self.stack,
            "ccl": self.ccl,
            "from-lock": self.lock,
        }
        words = [f"--{name}={value}" for name, value in values.items() if value is not None]
        words += [f"--source={source}" for source in self.sources]
        words += ["--allow-yanked"] * self.allow_yanked + ["--verify"] * (self.verify != "false")
        return ("install", *words, "--json")


def read_inputs(env: Mapping[str, str], *, usual_venv: str) -> CiInputs:
    """Return the inputs; raise UsageError that names an input that cannot be."""
    return CiInputs(
        venv=_word(env, "venv") or usual_venv,
        torch=_word(env, "torch"),
        python=_word(env, "python"),
        stack=_word(env, "stack"),
        ccl=_word(env, "ccl"),
        lock=_word(env, "lock"),
        sources=tuple(env.get("INPUT_SOURCES", "").split()),
        allow_yanked=_flag(env, "allow-yanked"),
        verify=_proving(env),
    )


def _word(env: Mapping[str, str], name: str) -> str | None:
    value = _text(env, name)
    if _CONTROL.search(value):
        raise _unusable(name, value, "it holds a line end or another control character", "write it on one line")
    return value or None


def _flag(env: Mapping[str, str], name: str) -> bool:
    value = _text(env, name).lower()
    if value not in _FLAGS:
        raise _unusable(name, value, "it is neither true nor false", f"`{name}: true`")
    return _FLAGS[value]


def _proving(env: Mapping[str, str]) -> Proving:
    value = _text(env, "verify").lower() or "false"
    if value not in _PROVING:
        raise _unusable("verify", value, "it is none of false, true and strict", "`verify: true`")
    return _PROVING[value]


def _text(env: Mapping[str, str], name: str) -> str:
    return env.get(f"INPUT_{name.upper().replace('-', '_')}", "").strip(" \t\r\n")


def _unusable(name: str, value: str, why: str, hint: str) -> UsageError:
    return UsageError(f"the input {name} cannot be {value!r}", code="bad-input", causes=(why,), hint=hint)
