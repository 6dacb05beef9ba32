"""A locked target as a Dockerfile: slim base, every file by hash, a user of its own, a health check."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipexenv.errors import UsageError
from ipexenv.lock.dockerfile_base import image_platform
from ipexenv.lock.exporting import bridge_command, refuse_local_files, requirement_of
from ipexenv.lock.own_pins import OLDEST_PYTHON

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ipexenv.lock.dockerfile_base import BaseImage
    from ipexenv.lock.model import Lock, LockedTarget

USER = "trainer"
VENV = "/opt/venv"
CONSTRAINTS = "/opt/constraints.txt"
_TOOL = "/opt/ipexenv"
_REQUIREMENTS = "/opt/requirements.txt"
_LOCK = "/opt/pylock.toml"
CACHE = "/root/.cache/pip"
_BRIDGE_CACHE = "/root/.cache/ipexenv"
"""Kept by BuildKit between builds, no part of the image: where pip and ipexenv keep downloads of a container's root."""

_USER_ID = 10001

_USUAL_PACKAGES = ("libtcmalloc-minimal4", "numactl")
"""Of Debian: an allocator, and binding to NUMA nodes, which `ipexenv run` uses where they are."""

_PACKAGES = {"libxml2.so.2": "libxml2"}
"""Debian's packages of what IPEX releases need; the rest of it is in every image."""

_HEALTH = (
    "--interval=1h --timeout=5m --start-period=10m --start-interval=5s --retries=2",
    json.dumps([f"{_TOOL}/bin/ipexenv", "verify", "--venv", VENV, "--quiet"]),
)
"""`verify` trains on all cores for some seconds: often at the start, until it has passed once, then every hour."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DockerfileOptions:
    """What the lock does not say."""

    lock_name: str
    """Name of the lock's file, which the bridge's build copies."""
    base: BaseImage
    """The image to begin with."""
    tool_pins: tuple[str, ...] = ()
    """What ipexenv itself is to run with, as ``packaging==26.0``."""
    libraries: tuple[str, ...] = ()
    """System libraries that the chosen IPEX needs, by the names in the tables."""
    project: tuple[str, ...] = ()
    """Instructions that add a project, as root, in its folder; none for the environment alone."""


def dockerfile_text(lock: Lock, target: LockedTarget, options: DockerfileOptions) -> str:
    """Return the text of a Dockerfile that needs no other file beside it but, for the bridge, the lock itself.

    It takes BuildKit (here-documents and cache mounts, in every Docker since 23.0). The process runs as a user without
    rights, pip installs nothing whose SHA-256 differs.

    Raises UsageError where the lock names files of this machine, and where
    a name or an address in it could end its own line.
    """
    refuse_local_files(target, what="a container build")
    parts = (
        _head(lock, target, options),
        _system(target, options),
        _environment(target),
        _tool(lock, target, options),
        () if target.bridge is None else _bridge(options.lock_name),
        _project(options.project),
    )
    blocks = [lines for part in parts if (lines := tuple(part))]
    _refuse_strange_characters(line for lines in blocks for line in lines)
    return "\n\n".join("\n".join(lines) for lines in blocks) + "\n"


def pin_warning(base: BaseImage) -> str | None:
    """Return what to say of a base whose tag may be another image tomorrow; None for one with a digest."""
    if base.pinned:
        return None
    return (
        f"the base image {base.reference} has a tag and no digest, so it may be another one tomorrow: give the digest "
        f"with `--base {base.reference}@sha256:...` (`docker buildx imagetools inspect {base.reference}` prints it)"
    )


def _refuse_strange_characters(lines: Iterable[str]) -> None:
    for line in lines:
        if not line.isprintable():
            raise UsageError(
                "a Dockerfile cannot hold every name that is in use here",
                code="unwritable-name",
                causes=(f"{line[:200]!r} would hold a line end or another control character",),
                hint="give the file a name of letters, digits, dots and hyphens",
            )


def _head(lock: Lock, target: LockedTarget, options: DockerfileOptions) -> Iterator[str]:
    base = options.base
    yield "# syntax=docker/dockerfile:1"
    yield "# check=skip=FromPlatformFlagConstDisallowed"
    yield f"# {target.platform.words}: made from {options.lock_name} by {lock.created_by}. Build with `docker build .`"
    if not base.pinned:
        yield "# This tag may name another image tomorrow. `docker buildx imagetools inspect` prints the digest that"
        yield f"# pins it: put it here, or build with `--build-arg BASE={base.reference}@sha256:...`."
    yield f"ARG BASE={base.reference}"
    yield "# Wheels are for one architecture: on another one Docker emulates it."
    yield "# hadolint ignore=DL3006,DL3029"
    yield f"FROM --platform={image_platform(target)} ${{BASE}}"
    yield ""
    yield "ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore"


def _system(target: LockedTarget, options: DockerfileOptions) -> Iterator[str]:
    packages = {*_USUAL_PACKAGES, *(_PACKAGES[name] for name in options.libraries if name in _PACKAGES)}
    if _python(target) < OLDEST_PYTHON:
        packages |= {"python3", "python3-venv"}
    yield "# Of Debian no old versions can be had, so these are those of the day."
    yield "# hadolint ignore=DL3008"
    yield "RUN apt-get update \\"
    yield f"    && apt-get install -y --no-install-recommends {' '.join(sorted(packages))} \\"
    yield "    && rm -rf /var/lib/apt/lists/* \\"
    yield f"    && useradd --create-home --uid {_USER_ID} {USER}"


def _environment(target: LockedTarget) -> Iterator[str]:
    """Yield the steps that install the lock's files and nothing else, not even pip."""
    files = ("--only-binary :all:", *(requirement_of(file, always_url=True) for file in target.files))
    yield from document("REQUIREMENTS", _REQUIREMENTS, files)
    yield ""
    yield f"RUN --mount=type=cache,target={CACHE} \\"
    yield f"    python -m venv --without-pip {VENV} \\"
    yield f"    && pip --python {VENV}/bin/python install --no-deps --require-hashes -r {_REQUIREMENTS}"
    yield f'ENV VIRTUAL_ENV={VENV} PATH="{VENV}/bin:$PATH"'


def _tool(lock: Lock, target: LockedTarget, options: DockerfileOptions) -> Iterator[str]:
    """Yield the steps that give ipexenv an environment of its own, on a Python that it runs on."""
    old = _python(target) < OLDEST_PYTHON
    yield "# ipexenv, for `verify` and `run`, beside the environment and not in it; by version, not by hash."
    pins = (lock.created_by.replace(" ", "==", 1), *(() if old else options.tool_pins))
    yield from document("TOOL", f"{_TOOL}.txt", ("--only-binary :all:", *pins))
    yield ""
    python = "/usr/bin/python3" if old else "python"
    yield f"RUN --mount=type=cache,target={CACHE} \\"
    yield f"    {python} -m venv {_TOOL} \\"
    yield f"    && {_TOOL}/bin/python -m pip install -r {_TOOL}.txt"


def _bridge(lock_name: str) -> Iterator[str]:
    """Yield the steps that build the bridge, with an ipexenv that does not stay in the environment itself."""
    yield "# The ccl backend is on no index: ipexenv builds it from Intel's own files, each by its SHA-256."
    yield f'COPY [{json.dumps(lock_name)}, "{_LOCK}"]'
    yield f"RUN --mount=type=cache,target={_BRIDGE_CACHE} \\"
    yield f"    {_TOOL}/bin/{bridge_command(_LOCK)} --venv {VENV}"


def _project(instructions: Sequence[str]) -> Iterator[str]:
    yield from instructions
    if instructions:
        yield ""
    yield f"# {USER}: by number, as Kubernetes wants it to see that it is not root."
    yield f"USER {_USER_ID}"
    if not instructions:
        yield f"WORKDIR /home/{USER}"
    yield f"HEALTHCHECK {_HEALTH[0]} \\"
    yield f"    CMD {_HEALTH[1]}"
    yield f"CMD {json.dumps(['python'])}"


def document(mark: str, path: str, lines: Sequence[str]) -> Iterator[str]:
    """Yield the instruction that puts ``lines`` into a file of the image; none of them may be ``mark``."""
    yield f"COPY <<'{mark}' {path}"
    yield from lines
    yield mark


def _python(target: LockedTarget) -> tuple[int, int]:
    return target.platform.python.major, target.platform.python.minor
