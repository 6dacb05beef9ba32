"""What is installed, and what has become of it. Pure."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ipexenv.doctor.finding import Finding
from ipexenv.doctor.rules.meanings import MEANINGS
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

_OF_HOST = frozenset({"glibc", "glibcxx", "execstack", "isa", "musl", "architecture", "operating-system", "libraries"})
"""Judgements that rest on the machine."""

_TRAINER_TROUBLE = frozenset({"no-accelerate", "incompatible-pair", "incompatible-python", "incompatible-torch"})
"""Refusals of `trainer-args` that are a state of the environment."""

_RISKY = frozenset({"--allow-torch-change", "--allow-yanked"})

_GB = 1 << 30


def misfits(seen: Surroundings, tables: Tables) -> Iterator[Finding]:
    """Report what does not fit, as `status` judges it: pair, ABI, executable stack, C library, numpy, drift."""
    judgement = judge(seen.facts, tables)
    broken = judgement.fits is False
    ways = restorations(seen.facts, tables) if broken else ()
    commands = [way.command.replace("ipexenv install", f"ipexenv install{seen.target_words}") for way in ways]
    mismatched = any(note.code == "torch" for note in judgement.findings)
    for note in judgement.findings:
        if note.code == "patch-drift" and mismatched:
            continue  # another minor is said already
        severity = _ASIDE.get(note.code, "error")
        meaning = MEANINGS.get(note.code)
        own = None if meaning is None or meaning.cure is None else meaning.cure.format(target=seen.target_words)
        mending = ", or ".join(f"`{command}`" for command in commands)
        fallback = f"`ipexenv resolve{seen.target_words}` says what would fit"
        yield Finding(
            id=note.code,
            severity=severity,
            summary=note.text,
            evidence=tuple(_evidence(note.code, seen)),
            cause=None if meaning is None else meaning.cause,
            cure=(mending or own or fallback) if severity == "error" else own,
            install=_arguments(commands) if severity == "error" else (),
        )


def _evidence(code: str, seen: Surroundings) -> Iterator[str]:
    """Give what the judgement rests on: the versions that are installed, or what the host has."""
    installed, host, target = seen.facts.installed, seen.facts.host, seen.facts.target
    if code in _OF_HOST:
        yield f"{host.distribution or host.system}, {host.libc.family} {host.libc.version or 'of unknown version'}"
        if target.glibcxx is not None and code == "glibcxx":
            yield f"the libstdc++ that is loaded ends at GLIBCXX_{target.glibcxx}"
        if code == "isa" and host.cpu.isa is not None:
            yield f"{host.cpu.model or 'the CPU'}: {host.cpu.isa.label}"
        return
    if code in {"python", "free-threaded", "implementation"}:
        yield f"{target.implementation} {target.version} ({target.executable})"
    named = {
        "numpy": ("torch", "numpy"),
        "partner": ("torch", "torchvision", "torchaudio"),
        "trainer": ("transformers", "accelerate", "torch", "ipex"),
    }
    for name in named.get(code, ("torch", "ipex", "bindings", "bridge")):
        package = getattr(installed, name)
        if package is not None:
            yield f"{package.name} {package.version}" + (f" in {package.location}" if package.location else "")


def _arguments(commands: list[str]) -> tuple[str, ...]:
    """Return what `install` needs to put it right, where it changes no torch and takes nothing that was withdrawn.

    The others want a person.
    """
    for command in commands:
        words = shlex.split(command)
        if words[:2] == ["ipexenv", "install"] and not _RISKY.intersection(words):
            return tuple(words[2:]) or ("--stack", "ipex")
    return ()


def frameworks(seen: Surroundings, tables: Tables) -> Iterator[Finding]:
    """Report transformers and accelerate that do not train together, and which arguments of the Trainer work here."""
    package = seen.facts.installed.transformers
    if package is None:
        return
    command = f"`ipexenv trainer-args{seen.target_words}`"
    there = tuple(_evidence("trainer", seen))
    try:
        advice = advise(seen.facts, TrainerWish(), tables)
    except AnswerIsNo as error:
        if error.code in _TRAINER_TROUBLE:
            yield Finding(
                id=error.code,
                severity="warning",
                summary=error.message,
                evidence=there,
                cause="; ".join(error.causes) or "they were not made for each other",
                cure=error.hint or f"{command} says more",
            )
        return
    yield Finding(
        id="trainer-flags",
        severity="info",
        summary=f"the Trainer of transformers {package.version} takes `{' '.join(advice.flags)}` here",
        evidence=(*there, *(f"not {' '.join(each.words)}: {each.reason}" for each in advice.left_out)),
        cause="its arguments change between versions: some are refused, others taken and ignored",
        cure=f"{command} says which, and why",
    )
    for variable in advice.environment:
        if seen.env.get(variable.name) != variable.value:
            yield Finding(
                id="trainer-environment",
                severity="warning",
                summary=f"the Trainer needs {variable.name}={variable.value}",
                evidence=(f"{variable.name}={seen.env.get(variable.name, '(not set)')}",),
                cause=variable.reason,
                cure=f"`export {variable.name}={variable.value}`, or start with `ipexenv run`",
            )
    for note in advice.notes:
        yield Finding(
            id=note.code,
            severity="info",
            summary=note.text,
            evidence=there,
            cause="that is how these versions work together",
            cure=f"{command} says more",
        )


def end_of_life(seen: Surroundings) -> Iterator[Finding]:
    """Report that IPEX is archived with known security problems; the bindings are deprecated."""
    ipex, bindings = seen.facts.installed.ipex, seen.facts.installed.bindings
    if ipex is not None:
        yield Finding(
            id="ipex-end-of-life",
            severity="warning",
            summary=f"IPEX {ipex.version} is at its end of life",
            evidence=(f"{ipex.name} {ipex.version}" + (f" in {ipex.location}" if ipex.location else ""),),
            cause="Intel archived it in March 2026, with known security problems that nobody mends; 2.8.0 is the last",
            cure=f"plan the move to stock PyTorch: `ipexenv resolve{seen.target_words} --stack native` shows it",
        )
    if bindings is not None:
        yield Finding(
            id="bindings-end-of-life",
            severity="info",
            summary=f"the oneCCL bindings {bindings.version} are deprecated",
            evidence=(
                f"{bindings.name} {bindings.version}" + (f" in {bindings.location}" if bindings.location else ""),
            ),
            cause="Intel ended them in November 2025; 2.7.0 is the last for CPUs, and their index refuses downloads",
            cure=f"the bridge takes their place: remove them, then `ipexenv install{seen.target_words} --ccl bridge`",
        )


def cuda_build(seen: Surroundings, tables: Tables) -> Iterator[Finding]:
    """Report a CUDA build of torch on a machine without GPU: gigabytes that nobody uses."""
    torch = seen.facts.installed.torch
    build = None if torch is None else torch.build or torch.version.local
    url = next((source.url for source in tables.sources if source.name == "pytorch-cpu"), None)
    if torch is not None and build is not None and build.startswith(("cu", "rocm")) and not seen.has_gpu:
        python = seen.facts.target.executable or "python"
        gigabytes = seen.gpu_bytes / _GB
        yield Finding(
            id="cuda-build",
            severity="info",
            summary=f"torch {torch.version.public} is the {build} build"
            + (f", with {gigabytes:.1f} GB of GPU libraries" if seen.gpu_bytes else ""),
            evidence=(f"torch {torch.version} in {torch.location}", "no device of a GPU under /dev"),
            cause="the public package index has no other for Linux on x86-64; it works on CPUs",
            cure="where space matters, take the CPU build from PyTorch's own index"
            + (
                f": `{shlex.quote(python)} -m pip install --no-deps --force-reinstall --index-url {url} "
                f"torch=={torch.version.public}`, then uninstall what `pip list` shows as nvidia-*"
                if url
                else ""
            ),
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
            evidence=(f"a free-threading build: {seen.facts.target.executable or seen.facts.target.prefix}",),
            cause="neither IPEX nor Intel's bindings have wheels for it",
            cure="use the ordinary build of the same version",
        )


RULES = (end_of_life, conda_mix, free_threaded)
