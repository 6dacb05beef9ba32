"""`ipexenv env` against the script that it replaces, as the last IPEX that brings oneCCL and Intel MPI ships it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    class Environment(Protocol):
        @property
        def python(self) -> Path: ...
        @property
        def site_packages(self) -> Path: ...


pytestmark = pytest.mark.slow

LISTS = {"LD_LIBRARY_PATH", "PATH"}
FOR_COMPILERS = {"CMAKE_PREFIX_PATH", "CPATH", "LIBRARY_PATH"}


def after(command: str, folder: Path, shell: str = "bash") -> dict[str, str]:
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LD_LIBRARY_PATH": "/mine"}
    words = [shell, "-c", f"{command} && exec env -0"]
    ended = subprocess.run(words, capture_output=True, check=True, env=env, cwd=folder, timeout=120)
    return dict(pair.split("=", 1) for pair in ended.stdout.decode().split("\0") if "=" in pair)


def ours(python: Path) -> str:
    return f'eval "$({sys.executable} -m ipexenv env -q --python {python} --allocator default --format sh)"'


def test_it_sets_what_the_script_sets(environment: Callable[[str], Environment], tmp_path: Path) -> None:
    target = environment("torch27")
    package = target.site_packages / "intel_extension_for_pytorch"
    theirs = after(f". {package}/env/setvars.sh", tmp_path)
    mine = after(ours(target.python), tmp_path)
    named = {name for name, value in theirs.items() if str(package) in value} - FOR_COMPILERS
    assert named >= {"CCL_ROOT", "I_MPI_ROOT", "FI_PROVIDER_PATH", *LISTS}
    assert {name: mine[name] for name in named - LISTS} == {name: theirs[name] for name in named - LISTS}
    for name in LISTS:
        # The package's own bin folder holds a test program alone.
        wanted = [part for part in theirs[name].split(":") if part != f"{package}/bin"]
        assert sorted(mine[name].split(":")) == sorted(wanted)


@pytest.mark.parametrize("shell", ["bash", "zsh", "dash"])
def test_the_packages_mpirun_runs_where_the_script_does_not_work(
    shell: str, environment: Callable[[str], Environment], tmp_path: Path
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"this machine has no {shell}")
    command = f"{ours(environment('torch27').python)} && mpirun -n 2 sh -c 'echo rank $PMI_RANK'"
    env = {"PATH": os.defpath, "HOME": str(tmp_path)}
    ended = subprocess.run(
        [shell, "-c", command], capture_output=True, text=True, check=True, env=env, cwd=tmp_path, timeout=120
    )
    assert sorted(ended.stdout.split("\n")) == ["", "rank 0", "rank 1"]
