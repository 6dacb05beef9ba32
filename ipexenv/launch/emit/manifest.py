"""Write a document as YAML, below comments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ipexenv.launch.emit.model import EmitJob

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z_./-]+")
"""Strings that no reader of YAML, 1.1 or 1.2, takes for anything else; PyYAML itself quotes ``yes`` and its like, but
leaves ``1e3`` as it is, which the reader of Kubernetes takes for a number."""

_WIDE = 10**6


def yaml_text(document: dict[str, Any], comments: Sequence[str]) -> str:
    """Return ``document`` as YAML, in its own order, without anchors; texts of several lines stay readable."""
    import yaml  # noqa: PLC0415 (20 ms that no other command has to wait for)

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 (PyYAML's signature)
            return True

    def scalar(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
        # Other line ends than \n would come back as \n from a text of several lines.
        lines = "\n" in text and all(line.isprintable() for line in text.split("\n"))
        style = "|" if lines else None if _PLAIN.fullmatch(text) else '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, scalar)
    body: str = yaml.dump(document, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=_WIDE)
    return "".join(f"# {line}".rstrip() + "\n" for line in comments) + body


def header(job: EmitJob, first: str) -> Iterator[str]:
    """Yield the comments above a job file: how to submit it, what to know, why each variable has its value."""
    yield first
    for note in job.notes:
        yield f"Note: {_one_line(note)}."
    for setting in job.environment:
        yield f"{setting.name}: {_one_line(setting.reason)}"
    yield "Binding to cores and what lies in the folder of a package is settled on the node, by the text after -c."


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split())).rstrip(".")
