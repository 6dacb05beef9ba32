"""What scripts written for Intel's bindings see, with a stand-in for torch: no torch is needed to import the bridge."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.version import Version

from ipexenv.bridge.own_files import own_files

VERSION = "2022.2.0+ipexenv.bridge.3"

# Only what the bridge touches before the first group is made; as in torch 2.13.
TORCH = '''"""FAKE made by ipexenv's tests."""

class Backend:
    backend_list = ["undefined", "gloo"]

    @classmethod
    def register_backend(cls, name, func, extended_api=False, devices=None):
        cls.backend_list.append(name)

def is_available():
    return True
'''
INTEL = '"""FAKE made by ipexenv\'s tests, in the place of Intel\'s bindings."""\n\n__version__ = "2.7.0+cpu"\n'

SHELLS = ("sh", "bash", "dash", "zsh", "busybox")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return the site directory of an environment with the bridge, laid out as an installer would."""
    folder = tmp_path / "env" / "lib" / "python3.11" / "site-packages"
    for name, content in own_files(Version(VERSION)).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "torch" / "distributed").mkdir(parents=True)
    (folder / "torch" / "__init__.py").write_text('"""FAKE made by ipexenv\'s tests."""\n\nstrided = "strided"\n')
    (folder / "torch" / "distributed" / "__init__.py").write_text(TORCH)
    (folder / "torch" / "distributed" / "rendezvous.py").write_text('_rendezvous_handlers = {"env": print}\n')
    return folder


def run(site: Path, script: str, **more: str) -> tuple[object, str]:
    """Run a script with the environment's packages and return what it prints, read as JSON, and its stderr."""
    ended = subprocess.run(
        [sys.executable, "-B", "-c", f"import json, sys\n{script}"],
        env={**os.environ, "PYTHONPATH": str(site), **more},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout), ended.stderr


AUTOLOAD = "import ipexenv_oneccl_bridge as bridge\nbridge.autoload()\nfrom torch.distributed import Backend\n"


def test_torch_s_own_call_registers_the_backend_and_imports_nothing_else(site: Path) -> None:
    script = (
        AUTOLOAD + "ours = sorted(name for name in sys.modules if name.startswith(('ipexenv', 'oneccl', 'ctypes')))\n"
        "print(json.dumps([Backend.backend_list, ours]))"
    )
    answer, said = run(site, script)
    assert answer == [["undefined", "gloo", "ccl"], ["ipexenv_oneccl_bridge", "ipexenv_oneccl_bridge.rendezvous"]]
    assert said == ""


def test_importing_the_name_that_scripts_know_registers_it_once(site: Path) -> None:
    script = (
        AUTOLOAD
        + "import oneccl_bindings_for_pytorch as name\n"
        + "print(json.dumps([Backend.backend_list, name.__version__, name.git_version, name.cwd, bridge.__version__]))"
    )
    answer, _said = run(site, script)
    folder = str(site / "oneccl_bindings_for_pytorch")
    assert answer == [["undefined", "gloo", "ccl"], VERSION, VERSION, folder, VERSION]


def test_where_intel_s_bindings_are_what_is_imported_the_bridge_is_silent(site: Path, tmp_path: Path) -> None:
    intel = tmp_path / "elsewhere"
    (intel / "oneccl_bindings_for_pytorch").mkdir(parents=True)
    (intel / "oneccl_bindings_for_pytorch" / "__init__.py").write_text(INTEL)
    answer, said = run(intel, AUTOLOAD + "print(json.dumps(Backend.backend_list))", PYTHONPATH=f"{intel}:{site}")
    assert (answer, said) == (["undefined", "gloo"], "")


def test_where_intel_s_files_were_laid_over_ours_the_bridge_is_silent(site: Path) -> None:
    (site / "oneccl_bindings_for_pytorch" / "__init__.py").write_text(INTEL)
    script = AUTOLOAD + "print(json.dumps([Backend.backend_list, bridge.intel_bindings()]))"
    answer, said = run(site, script)
    assert answer == [["undefined", "gloo"], str(site / "oneccl_bindings_for_pytorch" / "__init__.py")]
    assert said == ""


def test_without_the_name_that_scripts_know_the_backend_serves_all_the_same(site: Path) -> None:
    shutil.rmtree(site / "oneccl_bindings_for_pytorch")
    answer, _said = run(site, AUTOLOAD + "print(json.dumps(Backend.backend_list))")
    assert answer == ["undefined", "gloo", "ccl"]


def test_a_torch_without_distributed_is_left_alone(site: Path) -> None:
    (site / "torch" / "distributed" / "__init__.py").write_text("def is_available():\n    return False\n")
    answer, said = run(site, "import ipexenv_oneccl_bridge as bridge\nbridge.autoload()\nprint(json.dumps(True))")
    assert (answer, said) == (True, "")


def test_whatever_fails_importing_torch_goes_on(site: Path) -> None:
    (site / "torch" / "distributed" / "__init__.py").write_text("raise OSError('no such luck')\n")
    answer, said = run(site, "import ipexenv_oneccl_bridge as bridge\nbridge.autoload()\nprint(json.dumps(True))")
    assert answer is True
    assert said == "ipexenv's ccl backend cannot be registered: OSError('no such luck')\n"


def test_dense_tensors_of_the_host_can_be_handed_over(site: Path) -> None:
    script = (
        "import oneccl_bindings_for_pytorch as name\nfrom types import SimpleNamespace as Some\n"
        "cpu = Some(device=Some(type='cpu'), layout='strided')\n"
        "others = [Some(device=Some(type='xpu'), layout='strided'), Some(device=cpu.device, layout='sparse_csr')]\n"
        "print(json.dumps([name.is_available([cpu, cpu]), *(name.is_available([cpu, other]) for other in others)]))"
    )
    assert run(site, script)[0] == [True, False, False]


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> tuple[str, ...]:
    program = shutil.which(request.param)
    if program is None:
        pytest.skip(f"this machine has no {request.param}")
    return (program, "sh") if request.param == "busybox" else (program,)


def source(shell: tuple[str, ...], script: str, directory: Path, **env: str) -> dict[str, str]:
    """Source the script with every strictness that a caller's shell may have, and return the environment afterwards."""
    # The system's own start-up file of zsh sets PATH.
    program = f'PATH=$START_PATH; set -eu; . {script}; set | grep ^_ipexenv >&2 && exit 9; exec "$ENV_PROGRAM" -0'
    ended = subprocess.run(
        [*shell, "-c", program],
        env={
            "PATH": os.defpath,
            "ENV_PROGRAM": shutil.which("env") or "env",
            **env,
            "START_PATH": env.get("PATH", os.defpath),
        },
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return dict(line.partition("=")[::2] for line in ended.stdout.split("\0") if line)


def with_intel_mpi(site: Path) -> Path:
    """Lay the files by which impi-rt is known into the environment and return its prefix."""
    prefix = site.parents[2]
    (prefix / "bin").mkdir()
    (prefix / "bin" / "impi_info").write_text("FAKE made by ipexenv's tests")
    (prefix / "bin" / "impi_info").chmod(0o755)
    (prefix / "lib" / "libmpi.so.12").write_text("FAKE made by ipexenv's tests")
    return prefix


SETVARS = "oneccl_bindings_for_pytorch/env/setvars.sh"
KEYS = ("PATH", "LD_LIBRARY_PATH", "I_MPI_ROOT")


def seen(found: dict[str, str]) -> dict[str, str]:
    return {key: found[key] for key in KEYS if key in found}


def test_sourcing_it_changes_nothing_without_intel_mpi(shell: tuple[str, ...], site: Path) -> None:
    assert seen(source(shell, str(site / SETVARS), site)) == {"PATH": os.defpath}


def test_intel_mpi_of_the_same_environment_is_put_on_the_path(shell: tuple[str, ...], site: Path) -> None:
    prefix = with_intel_mpi(site)
    (prefix / "pyvenv.cfg").write_text("")
    expected = {
        "PATH": f"{prefix}/bin:{os.defpath}",
        "LD_LIBRARY_PATH": f"{prefix}/lib",
        "I_MPI_ROOT": str(prefix),
    }
    assert seen(source(shell, str(site / SETVARS), Path("/"))) == expected
    assert seen(source(shell, f"./{SETVARS}", site)) == expected
    assert seen(source(shell, str(site / SETVARS), site, **expected)) == expected, "once more, and nothing is doubled"


def test_conda_s_libraries_are_not_shown_to_the_whole_system(shell: tuple[str, ...], site: Path) -> None:
    prefix = with_intel_mpi(site)
    found = seen(source(shell, str(site / SETVARS), site, LD_LIBRARY_PATH="/mine"))
    assert found == {"PATH": f"{prefix}/bin:{os.defpath}", "LD_LIBRARY_PATH": "/mine", "I_MPI_ROOT": str(prefix)}


def test_the_user_s_own_mpi_stays(shell: tuple[str, ...], site: Path) -> None:
    with_intel_mpi(site)
    found = seen(source(shell, str(site / SETVARS), site, I_MPI_ROOT="/opt/intel/oneapi/mpi"))
    assert found == {"PATH": os.defpath, "I_MPI_ROOT": "/opt/intel/oneapi/mpi"}


def test_another_mpi_of_the_same_prefix_is_not_taken_for_intel_s(shell: tuple[str, ...], site: Path) -> None:
    prefix = with_intel_mpi(site)
    (prefix / "bin" / "impi_info").unlink()
    assert seen(source(shell, str(site / SETVARS), site)) == {"PATH": os.defpath}


def test_blanks_in_the_path_are_no_trouble(shell: tuple[str, ...], site: Path, tmp_path: Path) -> None:
    with_intel_mpi(site)
    moved = (tmp_path / "env").rename(tmp_path / "my env")
    found = source(shell, f"'{moved}/lib/python3.11/site-packages/{SETVARS}'", tmp_path)
    assert found["I_MPI_ROOT"] == str(moved)
