"""The main job on real wheels: what the README promises, from an empty folder to a verified environment."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.integration.conftest import EnvironmentFactory

pytestmark = pytest.mark.slow

COMPAT = Path(__file__).parent.parent.parent / "compat"
BRIDGE = "2022.2.0+ipexenv.bridge.1"
NOBODY = "http://127.0.0.1:9/"
"""The discard port of this machine: nothing listens there, so a source at this address is dead at once."""


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the shipped tables, with every named source at an address of this machine where nobody answers."""
    folder = tmp_path_factory.mktemp("tables")
    for file in COMPAT.glob("*.toml"):
        lines = file.read_text("utf-8").splitlines()
        if file.name == "sources.toml":
            lines = [f'url = "{NOBODY}{n}/"' if line.startswith("url = ") else line for n, line in enumerate(lines)]
        (folder / file.name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def ipexenv(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
    """Run the installed command with ``--json``; return its exit code and document."""
    ended = subprocess.run(
        [sys.executable, "-m", "ipexenv", *map(str, arguments), "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
        env={key: value for key, value in os.environ.items() if key not in {"VIRTUAL_ENV", "CONDA_PREFIX"}},
    )
    assert ended.stdout, ended.stderr
    return ended.returncode, json.loads(ended.stdout)


def statuses(document: dict[str, Any]) -> dict[str, str]:
    checks = document["data"].get("verify", document["data"])["checks"]
    return {check["id"]: check["status"] for check in checks}


def details(document: dict[str, Any]) -> dict[str, str]:
    checks = document["data"].get("verify", document["data"])["checks"]
    return {check["id"]: check["detail"] for check in checks}


def fingerprint(site_packages: Path, *names: str) -> str:
    """Return one hash over path, size and modification time of every file of the named packages (all when none)."""
    digest = hashlib.sha256()
    for file in sorted(site_packages.rglob("*")):
        relative = file.relative_to(site_packages)
        if (
            file.is_file()
            and "__pycache__" not in relative.parts
            and (not names or relative.parts[0].startswith(names))
        ):
            status = file.stat()
            digest.update(f"{relative}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def test_a_fresh_environment_ends_with_the_newest_pair_and_the_bf16_step_done(tables: Path, tmp_path: Path) -> None:
    code, document = ipexenv("install", "--venv", tmp_path / "train", "--verify", "--tables", tables)
    assert code == 0, document["problems"]
    data = document["data"]
    pins = {pin["name"]: pin["version"] for pin in data["pins"]}
    assert pins["torch"].split("+")[0] == "2.8.0"
    assert pins["intel_extension_for_pytorch"] == "2.8.0"
    assert data["changed"] is True
    found = statuses(document)
    assert found["import"] == found["isa"] == "pass"
    assert found["bf16-path"] in {"pass", "degraded"}
    assert found["train"] in {"pass", "degraded"}
    assert data["ccl"]["provider"] == "bridge"
    assert found["allreduce"] == found["ddp"] == "pass"
    assert "bridge" in details(document)["allreduce"]

    code, document = ipexenv("install", "--venv", tmp_path / "train", "--tables", tables)
    assert (code, document["data"]["changed"], document["data"]["plan"]["changes"]) == (0, False, [])

    code, document = ipexenv("status", "--venv", tmp_path / "train")
    assert (code, document["data"]["fits"], document["data"]["ccl"]) == (
        0,
        True,
        {"provider": "bridge", "version": BRIDGE},
    )


def test_the_torch_that_is_there_is_matched_and_left_alone(tables: Path, own_copy: EnvironmentFactory) -> None:
    there = own_copy("torch27-bare")
    before = fingerprint(there.site_packages, "torch", "functorch", "torchgen")
    code, document = ipexenv("install", "--python", there.python, "--tables", tables)
    assert code == 0, document["problems"]
    pins = {pin["name"]: pin["version"] for pin in document["data"]["pins"]}
    assert (pins["intel_extension_for_pytorch"], pins["ipexenv-oneccl-bridge"]) == ("2.7.0", BRIDGE)
    assert fingerprint(there.site_packages, "torch", "functorch", "torchgen") == before
    code, document = ipexenv("verify", "--python", there.python)
    assert code == 0, document["problems"]
    assert statuses(document)["train"] in {"pass", "degraded"}
    assert statuses(document)["allreduce"] == "pass"  # beside the oneCCL of the same name that this IPEX brings


def test_a_torch_without_ipex_changes_nothing_and_names_both_ways_out(
    tables: Path, own_copy: EnvironmentFactory
) -> None:
    there = own_copy("native213")
    before = fingerprint(there.site_packages)
    code, document = ipexenv("install", "--python", there.python, "--tables", tables)
    assert code == 1
    problem = document["problems"][0]
    assert problem["code"] == "no-compatible-release"
    assert any("torch 2.13.0" in cause and "2.8.0" in cause for cause in problem["causes"])
    assert "--stack native" in problem["hint"]
    assert "--torch 2.8 --allow-torch-change" in problem["hint"]

    assert fingerprint(there.site_packages) == before


def test_the_native_stack_keeps_everything_and_gets_a_ccl_backend_that_works(
    tables: Path, own_copy: EnvironmentFactory
) -> None:
    there = own_copy("native213")
    before = fingerprint(there.site_packages)
    native = ("--python", there.python, "--tables", tables, "--stack", "native")
    code, document = ipexenv("install", *native, "--verify")
    assert code == 0, document["problems"]
    changes = [(change["name"], change["after"]) for change in document["data"]["plan"]["changes"]]
    assert changes == [("ipexenv-oneccl-bridge", BRIDGE)]
    found = statuses(document)
    assert found["train"] in {"pass", "degraded"}
    assert found["allreduce"] == found["ddp"] == "pass"

    code, document = ipexenv("install", *native)
    assert (code, document["data"]["changed"]) == (0, False)
    subprocess.run([there.python, "-m", "pip", "uninstall", "--yes", "--quiet", "ipexenv-oneccl-bridge"], check=True)
    assert fingerprint(there.site_packages) == before


def test_an_old_pair_comes_with_consent_alone(tables: Path, own_copy: EnvironmentFactory) -> None:
    there = own_copy("torch1121-bare")
    before = fingerprint(there.site_packages, "torch")
    code, document = ipexenv("install", "--python", there.python, "--tables", tables, "--dry-run")
    assert code == 1
    assert "--allow-yanked" in document["problems"][0]["hint"]

    code, document = ipexenv("install", "--python", there.python, "--tables", tables, "--allow-yanked", "--verify")
    assert code == 0, document["problems"]
    pin = next(pin for pin in document["data"]["pins"] if pin["name"] == "intel_extension_for_pytorch")
    assert (pin["version"], pin["yanked"]) == ("1.12.300", "for security.")
    assert statuses(document)["train"] in {"pass", "degraded"}
    assert fingerprint(there.site_packages, "torch") == before
