"""Look at the project that a workflow is for."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from ipexenv import toml
from ipexenv.ci.init.project import OLDEST, Project, choose_python, fit_of, safe_branch, safe_name
from ipexenv.errors import UsageError
from ipexenv.install.lock_file import load_lock
from ipexenv.lock.names import LOCK_NAME
from ipexenv.resolve.choices import torch_range
from ipexenv.system.files import list_names, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ipexenv.ci.init.git import Repository
    from ipexenv.lock.model import Lock, LockedTarget
    from ipexenv.system.world import World
    from ipexenv.tables.schema import Tables

_EXTRAS = ("test", "tests", "testing", "dev")
_TEST_FOLDERS = ("tests", "test")
_VENVS = (".venv", "venv", "env")
_TORCH = re.compile(r"torch-([^-]+)\.dist-info")


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A project, its lock, and what people should know of both."""

    project: Project
    lock: Lock | None = None
    target: LockedTarget | None = None
    """The target of the lock that the workflow is for."""
    warnings: tuple[str, ...] = ()


def look_at_project(
    world: World, tables: Tables, repository: Repository | None, *, torch: str | None, insist: bool
) -> Seen:
    """Return what is there in the working directory; ``torch`` is what the user asks for, ``insist`` if by name.

    Raises UsageError where no Python fits, or a torch asked for by name contradicts the lock. Files that cannot be read
    are passed over with a warning.
    """
    warnings: list[str] = []
    metadata = _metadata(world.directory, warnings)
    lock = _lock(world, warnings)
    target = None if lock is None else _newest(lock, warnings)
    wanted = _requires_python(metadata, warnings)
    if target is None:
        choice = _chosen(torch or _installed_torch(world), wanted, tables, warnings)
    else:
        _refuse_torch_beside_lock(torch if insist else None)
        choice = Project(name="", python=_minor(target), lock=LOCK_NAME)
    requirements = read_text(str(world.directory / "requirements.txt"))
    project = replace(
        choice,
        name=safe_name((repository and repository.name) or world.directory.name),
        requirements=requirements is not None,
        hashed="--hash=" in (requirements or ""),
        install=_installable(metadata),
        tests=_has_tests(world.directory, metadata),
        branch=_branch(repository, warnings),
    )
    return Seen(project=project, lock=lock, target=target, warnings=tuple(warnings))


def _branch(repository: Repository | None, warnings: list[str]) -> str | None:
    if repository is None or repository.branch is None:
        return None
    branch = safe_branch(repository.branch)
    if branch is None:
        warnings.append(f"the branch {repository.branch!r} cannot be named in a workflow: it runs for every branch")
    return branch


def _metadata(folder: Path, warnings: list[str]) -> dict[str, Any]:
    text = read_text(str(folder / "pyproject.toml"))
    if text is None:
        return {}
    try:
        return toml.loads(text)
    except (ValueError, RecursionError) as error:
        warnings.append(f"pyproject.toml is passed over: {str(error).splitlines()[0]}")
        return {}


def _lock(world: World, warnings: list[str]) -> Lock | None:
    if not (world.directory / LOCK_NAME).exists():
        return None
    try:
        return load_lock(LOCK_NAME, world)
    except UsageError as error:
        causes = "".join(f", {cause}" for cause in error.causes)
        warnings.append(f"the lock is passed over: {error.message}{causes}")
        return None


def _newest(lock: Lock, warnings: list[str]) -> LockedTarget | None:
    """Return the target for the newest Python that ipexenv runs on too."""
    fitting = [target for target in lock.targets if target.platform.python >= OLDEST]
    if not fitting:
        warnings.append(
            f"the lock is passed over: it is for Pythons older than {OLDEST}, on which ipexenv does not run"
        )
    return max(fitting, key=lambda target: target.platform.python, default=None)


def _minor(target: LockedTarget) -> str:
    return f"{target.platform.python.major}.{target.platform.python.minor}"


def _chosen(torch: str | None, wanted: SpecifierSet | None, tables: Tables, warnings: list[str]) -> Project:
    """Return Python, torch and stack of a project without a lock; torch as packaging spells it."""
    fit = fit_of(None if torch is None else torch_range(torch), tables)
    if fit.withdrawn:
        warnings.append(
            f"every IPEX for torch {torch} was withdrawn: the job refuses it until you set IPEXENV_CI_ALLOW_YANKED to "
            "true, or IPEXENV_CI_STACK to native"
        )
    spelt = None if torch is None else str(Version(torch.strip().removesuffix(".*")))
    return Project(name="", python=choose_python(fit, wanted, torch=spelt), torch=spelt, stack=fit.stack)


def _installed_torch(world: World) -> str | None:
    """Return the version of the torch that is installed for the project, without its local label."""
    venvs = [world.env.get("VIRTUAL_ENV"), *(str(world.directory / name) for name in _VENVS)]
    found = [version for venv in venvs if venv for version in _torches(venv)]
    return found[0] if found else None


def _torches(venv: str) -> Iterator[str]:
    for python in list_names(f"{venv}/lib"):
        for name in list_names(f"{venv}/lib/{python}/site-packages"):
            if named := _TORCH.fullmatch(name):
                try:
                    yield Version(named[1]).public
                except InvalidVersion:
                    continue


def _requires_python(metadata: dict[str, Any], warnings: list[str]) -> SpecifierSet | None:
    text = _table(metadata, "project").get("requires-python")
    try:
        return SpecifierSet(text) if isinstance(text, str) else None
    except InvalidSpecifier:
        warnings.append(f"requires-python {text!r} in pyproject.toml is passed over: it is no range of versions")
        return None


def _installable(metadata: dict[str, Any]) -> str | None:
    project = _table(metadata, "project")
    if not project:
        return None
    extras = _table(project, "optional-dependencies")
    extra = next((name for name in _EXTRAS if name in extras), None)
    return "." if extra is None else f".[{extra}]"


def _has_tests(folder: Path, metadata: dict[str, Any]) -> bool:
    if "pytest" in _table(metadata, "tool"):
        return True
    return any(
        name.startswith("test") and name.endswith(".py")
        for home in _TEST_FOLDERS
        for name in list_names(str(folder / home))
    )


def _table(document: dict[str, Any], name: str) -> dict[str, Any]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _refuse_torch_beside_lock(torch: str | None) -> None:
    if torch is not None:
        raise UsageError(
            f"--torch {torch} and {LOCK_NAME} contradict each other",
            code="usage",
            causes=("a job installs what the lock names",),
            hint=f"leave --torch out, or lock again with `ipexenv lock --torch {torch}`",
        )
