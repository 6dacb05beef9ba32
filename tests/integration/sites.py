"""Loopback worlds for the slow tests: real Pythons, real engines, played sources."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ipexenv import cli
from ipexenv.system.world import World

MINORS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")


def interpreters() -> dict[str, str]:
    """Return minor version -> program for the Pythons of this machine: on PATH, or made by pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found: dict[str, str] = {f"{sys.version_info.major}.{sys.version_info.minor}": sys.executable}
    for minor in MINORS:
        candidates = [
            *sorted(str(file) for file in pyenv.glob(f"{minor}.*/bin/python{minor}")),
            shutil.which(f"python{minor}"),
        ]
        for candidate in candidates:
            if candidate and _runs(candidate, minor):
                found.setdefault(minor, candidate)
    return {minor: found[minor] for minor in MINORS if minor in found}


def _runs(program: str, minor: str) -> bool:
    ended = subprocess.run(
        [program, "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode == 0 and ended.stdout.strip() == minor


def make_venv(folder: Path, python: str = sys.executable, *, pip: bool = False) -> Path:
    """Make a virtual environment with a real Python."""
    command = [python, "-I", "-m", "venv", *([] if pip else ["--without-pip"]), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def uv_program() -> str | None:
    """Return the uv that tests drive."""
    beside = Path(sys.executable).parent / "uv"
    return str(beside) if beside.is_file() else shutil.which("uv")


def quiet_world(folder: Path, **env: str) -> World:
    """Return the real world without any configuration of this machine; ``env`` is what is configured."""
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    (folder / "tmp").mkdir(exist_ok=True)
    settings = {
        "HOME": str(home),
        "PATH": os.defpath,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_CACHE_DIR": str(folder / "pip-cache"),
        "PIP_TIMEOUT": "3",
        "PIP_RETRIES": "1",
        "UV_NO_CONFIG": "1",
        "UV_CACHE_DIR": str(folder / "uv-cache"),
        "UV_HTTP_TIMEOUT": "3",
        "UV_HTTP_RETRIES": "1",
        "IPEXENV_CACHE_DIR": str(folder / "ipexenv-cache"),
        "NO_PROXY": "*",
        "TMPDIR": str(folder / "tmp"),
    }
    return World(env={**settings, **env}, directory=folder)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a run of the command line ended."""

    code: int
    document: dict[str, Any]
    stderr: str

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = self.document["data"]
        return data

    @property
    def problem(self) -> dict[str, Any]:
        (problem,) = self.document["problems"]
        assert isinstance(problem, dict)
        return problem

    def versions(self) -> dict[str, str]:
        return {pin["name"]: pin["version"] for pin in self.data["pins"]}


def ipexenv(world: World, *arguments: str) -> Ended:
    """Run one command in this process, in JSON."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main([*arguments, "--json"], world=world)
    return Ended(code=code, document=json.loads(out.getvalue()), stderr=err.getvalue())


def fingerprint(folder: Path) -> dict[str, str]:
    """Return path -> content hash of everything in ``folder``, links and modes included.

    What Python compiles and what ipexenv remembers is no part of an environment.
    """
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        if not {"__pycache__", ".ipexenv"}.isdisjoint(path.relative_to(folder).parts):
            continue
        state = path.lstat()
        if path.is_symlink():
            content = str(path.readlink())
        else:
            content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path.relative_to(folder))] = f"{state.st_mode:o} {content}"
    return found
