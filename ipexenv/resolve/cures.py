"""Commands that would help. Each was tried: a hint that fails in its turn is worse than none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from ipexenv.outcome import Resolution
from ipexenv.resolve.mixture import removal_command
from ipexenv.resolve.rules.torch import torch_words
from ipexenv.resolve.situation import minor_of, public

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ipexenv.outcome import Request
    from ipexenv.resolve.refusal import Refusal
    from ipexenv.resolve.situation import Situation

    Decide = Callable[[Situation], Resolution | Refusal]
    Cure = tuple[str, Request]
    Outcome = tuple[tuple[str, str, bool], ...]

_MOST = 2
_NO_CURE = "`ipexenv matrix` lists what every release needs"


def find_cures(refusal: Refusal, code: str, situation: Situation, decide: Decide) -> str:
    """Return up to two commands that resolve here, and differently, in words."""
    helping: dict[Outcome, str] = _removal(refusal, situation, decide)
    for words, request in _candidates(refusal, code, situation, decide):
        decision = decide(replace(situation, request=request))
        if isinstance(decision, Resolution):
            helping.setdefault(_outcome(decision), f"{words} with `{command_for(request)}`")
        if len(helping) == _MOST:
            break
    if not helping:
        bare = replace(situation.request, stack="native", torch=None, ccl="none", ccl_version=None, mpi=False)
        if isinstance(decide(replace(situation, request=bare)), Resolution):
            return f"take torch alone with `{command_for(bare)}`"
    return ", or ".join(helping.values()) or _NO_CURE


def _outcome(resolution: Resolution) -> Outcome:
    return tuple((pin.name, str(pin.version), pin.installed) for pin in resolution.pins)


def command_for(request: Request) -> str:
    """Return the command line that makes this request."""
    words = ["ipexenv install"]
    words += ["--stack native"] if request.stack == "native" else []
    words += [f"--torch {torch_words(request.torch).removesuffix('.*')}"] if request.torch is not None else []
    words += ["--allow-torch-change"] if request.allow_torch_change else []
    words += ["--allow-yanked"] if request.allow_yanked else []
    words += [f"--ccl {request.ccl}"] if request.ccl != "auto" else []
    words += [f"--ccl-version {request.ccl_version}"] if request.ccl_version is not None else []
    words += ["--mpi"] if request.mpi else []
    words += ["--require-known"] if request.require_known else []
    return " ".join(words)


def _candidates(refusal: Refusal, code: str, situation: Situation, decide: Decide) -> Iterator[Cure]:
    """Yield what might help, the smallest change first."""
    request = situation.request
    installed = situation.facts.installed.torch
    if code == "torch-change-refused":
        yield "replace it", replace(request, allow_torch_change=True)
        yield "replace it", replace(request, allow_torch_change=True, allow_yanked=True)
        if installed is not None:
            yield f"keep torch {installed.version}", replace(request, torch=None)
    if code == "yanked-refused":
        yield "accept it", replace(request, allow_yanked=True)
    if refusal.kind in {"bindings", "bridge"}:
        yield from _other_provider(refusal, request)
    if refusal.kind == "mpi":
        yield "do without Intel MPI", replace(request, mpi=False)
    native = tuple(_native(situation, decide))
    yield from _other_patch(situation)
    moves = tuple(_moves(refusal, situation, decide))
    yield from (*native, *moves) if code == "no-compatible-release" else (*moves, *native)
    if refusal.kind in {"bindings", "bridge"}:
        yield "do without ccl", replace(request, ccl="none", ccl_version=None)


def _native(situation: Situation, decide: Decide) -> Iterator[Cure]:
    """Yield the native stack, with the torch that was asked for where that can be."""
    words = "take stock torch" if situation.facts.installed.torch is None else "keep torch"
    for torch in (situation.request.torch, None):
        request = replace(situation.request, stack="native", torch=torch)
        if isinstance(decide(replace(situation, request=request)), Resolution):
            yield words, request
            return


def _removal(refusal: Refusal, situation: Situation, decide: Decide) -> dict[Outcome, str]:
    """Return the command that removes the other provider of ccl where that alone is in the way."""
    installed = situation.facts.installed
    other = {"bindings": installed.bridge, "bridge": installed.bindings}.get(refusal.kind)
    if other is None:
        return {}
    without = replace(installed, bindings=None, bridge=None)
    decision = decide(replace(situation, facts=replace(situation.facts, installed=without)))
    if not isinstance(decision, Resolution):
        return {}
    return {_outcome(decision): f"remove {other.name} with `{removal_command(situation.facts, other)}` and try again"}


def _other_provider(refusal: Refusal, request: Request) -> Iterator[Cure]:
    if request.ccl_version is not None:
        yield "let the tables choose", replace(request, ccl_version=None)
    if refusal.kind == "bindings":
        yield "take the bridge", replace(request, ccl="bridge", ccl_version=None)
    else:
        yield "take Intel's bindings", replace(request, ccl="bindings")


def _other_patch(situation: Situation) -> Iterator[Cure]:
    """Yield the minor of a torch of which an exact patch was asked for."""
    wanted = situation.request.torch
    if wanted is not None and not str(wanted).endswith("*"):
        minor = minor_of(Version(torch_words(wanted)))
        yield f"take another torch {minor}", replace(situation.request, torch=SpecifierSet(f"=={minor}.*"))


def _moves(refusal: Refusal, situation: Situation, decide: Decide) -> Iterator[Cure]:
    """Yield the newest torch that would do, named by its minor where that is enough."""
    installed = situation.facts.installed.torch is not None
    settled = refusal.torch is not None or situation.request.torch is not None
    for allow_yanked in dict.fromkeys((situation.request.allow_yanked, True)):
        free = replace(situation.request, torch=None, allow_torch_change=True, allow_yanked=allow_yanked)
        found = decide(replace(situation, request=free))
        if not isinstance(found, Resolution):
            continue
        minor = minor_of(found.torch)
        request = replace(free, torch=SpecifierSet(f"=={minor}.*"), allow_torch_change=settled)
        again = decide(replace(situation, request=request))
        if not isinstance(again, Resolution) or again.torch != found.torch:
            request = replace(request, torch=SpecifierSet(f"=={public(found.torch)}"))
        wanted = torch_words(request.torch or SpecifierSet()).removesuffix(".*")
        yield "move it" if installed and refusal.kind == "pair" else f"take torch {wanted}", request
        return
