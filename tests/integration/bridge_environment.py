"""Environments with the bridge in them: the real wheel over an environment that is only borrowed, and Intel MPI."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from ipexenv.bridge.contents import contents, file_name, info_folder
from ipexenv.bridge.own_files import own_files
from ipexenv.bridge.wheel_file import write_wheel
from ipexenv.tables.load import load_tables
from tests.integration import bridge_ranks

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.conftest import Environment

_LIMIT_S = 900


def bridge_wheel(folder: Path) -> Path:
    """Make the wheel from the libraries that the tests keep; the licence texts of Intel's wheels are stood in for."""
    release = load_tables(None).bridge[-1]
    library = bridge_ranks.libraries()
    taken = {
        file.to: (library / file.to).read_bytes() if file.to.startswith("lib/") else b"a licence\n"
        for part in release.parts
        for file in part.files
    }
    wheel = folder / file_name(release)
    write_wheel(wheel, contents(release, own_files(release.version), taken), info=info_folder(release))
    return wheel


def bridge_environment(lender: Environment, interpreter: Path, folder: Path, *, mpi: bool = True) -> Path:
    """Make an environment in ``folder`` that borrows all of ``lender`` and has the bridge; return its Python.

    With ``mpi`` it has Intel MPI where ``pip install impi-rt`` puts it.
    """
    subprocess.run([interpreter, "-m", "venv", "--without-pip", folder], check=True, timeout=_LIMIT_S)
    python = folder / "bin" / "python"
    site_packages = next((folder / "lib").glob("python*/site-packages"))
    borrow = f"import site; site.addsitedir({str(lender.site_packages)!r})\n"  # what it borrows itself comes along
    (site_packages / "zz-lender.pth").write_text(borrow, encoding="utf-8")
    wheel = bridge_wheel(folder)
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(pip, check=True, timeout=_LIMIT_S, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    if mpi:
        _install_mpi(folder)
    return python


def _install_mpi(prefix: Path) -> None:
    library = bridge_ranks.libraries()
    (prefix / "opt").mkdir()
    (prefix / "opt" / "mpi").symlink_to(library / "opt" / "mpi")
    for name in ("libmpi.so.12", "libfabric.so.1"):
        (prefix / "lib" / name).symlink_to(library / "lib" / name)
    for file in (library / "bin").iterdir():
        if file.is_file():
            (prefix / "bin" / file.name).symlink_to(file)
