"""Projects to stand in, and the command without the rest of `ipexenv ci`."""

from __future__ import annotations

import argparse
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from ipexenv.ci.init.answer import write_workflow
from ipexenv.ci.init.options import add_init_options
from ipexenv.lock.writing import lock_text
from ipexenv.settings import Settings, apply_settings
from ipexenv.system.world import World
from tests.fakes import FakeHttp, FakeRunner
from tests.unit.lock.locks import lock, target

if TYPE_CHECKING:
    from pathlib import Path

    from ipexenv.events import Event

DIGEST = "sha256:" + "d" * 64


def parsed(*words: str, settings: Settings | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--tables")
    add_init_options(parser)
    return apply_settings(parser, list(words), settings or Settings())


def init(folder: Path, kind: str, *words: str, **env: str) -> tuple[dict[str, Any], list[str]]:
    """Run the command in ``folder``; return its data and its warnings."""
    heard: list[Event] = []
    world = World(runner=FakeRunner(), http=FakeHttp(), env=env, directory=folder)
    answer = write_workflow(parsed("--init", kind, *words), world, heard.append)
    assert answer.exit_code == 0
    return dict(answer.data), [event.text for event in heard if event.kind == "warning"]


def put(folder: Path, **files: str) -> Path:
    """Write files by name; ``__`` stands for ``/`` and ``_dot_`` for a dot."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def with_lock(folder: Path, *minors: str, **more: Any) -> Path:
    made = lock(*(target(minor, **more) for minor in minors or ("3.11",)))
    (folder / "pylock.toml").write_text(lock_text(made, folder=PurePosixPath(folder)), encoding="utf-8")
    return folder


def with_torch(folder: Path, version: str, venv: str = ".venv") -> Path:
    (folder / venv / "lib" / "python3.11" / "site-packages" / f"torch-{version}.dist-info").mkdir(parents=True)
    return folder


def repository(folder: Path, *, branch: str = "main", url: str | None = None, cloned: bool = True) -> Path:
    git = folder / ".git"
    (git / "refs" / "remotes" / "origin").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/work\n" if cloned else f"ref: refs/heads/{branch}\n")
    if cloned:
        (git / "refs" / "remotes" / "origin" / "HEAD").write_text(f"ref: refs/remotes/origin/{branch}\n")
    remote = "" if url is None else f'[remote "origin"]\n\tfetch = +refs/heads/*\n\turl = {url}\n'
    (git / "config").write_text(f"[core]\n\tbare = false\n{remote}[branch]\n\turl = no\n")
    return folder
