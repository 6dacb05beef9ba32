"""The command line of a published transformers, read out of its wheel: neither torch nor its other needs are there."""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def published_arguments(version: str, folder: Path) -> argparse.ArgumentParser:
    """Return a parser of what TrainingArguments of this version declares, as its HfArgumentParser makes one.

    An option for every field, switches without a value, and the choices; what is not given is not in the result.
    """
    parser = argparse.ArgumentParser(exit_on_error=False, argument_default=argparse.SUPPRESS, allow_abbrev=False)
    for name, declared in _fields(_source(version, folder)):
        if _is_switch(declared):
            parser.add_argument(f"--{name}", nargs="?", const=True, type=bool)
        else:
            parser.add_argument(f"--{name}", choices=_choices(declared))
    return parser


def _source(version: str, folder: Path) -> str:
    pin = f"transformers=={version}"
    words = ("download", "-q", "--no-deps", "--ignore-requires-python", "--only-binary", ":all:", "-d", str(folder))
    ended = subprocess.run(
        [sys.executable, "-m", "pip", *words, pin], capture_output=True, text=True, check=False, timeout=600
    )
    assert ended.returncode == 0, f"pip cannot download {pin}:\n{ended.stderr}"
    (wheel,) = folder.glob(f"transformers-{version}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.read("transformers/training_args.py").decode("utf-8")


def _fields(source: str) -> Iterator[tuple[str, ast.AnnAssign]]:
    (arguments,) = (
        node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == "TrainingArguments"
    )
    for node in arguments.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id[0] != "_":
            yield node.target.id, node


def _is_switch(declared: ast.AnnAssign) -> bool:
    return ast.unparse(declared.annotation) in {"bool", "Optional[bool]", "bool | None"}


def _choices(declared: ast.AnnAssign) -> list[Any] | None:
    for node in ast.walk(declared):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "choices" and isinstance(value, ast.List):
                    return [ast.literal_eval(item) for item in value.elts]
    return None
