"""The script that runs in the target, in real Pythons of every layout that needs no download."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

from ipexenv.errors import OutsideError
from ipexenv.probe.choice import TargetChoice
from ipexenv.probe.look import probe
from ipexenv.probe.target import TargetReport, ask_target
from ipexenv.system.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from ipexenv.facts import Facts

MINOR = f"python{sys.version_info[0]}.{sys.version_info[1]}"
ENV = {"PATH": os.defpath, "HOME": "/nowhere"}


def ask(python: Path | str, **env: str) -> TargetReport:
    return ask_target(World(env=ENV | env), TargetChoice(executable=str(python), how="--python"))


def look(python: Path | str, **env: str) -> Facts:
    return probe(World(env=ENV | env), TargetChoice(executable=str(python), how="--python"))


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Path]:
    """Make a virtual environment without pip; return its folder."""

    def make(*, system_site_packages: bool = False) -> Path:
        folder = tmp_path / "environment"
        venv.create(folder, symlinks=True, system_site_packages=system_site_packages)
        return folder

    return make


@pytest.fixture
def standalone(tmp_path: Path) -> Path:
    """Lay out the running Python once more under another prefix, as conda does; return the prefix."""
    prefix = tmp_path / "standalone"
    library = prefix / "lib" / MINOR
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin" / "python").symlink_to(os.path.realpath(sys.executable))
    library.mkdir(parents=True)
    for entry in Path(os.__file__).parent.iterdir():
        if entry.name not in {"site-packages", "EXTERNALLY-MANAGED"}:
            (library / entry.name).symlink_to(entry)
    (library / "site-packages").mkdir()
    return prefix


def standalone_look(prefix: Path, **env: str) -> Facts:
    """Look at the relocated Python; being a link it has to be told its prefix, which -I would not let it hear."""
    script = prefix / "bin" / "wrapper"
    script.write_text(f'#!/bin/sh\nPYTHONHOME={prefix} exec {prefix}/bin/python -s "$2"\n', encoding="utf-8")
    script.chmod(0o755)
    return look(script, **env)


def test_a_virtual_environment(made: Callable[..., Path]) -> None:
    folder = made()
    facts = look(folder / "bin" / "python")
    packages = str(folder / "lib" / MINOR / "site-packages")
    target = facts.target
    assert (target.environment, target.prefix, target.site_packages) == ("venv", str(folder), packages)
    assert (target.writable, target.externally_managed, target.implementation) == (True, None, "cpython")
    assert target.version == Version(".".join(map(str, sys.version_info[:3])))
    assert (facts.host.kernel, facts.host.system) == (os.uname().release, "linux")
    assert "also looks into" not in dict(facts.learnt)["target.environment"]


def test_a_virtual_environment_that_sees_the_system(made: Callable[..., Path]) -> None:
    report = ask(made(system_site_packages=True) / "bin" / "python")
    assert report.virtual
    assert len(report.search_path) > 1
    assert not any(folder == os.path.dirname(os.__file__) for folder in report.search_path)  # noqa: PTH120
    assert report.user_site is not None
    assert report.search_path[0] == report.user_site


def test_the_users_own_site_packages(made: Callable[..., Path], tmp_path: Path) -> None:
    python = made(system_site_packages=True) / "bin" / "python"
    base = str(tmp_path / "base")
    assert ask(python, PYTHONUSERBASE=base).user_site == f"{base}/lib/{MINOR}/site-packages"
    assert ask(python, PYTHONUSERBASE=base, PYTHONNOUSERSITE="1").user_site is None
    alone = made() / "bin" / "python"
    assert ask(alone, PYTHONUSERBASE=base).user_site is None


def test_packages_are_never_imported(made: Callable[..., Path]) -> None:
    folder = made()
    packages = folder / "lib" / MINOR / "site-packages"
    for name in ("torch", "intel_extension_for_pytorch"):
        (packages / name).mkdir()
        (packages / name / "__init__.py").write_text("raise SystemExit(9)\n", encoding="utf-8")
        info = packages / f"{name}-2.8.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: {name}\nVersion: 2.8.0\n", encoding="utf-8")
    (packages / "torch" / "version.py").write_text("__version__ = '2.8.0+cpu'\nraise SystemExit(9)\n", "utf-8")
    installed = look(folder / "bin" / "python").installed
    assert installed.torch is not None
    assert installed.ipex is not None
    assert (str(installed.torch.version), installed.torch.build) == ("2.8.0+cpu", "cpu")


def test_noise_at_the_start_does_not_matter(made: Callable[..., Path]) -> None:
    folder = made()
    pth = folder / "lib" / MINOR / "site-packages" / "noise.pth"
    pth.write_text("import sys; print('{\"version\": 1}'); sys.stderr.write('warning')\n", encoding="utf-8")
    assert ask(folder / "bin" / "python").version >= Version("3.10")


def test_a_crash_at_the_start_is_named(made: Callable[..., Path]) -> None:
    folder = made()
    pth = folder / "lib" / MINOR / "site-packages" / "crash.pth"
    pth.write_text("import os; os.kill(os.getpid(), 4)\n", encoding="utf-8")
    with pytest.raises(OutsideError) as caught:
        ask(folder / "bin" / "python")
    assert caught.value.message.endswith("crashed with SIGILL")


@pytest.mark.parametrize(
    ("program", "code"),
    [("/no/such/python", "target-missing"), ("/bin/true", "target-not-python"), ("/etc/passwd", "target-missing")],
)
def test_what_is_no_python(program: str, code: str) -> None:
    with pytest.raises(OutsideError) as caught:
        ask(program)
    assert (caught.value.code, caught.value.exit_code) == (code, 3)


def test_names_beyond_ascii_come_through(tmp_path: Path) -> None:
    folder = tmp_path / 'umgebung "ä\\🐍'
    venv.create(folder, symlinks=True)
    assert ask(folder / "bin" / "python").prefix == str(folder)


def test_site_packages_is_where_pip_would_install(made: Callable[..., Path]) -> None:
    python = made() / "bin" / "python"
    ended = subprocess.run(
        [str(python), "-c", "import json, sysconfig; print(json.dumps(sysconfig.get_paths()))"],
        capture_output=True,
        text=True,
        check=True,
    )
    paths = json.loads(ended.stdout)
    assert ask(python).site_packages[0] == paths["platlib"]


def test_the_running_python_outside_of_environments() -> None:
    base = Path(sys.base_prefix) / "bin" / MINOR
    report = ask(base)
    assert not report.virtual
    marker = Path(sysconfig.get_path("stdlib")) / "EXTERNALLY-MANAGED"
    assert report.externally_managed == (str(marker) if marker.is_file() else None)


def test_a_conda_environment(standalone: Path) -> None:
    (standalone / "conda-meta").mkdir()
    facts = standalone_look(standalone)
    packages = standalone / "lib" / MINOR / "site-packages"
    assert (facts.target.environment, facts.target.prefix) == ("conda", str(standalone))
    assert facts.target.site_packages == str(packages)
    (standalone / "lib" / "libstdc++.so.6").write_bytes(b"\0GLIBCXX_3.4.99\0")
    assert standalone_look(standalone).target.glibcxx == Version("3.4.99")


def test_an_externally_managed_python(standalone: Path) -> None:
    marker = standalone / "lib" / MINOR / "EXTERNALLY-MANAGED"
    marker.write_text("[externally-managed]\n", encoding="utf-8")
    facts = standalone_look(standalone)
    assert (facts.target.environment, facts.target.externally_managed) == ("system", str(marker))


def test_the_look_changes_nothing(made: Callable[..., Path]) -> None:
    folder = made()
    before = sorted(str(path) for path in folder.rglob("*"))
    first, second = look(folder / "bin" / "python"), look(folder / "bin" / "python")
    assert dataclasses.replace(first, learnt=()) == dataclasses.replace(second, learnt=())
    assert sorted(str(path) for path in folder.rglob("*")) == before
