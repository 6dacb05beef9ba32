"""Do what `ipexenv ci --init KIND` asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.answer import Answer
from ipexenv.ci.init import azure, docker, github, gitlab
from ipexenv.ci.init.git import find_repository
from ipexenv.ci.init.looking import look_at_project
from ipexenv.ci.init.options import refuse_useless
from ipexenv.ci.init.writing import NewFile, write_all
from ipexenv.errors import UsageError
from ipexenv.events import Event
from ipexenv.lock.containing import described_container
from ipexenv.lock.dockerfile import dockerfile_text, pin_warning
from ipexenv.lock.dockerfile_base import BaseImage, named_base
from ipexenv.lock.names import LOCK_NAME
from ipexenv.tables.load import load_tables

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from ipexenv.ci.init.git import Repository
    from ipexenv.ci.init.looking import Seen
    from ipexenv.events import Listener
    from ipexenv.system.world import World
    from ipexenv.tables.schema import Tables


def write_workflow(options: argparse.Namespace, world: World, listen: Listener) -> Answer:
    """Look at the project in the working directory and write the files of ``options.init``; nothing is run or asked.

    Raises UsageError where a file is there already and --force is not given, where one cannot be written (then none
    is), and where the project and what is asked for contradict each other.
    """
    refuse_useless(options)
    base = named_base(options.base) if options.base and options.init in {"docker", "gitlab"} else None
    tables = load_tables(None if options.tables is None else world.directory / options.tables)
    repository = find_repository(world.directory)
    if options.init != "docker":
        _refuse_below_top(options, world, repository)
    insist = options.settings.get("torch") == "flag"
    seen = look_at_project(world, tables, repository, torch=options.torch, insist=insist)
    files, warnings = _files(options, world, seen, tables, base)
    for warning in (*seen.warnings, *warnings):
        listen(Event(kind="warning", text=warning))
    deeds = write_all(files, force=options.force)
    rows = [{"path": str(file.path), "deed": deed} for file, deed in zip(files, deeds, strict=True)]
    project = seen.project
    chosen = {"python": project.python, "torch": project.torch, "stack": project.stack, "lock": project.lock}
    said = "".join(f"{row['deed']}: {_short(file.path, world)}\n" for row, file in zip(rows, files, strict=True))
    return Answer(data={"kind": options.init, "files": rows, **chosen, "tests": project.tests}, raw=said)


def _files(
    options: argparse.Namespace, world: World, seen: Seen, tables: Tables, base: BaseImage | None
) -> tuple[tuple[NewFile, ...], tuple[str, ...]]:
    """Return the files, and what is to be said of them."""
    if options.init == "docker":
        return _container(world.directory / (options.output or "."), seen, tables, base)
    if options.init == "gitlab":
        path, text = gitlab.PATH, gitlab.gitlab_text(seen.project, base)
        warning = pin_warning(base or BaseImage(reference=gitlab.usual_image(seen.project)))
        warnings = () if warning is None else (warning,)
    elif options.init == "azure":
        path, text, warnings = azure.PATH, azure.azure_text(seen.project), ()
    else:
        path, text, warnings = github.PATH, github.github_text(seen.project), ()
    return (NewFile(path=world.directory / (options.output or path), text=text),), warnings


def _container(
    folder: Path, seen: Seen, tables: Tables, base: BaseImage | None
) -> tuple[tuple[NewFile, ...], tuple[str, ...]]:
    if seen.lock is None or seen.target is None:
        raise UsageError(
            "there is no lock to build a container from",
            code="no-lock",
            causes=(f"every file of the environment comes by its hash, and {LOCK_NAME} has the hashes", *seen.warnings),
            hint=f"`ipexenv lock{f' --torch {seen.project.torch}' if seen.project.torch else ''}` writes it",
        )
    added = docker.project_instructions(seen.project, seen.target)
    described = described_container(seen.target, tables, lock_name=LOCK_NAME, base=base, project=added)
    files = (
        NewFile(path=folder / docker.DOCKERFILE, text=dockerfile_text(seen.lock, seen.target, described)),
        NewFile(path=folder / docker.DOCKERIGNORE, text=docker.dockerignore_text()),
        NewFile(path=folder / docker.DEVCONTAINER, text=docker.devcontainer_text(seen.project)),
    )
    warning = pin_warning(described.base)
    unhashed = ("requirements.txt names no hashes: its packages come by version alone",)
    plain = seen.project.requirements and not seen.project.hashed
    return files, (*(() if warning is None else (warning,)), *(unhashed if plain else ()))


def _refuse_below_top(options: argparse.Namespace, world: World, repository: Repository | None) -> None:
    if repository is not None and repository.top.resolve() != world.directory.resolve() and options.output is None:
        raise UsageError(
            "a workflow belongs to the top of its repository, where its jobs begin",
            code="not-at-top",
            causes=(f"the repository begins at {repository.top}",),
            hint="call it there, or name the file with `-o FILE`",
        )


def _short(path: Path, world: World) -> str:
    return str(path.relative_to(world.directory)) if path.is_relative_to(world.directory) else str(path)
