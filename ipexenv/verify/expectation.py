"""What an environment should be able to do, from what is installed in it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import Version

from ipexenv.tables.bridge import BRIDGE_MODULE

if TYPE_CHECKING:
    from ipexenv.facts import Facts, Package
    from ipexenv.outcome import CclChoice, CclProvider, Stack

# Names under which Intel's packages were imported, newest first: the first version that had each.
# Source: __init__.py and README of the releases at their tags.
_IPEX_NAMES = (
    (Version("1.10"), "intel_extension_for_pytorch"),
    (Version("1.9"), "torch_ipex"),
    (Version("0"), "intel_pytorch_extension"),
)
_BINDINGS_NAMES = ((Version("1.12"), "oneccl_bindings_for_pytorch"), (Version("0"), "torch_ccl"))


def expected_stack(facts: Facts, wanted: Stack | None) -> tuple[Stack, str]:
    """Return the stack to prove and why: the one that is ``wanted``, else `ipex` where IPEX is installed."""
    if wanted is not None:
        return wanted, "--stack asks for it"
    ipex = facts.installed.ipex
    if ipex is None:
        return "native", "IPEX is not installed"
    return "ipex", f"{ipex.name} {ipex.version} is installed"


def expected_ccl(facts: Facts, wanted: CclChoice) -> CclProvider:
    """Return the provider that has to work: with ``auto`` the bindings where they are installed, else the bridge."""
    if wanted != "auto":
        return wanted
    if facts.installed.bindings is not None:
        return "bindings"
    return "none" if facts.installed.bridge is None else "bridge"


def expected_imports(facts: Facts, stack: Stack, ccl: CclProvider) -> tuple[str, ...]:
    """Return the modules in the order in which they must be imported: torch, IPEX, bindings or bridge."""
    names = ["torch"]
    if stack == "ipex":
        names.append(_name(facts.installed.ipex, _IPEX_NAMES))
    if ccl == "bindings":
        names.append(_name(facts.installed.bindings, _BINDINGS_NAMES))
    if ccl == "bridge":
        names.append(BRIDGE_MODULE)
    return tuple(names)


def _name(package: Package | None, names: tuple[tuple[Version, str], ...]) -> str:
    if package is None:
        return names[0][1]
    return next(name for since, name in names if package.version >= since)
