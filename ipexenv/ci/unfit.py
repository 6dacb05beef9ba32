"""Whether this machine can be served at all, said before anything is downloaded. Pure.

``ipexenv.ci.tool`` imports this with whatever Python the machine has: standard library, syntax of Python 3.7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

OLDEST_PYTHON = (3, 10)
"""What ipexenv itself needs (pyproject.toml)."""
NEWEST_PYTHON = (3, 15)
"""The newest for which the tables know a torch."""

_SYSTEMS = {"windows": "Windows", "darwin": "macOS"}
_MACHINES = {"aarch64": "arm64", "amd64": "x86_64", "x64": "x86_64"}
_WHERE = {
    "github": "`runs-on: ubuntu-24.04`",
    "gitlab": "`image: python:3.12` on a runner with the tag saas-linux-medium-amd64, or your own on Linux x86_64",
    "azure": "`pool: { vmImage: ubuntu-24.04 }`",
    "jenkins": "an agent with a label for Linux on x86_64, as `agent { label 'linux && x86_64' }`",
    "buildkite": "an agent on Linux x86_64, as `agents: { os: linux, arch: x86_64 }`",
}
_ANYWHERE = "a machine with Linux on x86_64 and glibc, as Ubuntu 24.04"
_PYTHON = {
    "github": "`uses: actions/setup-python` with `python-version: '3.12'` before this step",
    "gitlab": "`image: python:3.12`",
    "azure": "`task: UsePythonVersion@0` with `versionSpec: '3.12'` before this step",
}


class Machine(NamedTuple):
    """What can be seen of a machine with nothing installed."""

    system: str
    """As ``platform.system()``: Linux, Windows, Darwin."""
    machine: str
    """As ``platform.machine()``: x86_64, AMD64, aarch64, arm64."""
    libc: str
    """``glibc``, ``musl``, or empty where nobody knows."""
    python: tuple[int, int]
    flags: frozenset[str]
    """Of the processor, as in /proc/cpuinfo; empty where nobody knows."""


class Refusal(NamedTuple):
    """Why a machine cannot be served."""

    code: str
    message: str
    causes: tuple[str, ...]
    hint: str


def unfit(machine: Machine, *, provider: str) -> Refusal | None:
    """Return the first reason why nothing could ever run here, None where something may.

    ``provider`` is the CI system, whose own words the next step has. What is not known does not count against it.
    """
    return next(_objections(machine, provider), None)


def refused_system(system: str, machine: str, *, provider: str) -> Refusal | None:
    """Return why Linux on x86_64 is needed, None where it is that."""
    found = _SYSTEMS.get(system.lower(), system)
    architecture = _MACHINES.get(machine.lower(), machine)
    if (found, architecture) == ("Linux", "x86_64"):
        return None
    return Refusal(
        code="unfit-system",
        message=f"this machine is {found} on {architecture}, and the environment is for Linux on x86_64",
        causes=("Intel publishes oneCCL, Intel MPI and IPEX for CPU as wheels for Linux on x86_64 alone",),
        hint=f"take {_WHERE.get(provider, _ANYWHERE)}",
    )


def _objections(machine: Machine, provider: str) -> Iterator[Refusal]:
    refusal = refused_system(machine.system, machine.machine, provider=provider)
    if refusal is not None:
        yield refusal
    elsewhere = f"take {_WHERE.get(provider, _ANYWHERE)}"
    if machine.libc == "musl":
        yield Refusal(
            code="unfit-libc",
            message="this system has musl as its C library, and the environment needs glibc",
            causes=("torch, IPEX and oneCCL are published as manylinux wheels, which are linked to glibc",),
            hint=f"take an image with glibc, as python:3.12-slim instead of python:3.12-alpine, or {elsewhere[5:]}",
        )
    lacking = [flag for flag in ("avx2", "fma") if machine.flags and flag not in machine.flags]
    if lacking:
        yield Refusal(
            code="unfit-processor",
            message=f"this processor has no {' and no '.join(name.upper() for name in lacking)}",
            causes=("IPEX and oneCCL begin at AVX2, and die of an illegal instruction below it",),
            hint=f"{elsewhere}; of a virtual machine or an emulator, let the CPU model be the host's own",
        )
    yield from _objections_to_python(machine.python, provider)


def _objections_to_python(python: tuple[int, int], provider: str) -> Iterator[Refusal]:
    found, oldest, newest = (
        ".".join(str(part) for part in version) for version in (python, OLDEST_PYTHON, NEWEST_PYTHON)
    )
    hint = f"take {_PYTHON.get(provider, 'Python 3.12')}; the input `python` may name another one for the environment"
    if python < OLDEST_PYTHON:
        yield Refusal(
            code="unfit-python",
            message=f"the Python that runs ipexenv is {found}, and ipexenv needs {oldest} or newer",
            causes=("it is python3 on PATH",),
            hint=hint,
        )
    if python > NEWEST_PYTHON:
        yield Refusal(
            code="unfit-python",
            message=f"the Python that runs ipexenv is {found}, and no torch is known for it",
            causes=(f"the newest Python that torch is published for, by ipexenv's tables, is {newest}",),
            hint=hint,
        )
