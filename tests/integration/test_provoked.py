"""Failures of the catalogue brought about for real: `explain` names each of them first."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from ipexenv.doctor.ranking import benign, rank
from ipexenv.doctor.scanning import scan
from ipexenv.tables.load_failures import load_failures
from tests.integration import provocations
from tests.integration.bridge_environment import bridge_environment
from tests.integration.overlays import clean, make_overlay, pip
from tests.servers import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.integration.conftest import EnvironmentFactory
    from tests.integration.provocations import Provocation

pytestmark = pytest.mark.slow

FAILURES = load_failures()
LIMIT_S = 180


def wheel(folder: Path, name: str, version: str, *requires: str) -> Path:
    """Make the smallest wheel that pip takes."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {each}\n" for each in requires)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", "")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """Serve an index whose files are there, one whose files are refused, and one with a certificate of its own."""
    folder = tmp_path_factory.mktemp("wheels")
    wheels = [wheel(folder, "some_package", "1.0"), wheel(folder, "needs_two", "1.0", "some-package==2.0")]
    with serving() as site, serving(tls=True) as secret:
        site.files("/files", wheels)
        site.simple("/simple", wheels)
        site.simple("/forbidden/simple", wheels, folder="/private")
        for each in wheels:
            site.fail(f"/private/{each.name}", 403)
            site.fail(f"/private/{each.name}.metadata", 403)
        site.stall(f"/stalled/{wheels[0].name}", seconds=20)
        secret.simple("/simple", wheels)
        yield {"SITE": site.url.rstrip("/"), "TLS_SITE": secret.url.rstrip("/")}


@pytest.fixture(scope="module")
def python_of(
    environment: EnvironmentFactory, interpreter: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str | None], str]:
    """Return the function that gives the Python of a provocation; what it makes lasts for the module."""
    made: dict[str, str] = {}

    def make(where: str) -> str:
        if where == "bridge":
            lender = environment("native213")
            return str(bridge_environment(lender, interpreter("3.11"), tmp_path_factory.mktemp("bridge"), mpi=False))
        what, over, base = where.partition(" over ")
        if not over:
            return str(environment(where).python)
        overlay = make_overlay(environment(base), tmp_path_factory.mktemp("pair") / "env")
        name, version = what.split()
        project = {"ipex": "intel-extension-for-pytorch"}.get(name, name)
        pip(
            overlay.python,
            "install",
            "-q",
            "--no-deps",
            f"{project}=={version}",
            *(["psutil"] if name == "ipex" else []),
        )
        return str(overlay.python)

    def give(where: str | None) -> str:
        if where is None:
            return sys.executable
        if where not in made:
            made[where] = make(where)
        return made[where]

    return give


@pytest.mark.parametrize("provocation", provocations.ALL, ids=lambda provocation: provocation.label)
def test_what_really_fails_is_named_first(
    provocation: Provocation, sites: Mapping[str, str], python_of: Callable[[str | None], str], tmp_path: Path
) -> None:
    log = output_of(provocation, sites, python_of(provocation.where), tmp_path)
    found = scan([log.encode()], FAILURES)
    if any(sighting.failure.id == provocation.cause for sighting in benign(found)):
        assert [cause.failure.id for cause in rank(found) if cause.failure.severity == "fatal"] == []
        return
    assert [cause.failure.id for cause in rank(found)][:1] == [provocation.cause], log[-4000:]


STATES = {
    "ipex 2.8.0 over native213": {"torch", "ipex-wrong-torch"},
    "ipex 2.5.0 over native213": {"torch", "ipex-wrong-torch"},
    "numpy 2.2.6 over torch1121-bare": {"numpy", "numpy-2"},
}
"""Environments that are broken, and the ids under which `doctor` may know it: by looking, and by running."""


@pytest.mark.parametrize("where", STATES)
def test_doctor_finds_what_is_a_state_of_the_environment(
    where: str, python_of: Callable[[str | None], str], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "ipexenv", "doctor", "--deep", "--json", "-q", "--python", python_of(where)]
    ended = subprocess.run(
        command, capture_output=True, text=True, check=False, env=clean(), cwd=tmp_path, timeout=LIMIT_S
    )
    assert ended.returncode == 1, ended.stderr
    findings = json.loads(ended.stdout)["data"]["findings"]
    errors = {finding["id"] for finding in findings if finding["severity"] == "error"}
    assert errors & STATES[where], findings


def output_of(provocation: Provocation, sites: Mapping[str, str], python: str, folder: Path) -> str:
    """Run a provocation and return all that it printed."""
    uv = shutil.which("uv", path=f"{os.path.dirname(sys.executable)}:{os.environ.get('PATH', '')}")  # noqa: PTH120
    words = {
        "PY": python,
        "BARE": getattr(sys, "_base_executable", sys.executable) + " -I -S",
        "PIP": f"{sys.executable} -m pip --disable-pip-version-check",
        "UV": uv or "uv",
        "TMP": str(folder),
        "NO_CONFIG": f"env PIP_CONFIG_FILE={os.devnull}",
        **sites,
        **provocation.env,
    }
    preload = words.pop("LD_PRELOAD", None)
    command = provocation.command if preload is None else f"export LD_PRELOAD={preload}; {provocation.command}"
    ended = subprocess.run(
        ["bash", "-c", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
        errors="replace",
        env=clean(**words),
        cwd=folder,
        timeout=LIMIT_S,
    )
    return ended.stdout
