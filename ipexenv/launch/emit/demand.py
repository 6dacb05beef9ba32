"""Read what the user asks a scheduler for, and refuse what it would refuse, or would not understand. Pure."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ipexenv.errors import UsageError
from ipexenv.launch.emit import checks
from ipexenv.launch.emit.model import Demand, Volume

if TYPE_CHECKING:
    import argparse

    from ipexenv.launch.emit.model import EmitKind
    from ipexenv.launch.run_words import Started

_SHM_BYTES = 8 * 2**30
"""Limit of /dev/shm where no memory is named: a limit, not a reservation; Docker's own is 64 MiB."""

_KUBERNETES = ("pytorchjob", "mpijob")
_CONTAINERS = (*_KUBERNETES, "compose")
_WHERE = {
    "image": _CONTAINERS,
    "pvc": _CONTAINERS,
    "namespace": _KUBERNETES,
    "node_selector": _KUBERNETES,
    "partition": ("slurm",),
    "account": ("slurm",),
    "time": ("slurm", *_KUBERNETES),
}
"""Options that hold for some kinds only; elsewhere they would be passed over in silence."""


def demand_of(options: argparse.Namespace, what: Started, nodes: int) -> Demand:
    """Return what ``options`` ask for. Raises UsageError that names option, value, cause and what to write instead."""
    kind: EmitKind = options.emit
    _refuse_elsewhere(options, kind)
    _refuse_incomplete(options, kind)
    memory = checks.size_bytes("--memory", options.memory) if options.memory else None
    volume = _volume(options.pvc)
    folder = checks.path("--workdir", options.workdir) if options.workdir else None
    return Demand(
        name=_name(options.name, what, kind, nodes),
        image=checks.image(options.image) if options.image else None,
        memory_bytes=memory,
        shm_bytes=memory // 2 if memory else _SHM_BYTES,
        time_limit_s=checks.time_s(options.time) if options.time else None,
        partition=checks.slurm_name("--partition", options.partition) if options.partition else None,
        account=checks.slurm_name("--account", options.account) if options.account else None,
        namespace=checks.label("--namespace", options.namespace) if options.namespace else None,
        volume=volume,
        node_selector=tuple(checks.node_label(text) for text in options.node_selector or ()),
        working_directory=folder or (volume.path if volume else None),
        mpi="openmpi" if getattr(options, "launcher", None) == "openmpi" else "hydra",
    )


def _refuse_elsewhere(options: argparse.Namespace, kind: EmitKind) -> None:
    for name, kinds in _WHERE.items():
        if getattr(options, name) and kind not in kinds:
            option = f"--{name.replace('_', '-')}"
            raise UsageError(
                f"{option} means nothing for `--emit {kind}`",
                code="bad-job-option",
                hint=f"leave it out; it holds for {', '.join(kinds)}",
            )


def _refuse_incomplete(options: argparse.Namespace, kind: EmitKind) -> None:
    if kind in _CONTAINERS and not options.image:
        raise UsageError(
            f"`--emit {kind}` needs an image",
            code="no-image",
            causes=("containers start from one that holds Python, torch and the script",),
            hint="name it with `--image NAME`; `ipexenv export --format dockerfile` makes one of a lock",
        )
    if kind in _KUBERNETES and not options.memory:
        raise UsageError(
            f"`--emit {kind}` needs the memory of a pod",
            code="no-memory",
            causes=("cores of its own (Guaranteed QoS) are for pods whose CPUs and memory are both limited",),
            hint="name it with `--memory 64Gi`; /dev/shm takes its share of it",
        )


def _volume(text: str | None) -> Volume | None:
    if not text:
        return None
    claim, colon, path = text.partition(":")
    if not colon:
        raise checks.refuse("--pvc", text, "the place where it is mounted is missing", f"`--pvc {claim}:/data`")
    return Volume(claim=checks.subdomain("--pvc", claim), path=checks.path("--pvc", path))


def _name(given: str | None, what: Started, kind: EmitKind, nodes: int) -> str:
    """Return the job's name; pods are called ``NAME-worker-7``, and that has to be a label too."""
    longest = checks.LONGEST_LABEL - len(f"-worker-{nodes}")
    if given is None:
        return checks.label_from(what.name if what.kind == "module" else PurePosixPath(what.name).stem)
    if kind == "slurm":
        return checks.slurm_name("--name", given)
    return checks.label("--name", given, longest=longest, letter_first=True)
