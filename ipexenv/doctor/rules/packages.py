"""What is installed, and what has become of it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.doctor.finding import Finding
from ipexenv.errors import AnswerIsNo
from ipexenv.resolve.fit import judge
from ipexenv.resolve.restoring import restorations
from ipexenv.resolve.trainer.advice import TrainerWish
from ipexenv.resolve.trainer.decide import advise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.doctor.finding import Severity
    from ipexenv.doctor.surroundings import Surroundings
    from ipexenv.tables.schema import Tables

_ASIDE: dict[str, Severity] = {
    "yanked": "warning",
    "patch-drift": "info",
    "older-bridge": "info",
    "second-libccl": "warning",
    "no-ipex": "info",
    "no-torch": "info",
    "unknown-release": "warning",
}
"""Notes of the judgement that do not speak against the environment; every other one is an error."""

_TRAINER_TROUBLE = frozenset({"no-accelerate", "incompatible-pair", "incompatible-python", "incompatible-torch"})
"""Refusals of `trainer-args` that are a state of the environment."""

_GB = 1 << 30


def misfits(seen: Surroundings, tables: Tables) -> Iterator[Finding]:
    """Report what does not fit, as `status` judges it: pair, ABI, executable stack, C library, numpy, drift."""
    judgement = judge(seen.facts, tables)
    broken = judgement.fits is False
    ways = restorations(seen.facts, tables) if broken else ()
    commands = [way.command.replace("ipexenv install", f"ipexenv install{seen.target_words}") for way in ways]
    for note in judgement.findings:
        severity = _ASIDE.get(note.code, "error")
        cure = ", or ".join(f"`{command}`" for command in commands)
        yield Finding(
            id=note.code,
            severity=severity,
            summary=note.text,
            cure=(cure or f"`ipexenv resolve{seen.target_words}` says what would fit") if severity == "error" else None,
            install=_arguments(commands) if severity == "error" else (),
        )


def _arguments(commands: list[str]) -> tuple[str, ...]:
    """Return what `install` needs to put it right, where that leaves torch as it is: the others want a person."""
    import shlex  # noqa: PLC0415 (a broken environment alone needs it)

    for command in commands:
        words = shlex.split(command)
        if words[:2] == ["ipexenv", "install"] and "--allow-torch-change" not in words:
            return tuple(words[2:]) or ("--stack", "ipex")
    return ()


def frameworks(seen: Surroundings, tables: Tables) -> Iterator[Finding]:
    """Report transformers and accelerate that do not train together, or not with this torch or Python."""
    if seen.facts.installed.transformers is None:
        return
    try:
        advise(seen.facts, TrainerWish(), tables)
    except AnswerIsNo as error:
        if error.code in _TRAINER_TROUBLE:
            yield Finding(
                id=error.code,
                severity="warning",
                summary=error.message,
                cause="; ".join(error.causes) or None,
                cure=error.hint,
            )


def end_of_life(seen: Surroundings) -> Iterator[Finding]:
    """Report that IPEX is archived with known security problems; the bindings are deprecated."""
    ipex, bindings = seen.facts.installed.ipex, seen.facts.installed.bindings
    if ipex is not None:
        yield Finding(
            id="ipex-end-of-life",
            severity="warning",
            summary=f"IPEX {ipex.version} is at its end of life",
            cause="Intel archived it in March 2026, with known security problems that nobody mends; 2.8.0 is the last",
            cure=f"plan the move to stock PyTorch: `ipexenv resolve{seen.target_words} --stack native` shows it",
        )
    if bindings is not None:
        yield Finding(
            id="bindings-end-of-life",
            severity="info",
            summary=f"the oneCCL bindings {bindings.version} are deprecated",
            cause="Intel ended them in November 2025; 2.7.0 is the last for CPUs, and their index refuses downloads",
            cure=f"the bridge takes their place: remove them, then `ipexenv install{seen.target_words} --ccl bridge`",
        )


def cuda_build(seen: Surroundings) -> Iterator[Finding]:
    """Report a CUDA build of torch on a machine without GPU: gigabytes that nobody uses."""
    torch = seen.facts.installed.torch
    build = None if torch is None else torch.build or torch.version.local
    if torch is not None and build is not None and build.startswith(("cu", "rocm")):
        gigabytes = seen.gpu_bytes / _GB
        yield Finding(
            id="cuda-build",
            severity="info",
            summary=f"torch {torch.version.public} is the {build} build"
            + (f", with {gigabytes:.1f} GB of GPU libraries" if seen.gpu_bytes else ""),
            cause="the public package index has no other for Linux on x86-64; it works on CPUs",
            cure="where space matters, take the CPU build from PyTorch's own index",
        )


def conda_mix(seen: Surroundings) -> Iterator[Finding]:
    """Report pip's torch in a conda environment, whose libstdc++ comes first."""
    target, torch = seen.facts.target, seen.facts.installed.torch
    if target.environment == "conda" and torch is not None and torch.installer in {"pip", "uv"}:
        yield Finding(
            id="conda-mix",
            severity="info",
            summary=f"torch in this conda environment was installed by {torch.installer}",
            evidence=(f"prefix {target.prefix}",),
            cause="conda neither sees nor protects it, and conda's libstdc++ and OpenMP are loaded beside torch's own",
            cure="install torch and IPEX by one of the two alone; `ipexenv verify` proves whether it works",
        )


def free_threaded(seen: Surroundings) -> Iterator[Finding]:
    """Report that no IPEX and no bindings exist for a free-threaded Python."""
    if seen.facts.target.free_threaded:
        yield Finding(
            id="free-threaded",
            severity="warning",
            summary=f"Python {seen.facts.target.version} is free-threaded",
            cause="neither IPEX nor Intel's bindings have wheels for it",
            cure="use the ordinary build of the same version",
        )


RULES = (end_of_life, cuda_build, conda_mix, free_threaded)
