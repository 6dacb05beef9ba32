"""Recorded machines, rebuilt as small trees of files, and targets that answer as told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ipexenv.probe.choice import TargetChoice
from ipexenv.probe.target import TargetReport, ask_target
from ipexenv.system.world import World
from tests.fakes import FakeRunner, finished

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """Write files, given by their absolute paths on the machine, below one root and return that root."""

    def write_files(files: Mapping[str, str]) -> Path:
        for path, text in files.items():
            file = tmp_path / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{text}\n", encoding="utf-8")
        return tmp_path

    return write_files


@pytest.fixture
def machine(write: Callable[[Mapping[str, str]], Path]) -> Callable[[Path], tuple[Path, dict[str, Any]]]:
    """Rebuild one recorded machine; return its root and the whole record."""

    def build(file: Path) -> tuple[Path, dict[str, Any]]:
        record = json.loads(file.read_text(encoding="utf-8"))
        return write(machine_files(record)), record

    return build


def machine_files(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the files of a recorded machine by their paths on it."""
    blocks = [{"processor": str(unit), **record["cpuinfo"]} for unit in record["units"]]
    cpuinfo = "\n\n".join("\n".join(f"{key}\t: {value}" for key, value in block.items()) for block in blocks)
    return {"/proc/cpuinfo": cpuinfo, **record.get("files", {}), **per_unit(record)}


def per_unit(record: Mapping[str, Any]) -> dict[str, str]:
    columns = record.get("per_unit") or topology_columns(record["units"], record["sockets"], record["cores"])
    return {
        f"/sys/devices/system/cpu/cpu{unit}/{name}": text
        for name, column in columns.items()
        for unit, text in zip(record["units"], column, strict=True)
        if text is not None
    }


def topology_columns(units: Sequence[int], sockets: Sequence[int], cores: Sequence[int]) -> dict[str, list[str]]:
    """Write sockets and cores as a present-day Linux shows them."""
    places = list(zip(sockets, cores, strict=True))

    def sharing(same: Callable[[int], object]) -> list[str]:
        return [",".join(str(other) for other in units if same(other) == same(unit)) for unit in units]

    return {
        "topology/physical_package_id": [str(socket) for socket in sockets],
        "topology/core_id": [str(core) for core in cores],
        "topology/core_cpus_list": sharing(lambda unit: places[unit]),
        "topology/package_cpus_list": sharing(lambda unit: sockets[unit]),
    }


def answer(**changes: Any) -> dict[str, Any]:
    """Return what an ordinary virtual environment on Debian 12 says, with changes."""
    packages = "/env/lib/python3.11/site-packages"
    return {
        "version": "3.11.7",
        "implementation": "cpython",
        "executable": "/env/bin/python",
        "prefix": "/env",
        "base_prefix": "/usr",
        "virtual": True,
        "conda": False,
        "base_conda": False,
        "site_packages": [packages],
        "user_site": None,
        "search_path": [packages],
        "writable": {packages: True},
        "externally_managed": None,
        "abiflags": "",
        "multiarch": "x86_64-linux-gnu",
        "bits": 64,
        "system": "Linux",
        "kernel": "6.1.0",
        "machine": "x86_64",
        "glibc": "glibc 2.36",
        "mapped": ["/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"],
        **changes,
    }


WHERE = TargetChoice(executable="/env/bin/python", how="--python")


@pytest.fixture
def answering() -> Callable[..., FakeRunner]:
    """Return a runner whose target answers like an ordinary one, with changes."""

    def build(**changes: Any) -> FakeRunner:
        return FakeRunner(endings=[(("_target.py",), finished(answer=json.dumps(answer(**changes)).encode()))])

    return build


@pytest.fixture
def report(answering: Callable[..., FakeRunner]) -> Callable[..., TargetReport]:
    """Return what an ordinary target reports, with changes."""

    def build(**changes: Any) -> TargetReport:
        return ask_target(World(runner=answering(**changes), env={}), WHERE)

    return build
