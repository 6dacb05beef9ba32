"""Intel's bindings and the bridge in one environment, and the command that removes a package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.ruling import Note

if TYPE_CHECKING:
    from ipexenv.facts import Facts, Package


def mixture_finding(facts: Facts) -> Note | None:
    """Return what is wrong where bindings and bridge are both installed, None where they are not."""
    bindings, bridge = facts.installed.bindings, facts.installed.bridge
    if bindings is None or bridge is None:
        return None
    text = (
        f"{bindings.name} {bindings.version} and {bridge.name} {bridge.version} are both installed and overwrite each "
        f"other's files: remove both with `{removal_command(facts, bridge, bindings)}` and install one of them again"
    )
    return Note(code="mixture", text=text)


def removal_command(facts: Facts, *packages: Package) -> str:
    """Return the command line that removes packages from the target, in this order, with what installed them."""
    import shlex  # noqa: PLC0415 (start-up time: `status` seldom needs it)

    names = " ".join(package.name for package in packages)
    target = facts.target.executable
    program = None if target is None else shlex.quote(target)
    if any(package.installer == "uv" for package in packages):
        return f"uv pip uninstall {names}" if program is None else f"uv pip uninstall --python {program} {names}"
    return f"pip uninstall {names}" if program is None else f"{program} -m pip uninstall {names}"
