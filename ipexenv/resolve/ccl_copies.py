"""What `status` says of a second oneCCL beside the one that the ccl backend brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.resolve.mixture import removal_command
from ipexenv.ruling import Note

if TYPE_CHECKING:
    from ipexenv.facts import Facts

_IPEX = "/intel_extension_for_pytorch/"


def ccl_copy_notes(facts: Facts) -> tuple[Note, ...]:
    """Return one note for each other libccl, with the command that takes it away where it is not IPEX's own.

    Nothing where no ccl backend is installed: then nobody loads two.
    """
    installed = facts.installed
    backend = installed.bindings or installed.bridge
    if backend is None:
        return ()
    named = f"{backend.name} {backend.version}"
    words = [_inside(path, facts, named) for path in installed.other_ccl]
    words += [_before(path, named, by_path=installed.bindings is None) for path in installed.ccl_on_path]
    return tuple(Note(code="second-libccl", text=text) for text in words)


def _inside(path: str, facts: Facts, named: str) -> str:
    ipex, oneccl = facts.installed.ipex, facts.installed.oneccl
    text = f"a second oneCCL is there beside that of {named}: {path}"
    if _IPEX in path and ipex is not None:
        return f"{text}, which {ipex.name} {ipex.version} brings and loads; `ipexenv verify` proves that they agree"
    if oneccl is not None:
        command = removal_command(facts, oneccl)
        return f"{text}, of {oneccl.name} {oneccl.version}: `{command}` removes it if nothing else needs it"
    return f"{text}, which no package owns up to: remove it if nothing else needs it"


def _before(path: str, named: str, *, by_path: bool) -> str:
    if by_path:
        return f"LD_LIBRARY_PATH names a second oneCCL, {path}: {named} loads its own all the same"
    return (
        f"LD_LIBRARY_PATH names a second oneCCL, {path}, which the loader takes before that of {named}: take its folder"
        " out of LD_LIBRARY_PATH"
    )
