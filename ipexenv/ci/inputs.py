"""What the user asks the set-up step for. Pure.

Inputs come as variables, never inside a command's text, and each becomes one word of an argument list: a shell has no
part in it, whatever an input holds. ``INPUT_TORCH`` is what GitHub calls the input torch (its own namespace);
``IPEXENV_CI_TORCH`` is the same everywhere, and counts where the other is empty.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ipexenv import __version__
from ipexenv.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

Proving = Literal["false", "true", "strict"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PROVING: dict[str, Proving] = {"false": "false", "true": "true", "strict": "strict"}
_FLAGS = {"true": True, "false": False}


@dataclass(frozen=True, kw_only=True, slots=True)
class CiInputs:
    """The inputs of the step; None where one is empty, so that ipexenv's own default holds."""

    venv: str
    venv_is_named: bool = False
    """Whether the user named the folder: what lies there may be the user's own."""
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
    cache: bool = True
    """Whether an environment of an earlier run may be used, and this one be kept."""
    working_directory: str = "."
    """Where relative paths begin."""

    def choice_words(self) -> tuple[str, ...]:
        """Return the options that ``install`` and ``resolve`` share, each one word."""
        values = {"torch": self.torch, "stack": self.stack, "ccl": self.ccl}
        words = [f"--{name}={value}" for name, value in values.items() if value is not None]
        words += [f"--source={source}" for source in self.sources]
        return (*words, *(("--allow-yanked",) if self.allow_yanked else ()))

    def install_words(self, venv: str) -> tuple[str, ...]:
        """Return the words of ``ipexenv install``; values stand behind ``=``, so that none is taken for an option."""
        values = {"venv": venv, "python": self.python, "from-lock": self.lock}
        words = [f"--{name}={value}" for name, value in values.items() if value is not None]
        proving = ("--verify",) if self.verify != "false" else ()
        return ("install", *words, *self.choice_words(), *proving, "--quiet")


def read_inputs(env: Mapping[str, str], *, usual_venv: str) -> CiInputs:
    """Return the inputs; raise UsageError that names an input that cannot be."""
    version = _word(env, "version")
    if version not in {None, __version__}:
        raise _unusable("version", str(version), f"this is ipexenv {__version__}", f"install ipexenv {version}")
    venv = _word(env, "venv")
    return CiInputs(
        venv=venv or usual_venv,
        venv_is_named=venv is not None,
        torch=_word(env, "torch"),
        python=_word(env, "python"),
        stack=_word(env, "stack"),
        ccl=_word(env, "ccl"),
        lock=_word(env, "lock"),
        sources=tuple(_text(env, "sources").split()),
        allow_yanked=_flag(env, "allow-yanked", usual=False),
        verify=_proving(env),
        cache=_flag(env, "cache", usual=True),
        working_directory=_word(env, "working-directory") or ".",
    )


def _word(env: Mapping[str, str], name: str) -> str | None:
    value = _text(env, name)
    if _CONTROL.search(value):
        raise _unusable(name, value, "it holds a line end or another control character", "write it on one line")
    return value or None


def _flag(env: Mapping[str, str], name: str, *, usual: bool) -> bool:
    value = _text(env, name).lower()
    if value and value not in _FLAGS:
        raise _unusable(name, value, "it is neither true nor false", f"`{name}: true`")
    return _FLAGS.get(value, usual)


def _proving(env: Mapping[str, str]) -> Proving:
    value = _text(env, "verify").lower() or "false"
    if value not in _PROVING:
        raise _unusable("verify", value, "it is none of false, true and strict", "`verify: true`")
    return _PROVING[value]


def _text(env: Mapping[str, str], name: str) -> str:
    variable = name.upper().replace("-", "_")
    given = env.get(f"INPUT_{variable}", "").strip(" \t\r\n")
    return given or env.get(f"IPEXENV_CI_{variable}", "").strip(" \t\r\n")


def _unusable(name: str, value: str, why: str, hint: str) -> UsageError:
    return UsageError(f"the input {name} cannot be {value!r}", code="bad-input", causes=(why,), hint=hint)
