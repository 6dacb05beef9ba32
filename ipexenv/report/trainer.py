"""The Trainer's arguments as words of a command line, as a snippet and as JSON; why, in lines for people."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from ipexenv.resolve.trainer.pairing import in_order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.resolve.trainer.advice import Advice, Argument

FORMATS = ("flags", "python", "json")


def advice_text(advice: Advice, format_name: str) -> str:
    """Return what goes to stdout: the arguments, and nothing else.

    ``flags`` is one line for a shell, ``python`` the arguments inside ``TrainingArguments(…)``, ``json`` an object
    that transformers' HfArgumentParser.parse_json_file reads.
    """
    if format_name == "flags":
        return shlex.join(advice.flags) + "\n"
    if format_name == "json":
        return json.dumps(advice.fields, indent=2) + "\n"
    width = max(len(_assigned(argument)) for argument in advice.arguments)
    lines = [f"    {_assigned(argument):<{width}}  # {argument.reason}\n" for argument in advice.arguments]
    environment = [
        f"os.environ.setdefault({json.dumps(variable.name)}, {json.dumps(variable.value)})  # {variable.reason}\n"
        for variable in advice.environment
    ]
    above = ["import os\n\n", *environment, "\n"] if environment else []
    return "".join([*above, "TrainingArguments(\n", *lines, ")\n"])


def reasons(advice: Advice, *, explain: bool) -> Iterator[str]:
    """Yield what to say beside the arguments: what they need of the environment, notes, and with ``explain`` why."""
    if explain:
        yield _versions(advice)
        rows = [(" ".join(argument.words), argument.reason) for argument in advice.arguments]
        rows += [(f"not {' '.join(argument.words)}", argument.reason) for argument in advice.left_out]
        width = max(len(name) for name, _ in rows)
        yield from (f"  {name:<{width}}  {reason}" for name, reason in rows)
    for variable in advice.environment:
        setting = f"{variable.name}={variable.value}"
        how = "`ipexenv run` sets it" if variable.name.startswith("CCL_") else f"`ipexenv run --env {setting}`"
        yield f"needs {setting} in the environment ({how}): {variable.reason}"
    yield from (f"note: {note.text}" for note in advice.notes)


def advice_data(advice: Advice) -> dict[str, Any]:
    """Return the JSON ``data`` of ``trainer-args``."""
    return {
        "transformers": str(advice.transformers),
        "accelerate": _text(advice.accelerate),
        "torch": _text(advice.torch),
        "needs": {
            row.framework: {"python": str(row.python), "torch": str(row.torch), "accelerate": str(row.accelerate)}
            for row in advice.needs
        },
        "ranks": advice.ranks,
        "dtype": advice.precision,
        "backend": advice.backend,
        "flags": list(advice.flags),
        "arguments": advice.fields,
        "environment": {variable.name: variable.value for variable in advice.environment},
        "reasons": [_reason(argument) for argument in advice.arguments]
        + [{"flag": variable.name, "why": variable.reason} for variable in advice.environment],
        "left_out": [_reason(argument) for argument in advice.left_out],
        "notes": [{"code": note.code, "text": note.text} for note in advice.notes],
    }


def _versions(advice: Advice) -> str:
    parts = [f"transformers {advice.transformers}"]
    parts += [f"accelerate {advice.accelerate}"] if advice.accelerate else []
    wanted = [f"{row.framework} wants {in_order(row.torch)}" for row in advice.needs if str(row.torch)]
    parts += [f"torch {advice.torch or 'unknown'}" + (f" ({', '.join(wanted)})" if wanted else "")]
    return f"{', '.join(parts)}; {advice.ranks} {'rank' if advice.ranks == 1 else 'ranks'} in {advice.precision}"


def _assigned(argument: Argument) -> str:
    return f"{argument.field}={True if argument.value is None else json.dumps(argument.value)},"


def _reason(argument: Argument) -> dict[str, str]:
    return {"flag": " ".join(argument.words), "why": argument.reason}


def _text(version: object) -> str | None:
    return None if version is None else str(version)
