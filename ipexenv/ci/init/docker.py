"""A Dockerfile with the project in it, what its build leaves out, and a dev container made of it. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ipexenv.ci.init.pins import MADE_BY
from ipexenv.lock.dockerfile import CACHE, CONSTRAINTS, USER, VENV, document
from ipexenv.lock.requirements import constraints_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.ci.init.project import Project
    from ipexenv.lock.model import LockedTarget

DOCKERFILE = "Dockerfile"
DOCKERIGNORE = ".dockerignore"
DEVCONTAINER = ".devcontainer/devcontainer.json"

_FOLDER = "/workspace"
_REQUIREMENTS = "/opt/project-requirements.txt"
_LEFT_OUT = (
    ".git",
    ".github",
    ".devcontainer",
    ".ipexenv*",
    "**/__pycache__",
    "**/*.py[co]",
    ".venv",
    "venv",
    "env",
    "build",
    "dist",
    "**/*.egg-info",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".env",
    ".env.*",
    ".netrc",
    "**/id_rsa*",
    "**/*.pem",
    "Dockerfile",
    ".dockerignore",
)
"""Caches, environments, history, and what should be in no image: credentials."""


def project_instructions(project: Project, target: LockedTarget) -> tuple[str, ...]:
    """Return what adds the project to the image: what it requires, held to the lock's versions, and its files."""
    return (
        *_constraints(project, target),
        *_requirements(project),
        # Made by COPY the folder itself is the user's, by WORKDIR it would be root's.
        f"COPY --chown={USER}:{USER} . {_FOLDER}",
        f"WORKDIR {_FOLDER}",
        *(_pip(f"--constraint {CONSTRAINTS} .") if project.install else ()),
    )


def _constraints(project: Project, target: LockedTarget) -> Iterator[str]:
    if project.install is None and (project.hashed or not project.requirements):
        return
    yield "# Nothing that the project brings replaces what the lock names."
    versions = constraints_text(target, lock_name="the lock").splitlines()
    yield from document("CONSTRAINTS", CONSTRAINTS, tuple(line for line in versions if not line.startswith("#")))


def _requirements(project: Project) -> Iterator[str]:
    if project.requirements:
        yield f"COPY requirements.txt {_REQUIREMENTS}"
        yield from _pip(f"{'--require-hashes' if project.hashed else f'--constraint {CONSTRAINTS}'} -r {_REQUIREMENTS}")


def _pip(words: str) -> Iterator[str]:
    yield f"RUN --mount=type=cache,target={CACHE} \\"
    yield f"    pip --python {VENV}/bin/python install {words}"


def dockerignore_text() -> str:
    """Return the names that the build does not see."""
    return f"# {MADE_BY} (`ipexenv ci --init docker`); yours to change.\n" + "\n".join(_LEFT_OUT) + "\n"


def devcontainer_text(project: Project) -> str:
    """Return the description of a dev container (containers.dev): the Dockerfile's image, its user, and a proof.

    The project itself is mounted by the editor. Ranks talk through /dev/shm, of which Docker gives 64 MB.
    """
    document = {
        "name": project.name,
        "build": {"dockerfile": f"../{DOCKERFILE}", "context": ".."},
        "remoteUser": USER,
        "runArgs": ["--shm-size=2g"],
        "postCreateCommand": ["/opt/ipexenv/bin/ipexenv", "verify", "--venv", VENV],
        "customizations": {"vscode": {"settings": {"python.defaultInterpreterPath": f"{VENV}/bin/python"}}},
    }
    return json.dumps(document, indent=2) + "\n"
