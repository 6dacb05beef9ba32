"""A locked target as a Dockerfile: slim base, every file by hash, a user of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from packaging.version import Version

from ipexenv.errors import UsageError
from ipexenv.lock.exporting import bridge_command, refuse_local_files, requirement_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.lock.model import Lock, LockedTarget

_BASES = ((Version("2.36"), "bookworm"), (Version("2.41"), "trixie"))
"""glibc of Debian releases that the official images of Python are made on, oldest first."""

_ARCHITECTURES = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}
_REQUIREMENTS = "/opt/requirements.txt"
_CACHE = "/var/cache/pip"
_USER_ID = 10001


def dockerfile_text(lock: Lock, target: LockedTarget, *, lock_name: str) -> str:
    """Return the text of a Dockerfile that needs no other file beside it but, for the bridge, the lock itself.

    It takes BuildKit (here-documents and cache mounts, in every Docker since 23.0). The process runs as a user without
    rights, pip installs nothing whose SHA-256 differs. Raises UsageError where the lock names files of this machine, or
    is for a Python that the official images do not have.
    """
    if target.platform.free_threaded or target.platform.libc_family == "musl":
        raise UsageError(
            f"no slim image of Python is like {target.platform.words}",
            code="no-image",
            causes=("the official images have free-threaded Pythons not at all, and musl only as Alpine",),
            hint="lock for an ordinary target, as `ipexenv lock --target-python 3.11 --platform manylinux_2_36_x86_64`",
        )
    refuse_local_files(target, what="a container build")
    return "\n".join(_lines(lock, target, lock_name)) + "\n"


def _lines(lock: Lock, target: LockedTarget, lock_name: str) -> Iterator[str]:
    yield "# syntax=docker/dockerfile:1"
    yield f"# {target.platform.words}: made from {lock_name} by {lock.created_by}. Build with `docker build .`"
    yield f"FROM --platform={_platform(target)} {_base(target)}"
    yield ""
    yield "ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore"
    yield f"ARG PIP_CACHE_DIR={_CACHE}"
    yield f"RUN useradd --create-home --uid {_USER_ID} trainer"
    yield ""
    yield f"COPY <<'REQUIREMENTS' {_REQUIREMENTS}"
    yield "--only-binary :all:"
    for file in target.files:
        yield requirement_of(file, always_url=True)
    yield "REQUIREMENTS"
    yield ""
    yield f"RUN --mount=type=cache,target={_CACHE} \\"
    yield "    python -m venv /opt/venv \\"
    yield f"    && /opt/venv/bin/pip install --no-deps --require-hashes -r {_REQUIREMENTS}"
    yield 'ENV VIRTUAL_ENV=/opt/venv PATH="/opt/venv/bin:$PATH"'
    yield ""
    if target.bridge is not None:
        yield from _bridge(lock, lock_name)
    yield "USER trainer"
    yield "WORKDIR /home/trainer"
    yield f"CMD {json.dumps(['python'])}"


def _bridge(lock: Lock, lock_name: str) -> Iterator[str]:
    """Yield the steps that build the bridge, with an ipexenv that does not stay in the environment itself."""
    name = json.dumps(lock_name)
    yield "# The ccl backend is on no index: ipexenv builds it from Intel's own files, each by its SHA-256."
    yield f'COPY [{name}, "/opt/pylock.toml"]'
    yield f"RUN --mount=type=cache,target={_CACHE} \\"
    yield "    python -m venv /opt/ipexenv \\"
    yield f"    && /opt/ipexenv/bin/pip install {lock.created_by.replace(' ', '==', 1)} \\"
    yield f"    && /opt/ipexenv/bin/{bridge_command('/opt/pylock.toml')} --venv /opt/venv"
    yield ""


def _base(target: LockedTarget) -> str:
    platform = target.platform
    wanted = platform.libc_version or _BASES[0][0]
    release = next((name for libc, name in _BASES if wanted <= libc), _BASES[-1][1])
    return f"python:{platform.python.major}.{platform.python.minor}-slim-{release}"


def _platform(target: LockedTarget) -> str:
    return _ARCHITECTURES.get(target.platform.architecture, f"linux/{target.platform.architecture}")
