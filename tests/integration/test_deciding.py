"""What is only to be decided about is not downloaded: not where an index tells of it, nor where it gives parts."""

from __future__ import annotations

import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.integration.sites import ipexenv, make_venv, quiet_world
from tests.servers import Site, serving, tables_with
from tests.wheels import build_wheel, fake_ipex

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
LARGE_BYTES = 24 << 20
ENGINES = ("pip", "uv")


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return an index's content, whose torch is as large as it is fake."""
    folder = tmp_path_factory.mktemp("wheels")
    tag = PYTHON.replace(".", "")
    noise = random.Random(1).randbytes(LARGE_BYTES).decode("latin-1")  # noqa: S311 (only its size counts)
    torch = {
        "torch/__init__.py": "",
        "torch/version.py": "__version__ = '2.7.0+cu128'\ncuda = None\nhip = None\nxpu = None\n",
        "torch/lib/noise.txt": noise,
    }
    return [
        build_wheel(folder, "torch", "2.7.0", f"cp{tag}-cp{tag}-manylinux_2_28_x86_64", files=torch, requires=["few"]),
        fake_ipex(folder, "2.7.0", PYTHON),
        build_wheel(folder, "few", "1.0"),
    ]


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an environment whose own pip decides by metadata alone."""
    folder = make_venv(tmp_path_factory.mktemp("target") / "venv", pip=True)
    program = str(folder / "bin" / "python")
    subprocess.run([program, "-m", "pip", "install", "-q", "pip>=25.3"], check=True, timeout=300)
    return folder


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("offered", ["metadata", "ranges"])
@pytest.mark.parametrize("command", [("install", "--dry-run"), ("lock",)], ids=["dry-run", "lock"])
def test_nothing_large_is_downloaded_to_decide(  # noqa: PLR0917 (fixtures and parameters)
    tmp_path: Path, site: Site, wheels: list[Path], venv: Path, engine: str, offered: str, command: tuple[str, ...]
) -> None:
    index = site.simple("/simple", wheels, as_json=True, with_metadata=offered == "metadata")
    world = quiet_world(tmp_path, PIP_INDEX_URL=index)
    tables = str(tables_with(tmp_path / "tables", []))
    choice = ("--torch", "2.7", "--ccl", "none", "--engine", engine)
    ended = ipexenv(world, *command, "--venv", str(venv), "--tables", tables, *choice)
    assert ended.code == 0, (ended.document, ended.stderr)
    large = f"/files/{wheels[0].name}"
    assert wheels[0].stat().st_size > LARGE_BYTES
    assert site.sent_bytes[large] < LARGE_BYTES / 20, site.sent_bytes
    asked = f"{large}.metadata" if offered == "metadata" else large
    assert command == ("install", "--dry-run") or asked in site.asked
