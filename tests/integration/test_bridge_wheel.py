"""The bridge's wheel for real: made from the package index's wheels, installed, found by who looks for it, removed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from packaging.version import Version

from ipexenv.bridge.build import BuiltWheel, build_wheel
from ipexenv.events import ignore
from ipexenv.install.configuration import read_configuration
from ipexenv.install.pages import ACCEPT, offers, read_listing
from ipexenv.install.places import access_to, built_in_index
from ipexenv.system.world import World
from ipexenv.tables.load import load_tables
from tests.integration.bridge_ranks import free_port
from tests.integration.overlays import clean, make_overlay, pip
from tests.integration.sites import fingerprint, make_venv, uv_program
from tests.wheels import LINUX, SUMMARY
from tests.wheels import build_wheel as build_fake

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ipexenv.outcome import Offer
    from ipexenv.system.http import Access
    from tests.integration.conftest import Environment, EnvironmentFactory

pytestmark = pytest.mark.slow

RELEASE = load_tables().bridge[-1]
VERSION = str(RELEASE.version)
LIMIT_S = 300


def on_the_index() -> tuple[list[Offer], Access]:
    """Return what the index that pip is configured for has of the bridge's parts, and how to get through to it."""
    world = World()
    configuration = read_configuration(world, prefix=None, with_uv=False)
    index = (configuration.index or built_in_index() or "").rstrip("/")
    access = access_to(index, configuration)
    found: list[Offer] = []
    for part in RELEASE.parts:
        url = f"{index}/{part.project}/"
        page = world.http.get(url, accept=ACCEPT, limit_s=60, max_bytes=64 << 20, access=access)
        links = read_listing(page).links
        found += offers(links, projects=[part.project], source="index", configured=True, python=Version("3.11"))
    return found, access


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> BuiltWheel:
    found, access = on_the_index()
    folder = tmp_path_factory.mktemp("bridge")
    return build_wheel(RELEASE, found, folder, http=World().http, listen=ignore, access=lambda _url: access)


@pytest.fixture
def intel(tmp_path: Path) -> Path:
    """Return a folder with a fake of Intel's bindings that holds the files by which it is known."""
    files = {
        "oneccl_bindings_for_pytorch/__init__.py": f'"""{SUMMARY}"""\n\n__version__ = "2.7.0+cpu"\n',
        "oneccl_bindings_for_pytorch/version.py": '__version__ = "2.7.0+cpu"\n',
    }
    folder = tmp_path / "intel"
    for tag in ("cp310", "cp311", "cp312", "cp313"):
        build_fake(folder, "oneccl_bind_pt", "2.7.0+cpu", f"{tag}-{tag}-{LINUX}", files=files)
    return folder


@pytest.fixture
def over_torch(environment: EnvironmentFactory, wheel: BuiltWheel, tmp_path: Path) -> Environment:
    """Return an environment of this test's own with the newest torch and the bridge."""
    overlay = make_overlay(environment("native213"), tmp_path / "overlay")
    pip(overlay.python, "install", "--quiet", "--no-deps", "--no-index", str(wheel.path))
    return overlay


def run(python: Path, script: str, *arguments: str, **more: str) -> Any:
    """Run a script and return the last line it prints, read as JSON."""
    ended = subprocess.run(
        [str(python), "-c", f"import json, sys\n{script}", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=clean(**more),
        timeout=LIMIT_S,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


def run_ranks(python: Path, script: str, **more: str) -> list[Any]:
    """Run a script as two ranks and return the last line of each, read as JSON."""
    env = clean(WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(free_port()), OMP_NUM_THREADS="1", **more)
    ranks = [
        subprocess.Popen(
            [str(python), "-c", f"import json, sys\n{script}"],
            env={**env, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        said = [rank.communicate(timeout=LIMIT_S) for rank in ranks]
    finally:
        for rank in ranks:
            rank.kill()
            rank.wait()
    assert [rank.returncode for rank in ranks] == [0, 0], said
    return [json.loads(out.splitlines()[-1]) for out, _err in said]


def test_it_is_small_and_holds_what_the_table_says(wheel: BuiltWheel) -> None:
    assert wheel.size_bytes < 40_000_000
    with zipfile.ZipFile(wheel.path) as archive:
        assert sum(item.file_size for item in archive.infolist()) < 40_000_000
        for part in RELEASE.parts:
            for file in part.files:
                assert archive.getinfo(f"ipexenv_oneccl_bridge/{file.to}").file_size == file.size_bytes


def install_with(engine: str, venv: Path, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run ``install`` or ``uninstall`` of an engine on an environment, from local files alone."""
    python = venv / "bin" / "python"
    if engine == "pip":
        return pip(python, *words, check=check)
    uv = uv_program()
    assert uv is not None, "the tests bring uv along"
    argv = [uv, "pip", words[0], "--python", str(python), *(word for word in words[1:] if word != "-y")]
    ended = subprocess.run(argv, capture_output=True, text=True, check=False, env=clean(UV_NO_CONFIG="1"), timeout=300)
    assert not check or ended.returncode == 0, ended.stderr
    return ended


@pytest.mark.parametrize("engine", ["pip", "uv"])
def test_nothing_is_left_of_it_after_it_was_removed(engine: str, wheel: BuiltWheel, tmp_path: Path) -> None:
    venv = make_venv(tmp_path / "venv")
    before = fingerprint(venv)
    install_with(engine, venv, "install", "--no-deps", "--no-index", str(wheel.path))
    script = (
        "from importlib.metadata import entry_points, version\nimport ipexenv_oneccl_bridge as bridge\n"
        "(entry,) = (entry for entry in entry_points(group='torch.backends') if entry.name == 'ccl')\n"
        "found = [version('oneccl_bind_pt'), version('ipexenv-oneccl-bridge'), bridge.__version__]\n"
        "print(json.dumps([found, entry.value, entry.load().__name__]))"
    )
    found, value, name = run(venv / "bin" / "python", script)
    assert found == [VERSION] * 3
    assert (value, name) == ("ipexenv_oneccl_bridge:autoload", "autoload")
    install_with(engine, venv, "uninstall", "-y", "ipexenv-oneccl-bridge")
    after = fingerprint(venv)
    after.pop(".lock", None)  # uv's own, empty
    assert after == before


def test_pip_will_not_mix_intel_s_bindings_into_it(wheel: BuiltWheel, intel: Path, tmp_path: Path) -> None:
    venv = make_venv(tmp_path / "venv")
    install_with("pip", venv, "install", "--no-deps", "--no-index", str(wheel.path))
    before = fingerprint(venv)
    for words in (["install", "--no-index", "--find-links", str(intel), "oneccl_bind_pt==2.7.0"], ["uninstall", "-y"]):
        more = [] if words[0] == "install" else ["oneccl_bind_pt"]
        ended = install_with("pip", venv, *words, *more, check=False)
        assert ended.returncode != 0
        assert "The package was installed by ipexenv-oneccl-bridge" in ended.stderr
    assert fingerprint(venv) == before


def test_where_uv_mixed_them_torch_can_be_imported_and_intel_s_bindings_are_what_is_used(
    over_torch: Environment, intel: Path
) -> None:
    ended = install_with(
        "uv", over_torch.folder, "install", "--no-index", "--find-links", str(intel), "oneccl_bind_pt==2.7.0"
    )
    assert "missing `RECORD`" in ended.stderr, "uv warns and goes on; it may have become stricter"
    script = (
        "import torch\nfrom torch.distributed import Backend\nbefore = list(Backend.backend_list)\n"
        "import oneccl_bindings_for_pytorch as name\nprint(json.dumps(['ccl' in before, name.__version__]))"
    )
    assert run(over_torch.python, script) == [False, "2.7.0+cpu"]


TRAIN = """
import os, torch, torch.distributed as dist
ours = sorted(name for name in sys.modules if name.startswith(("ipexenv", "oneccl")))
mapped = [line.split()[-1] for line in open("/proc/self/maps") if "ccl" in line or "fabric" in line]
dist.init_process_group("ccl")
tensor = torch.full((1000,), float(dist.get_rank() + 1))
dist.all_reduce(tensor)
dist.destroy_process_group()
import ipexenv_oneccl_bridge as bridge
print(json.dumps([ours, mapped, tensor.tolist() == [3.0] * 1000, bridge.in_use()]))
"""


def test_from_torch_2_5_on_no_import_is_needed_and_importing_torch_loads_nothing(over_torch: Environment) -> None:
    for ours, mapped, right, in_use in run_ranks(over_torch.python, TRAIN):
        assert "ipexenv_oneccl_bridge" in ours
        assert set(ours) <= {"ipexenv_oneccl_bridge", "ipexenv_oneccl_bridge.rendezvous"}
        assert (mapped, right) == ([], True)
        assert str(over_torch.site_packages / "ipexenv_oneccl_bridge" / "lib") in in_use


def test_where_torch_is_told_to_load_no_backends_the_import_does_it(over_torch: Environment) -> None:
    script = (
        "import torch\nfrom torch.distributed import Backend\nbefore = 'ccl' in Backend.backend_list\n"
        "import oneccl_bindings_for_pytorch as name\n"
        "after = 'ccl' in Backend.backend_list\n"
        "print(json.dumps([before, after, name.__version__, name.is_available([torch.ones(2)])]))"
    )
    assert run(over_torch.python, script, TORCH_DEVICE_BACKEND_AUTOLOAD="0") == [False, True, VERSION, True]


@pytest.fixture
def with_transformers(over_torch: Environment) -> Iterator[Environment]:
    pip(over_torch.python, "install", "--quiet", "--no-compile", "transformers==4.57.3", "accelerate==1.12.0")
    yield over_torch
    shutil.rmtree(over_torch.folder)  # 170 MB, and pytest keeps the folders of three runs


FOUND = """
import torch.distributed as dist
import accelerate.utils as accelerate
import transformers.utils as transformers
from transformers.utils.import_utils import ccl_version
transformers.requires_backends(object, "oneccl_bind_pt")
found = [transformers.is_ccl_available(), accelerate.is_ccl_available(), accelerate.get_ccl_version() >= "1.12"]
from transformers import TrainingArguments
arguments = TrainingArguments(output_dir="unused", use_cpu=True, ddp_backend="ccl", report_to=[])
answer = [found, ccl_version, accelerate.get_ccl_version(), dist.get_backend(), arguments.device.type]
dist.destroy_process_group()
print(json.dumps(answer))
"""

# Imports one module of a package out of its wheel without the package's own start, which wants more than is here.
ALONE = """
import importlib, types
wheel, module = sys.argv[1:]
sys.path.insert(0, wheel)
parts = module.split(".")[:-1]
for depth in range(1, len(parts) + 1):
    package = types.ModuleType(".".join(parts[:depth]))
    package.__path__ = [wheel + "/" + "/".join(parts[:depth])]
    sys.modules[package.__name__] = package
asked = importlib.import_module(module)
versions = [asked.get_ccl_version()] if hasattr(asked, "get_ccl_version") else [getattr(asked, "ccl_version", None)]
print(json.dumps([asked.is_ccl_available(), *versions]))
"""

OLD_AND_NEW = (
    ("transformers", "4.29.2", "transformers.utils.import_utils", VERSION),
    ("transformers", "5.0.0", "transformers.utils.import_utils", None),  # it asks for no version any more
    ("accelerate", "0.20.3", "accelerate.utils.imports", VERSION),
)


def test_transformers_and_accelerate_find_it(with_transformers: Environment, tmp_path: Path) -> None:
    # accelerate takes ccl on CPUs only where this says that the user means it, for Intel's bindings as well.
    for found, *rest in run_ranks(with_transformers.python, FOUND, CCL_WORKER_COUNT="1"):
        assert found == [True, True, True]
        assert rest == [VERSION, VERSION, "ccl", "cpu"]
    for project, version, module, expected in OLD_AND_NEW:
        pip_download = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(tmp_path / "old")]
        subprocess.run(
            [*pip_download, f"{project}=={version}"], check=True, capture_output=True, env=clean(), timeout=600
        )
        (old,) = (tmp_path / "old").glob(f"{project}-{version}-*.whl")
        assert run(with_transformers.python, ALONE, str(old), module) == [True, expected], (project, version)
