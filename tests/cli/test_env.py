"""`ipexenv env`: whole output, and real shells that eval it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ipexenv import cli
from ipexenv.system.world import World
from tests.fakes import FakeKernel, FakeRunner, finished

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Say = Callable[..., tuple[int, str, str]]

CPU = "/sys/devices/system/cpu"
NODE = "/sys/devices/system/node"


@pytest.fixture
def machine(tmp_path: Path) -> Callable[[Mapping[str, str]], None]:
    """Write files below ``tmp_path``: two sockets with four cores each."""

    def write(files: Mapping[str, str]) -> None:
        for path, text in files.items():
            file = tmp_path / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")

    files = {f"{CPU}/online": "0-7\n", f"{NODE}/node0/cpulist": "0-3\n", f"{NODE}/node1/cpulist": "4-7\n"}
    files |= {f"{CPU}/cpu{unit}/topology/core_cpus_list": f"{unit}\n" for unit in range(8)}
    files |= {f"{CPU}/cpu{unit}/topology/package_cpus_list": "0-3\n" if unit < 4 else "4-7\n" for unit in range(8)}
    write(files)
    return write


@pytest.fixture
def say(tmp_path: Path, machine: object, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run `ipexenv env` with words; return exit code, stdout and stderr with the folder's name cut out."""
    site = str(tmp_path / "it's a site")
    answer = {
        "version": "3.11.7",
        "implementation": "cpython",
        "executable": "/env/bin/python",
        "prefix": "/env",
        "virtual": True,
        "site_packages": [site],
        "search_path": [site],
        "writable": {site: True},
        "system": "Linux",
        "kernel": "6.1.0",
        "machine": "x86_64",
        "glibc": "glibc 2.36",
    }

    def run(*words: str, env: Mapping[str, str] | None = None, whole: bool = False) -> tuple[int, str, str]:
        world = World(
            runner=FakeRunner(
                endings=[
                    (("_target.py",), finished(answer=json.dumps(answer).encode())),
                    (("numactl", "--localalloc"), finished(1)),
                ]
            ),
            kernel=FakeKernel(cpus=None),
            env={"VIRTUAL_ENV": "/env", **(env or {})},
            root=tmp_path,
            directory=tmp_path,
        )
        code = cli.main(["env", *words], world=world)
        out, err = capsys.readouterr()
        return code, out if whole else out.replace(str(tmp_path), ""), err

    return run


@pytest.fixture
def bindings(tmp_path: Path) -> None:
    """Put Intel's bindings of the layout since 2.4 into the target."""
    site = tmp_path / "it's a site"
    info = site / "oneccl_bind_pt-2.7.0+cpu.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Name: oneccl_bind_pt\nVersion: 2.7.0+cpu\n", encoding="utf-8")
    (info / "INSTALLER").write_text("pip\n", encoding="utf-8")
    for name in ("lib", "opt/mpi/bin", "opt/mpi/lib", "opt/mpi/libfabric/lib/prov"):
        (site / "oneccl_bindings_for_pytorch" / name).mkdir(parents=True)


def test_a_plain_environment(say: Say) -> None:
    expected = """\
export OMP_NUM_THREADS=4
export I_MPI_PIN_DOMAIN='[0xf,0xf0]'
export IPEXENV_APPLIED='{"OMP_NUM_THREADS":"4","I_MPI_PIN_DOMAIN":"[0xf,0xf0]"}'
"""
    assert say() == (0, expected, "")


@pytest.mark.usefixtures("bindings")
def test_it_replaces_setvars(say: Say) -> None:
    code, out, err = say("--format", "json", env={"LD_LIBRARY_PATH": "/mine", "PATH": "/bin"})
    package = "/it's a site/oneccl_bindings_for_pytorch"
    mpi = f"{package}/opt/mpi"
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "OMP_NUM_THREADS": "3",
        "CCL_WORKER_COUNT": "1",
        "CCL_WORKER_AFFINITY": "0,4",
        "I_MPI_PIN_DOMAIN": "[0xe,0xe0]",
        "CCL_ROOT": package,
        "I_MPI_ROOT": mpi,
        "LD_LIBRARY_PATH": f"{package}/lib:{mpi}/lib:{mpi}/libfabric/lib:/mine",
        "PATH": f"{mpi}/bin:/bin",
        "FI_PROVIDER_PATH": f"{mpi}/libfabric/lib/prov:/usr/lib64/libfabric",
    }


def test_options_and_the_users_variables(say: Say) -> None:
    mine = {"OMP_NUM_THREADS": "2"}
    assert say("-ppn", "1", "--format", "dotenv", env=mine) == (0, "I_MPI_PIN_DOMAIN='[0x3]'\n", "")
    assert say("--threads", "1", "--format", "dotenv", env=mine)[1].startswith("OMP_NUM_THREADS=1\n")


def test_a_variable_that_cannot_be_heeded_is_told(say: Say) -> None:
    err = say(env={"I_MPI_PIN_DOMAIN": "core"})[2]
    assert err.startswith("note: I_MPI_PIN_DOMAIN=core is yours and stays; [0xf,0xf0] would be chosen: ")
    assert say("-q", env={"I_MPI_PIN_DOMAIN": "core"})[2] == ""


def test_reasons(say: Say) -> None:
    expected = """\
OMP_NUM_THREADS=4
    8 physical cores shared by 2 ranks
I_MPI_PIN_DOMAIN=[0xf,0xf0]
    the CPUs of each rank in turn, for Intel MPI's Hydra, which would count hyper-threads as cores
"""
    assert say("--explain") == (0, expected, "")


@pytest.mark.usefixtures("bindings")
def test_a_network_is_settled_where_it_is_named(say: Say) -> None:
    alone = json.loads(say("--format", "json", "--interface", "lo")[1])
    assert (alone["CCL_KVS_IFACE"], alone["CCL_ATL_TRANSPORT"]) == ("lo", "ofi")
    several = json.loads(say("--format", "json", "--interface", "eth0")[1])
    assert (several["CCL_KVS_IFACE"], several["GLOO_SOCKET_IFNAME"], several["CCL_ATL_TRANSPORT"]) == (
        "eth0",
        "eth0",
        "mpi",
    )


def test_the_document(say: Say) -> None:
    code, out, _ = say("--json")
    document = json.loads(out)
    assert (code, document["status"]) == (0, "ok")
    assert document["data"]["environment"]["OMP_NUM_THREADS"] == "4"
    assert document["data"]["settings"][0] == {
        "name": "OMP_NUM_THREADS",
        "value": "4",
        "reason": "8 physical cores shared by 2 ranks",
        "by_user": False,
    }
    assert document["data"]["unset"] == []


@pytest.mark.parametrize("words", [["--threads", "0"], ["-ppn", "x"], ["--format", "csh"], ["--ccl-workers", "-1"]])
def test_values_that_cannot_be(say: Say, words: list[str]) -> None:
    code, out, err = say(*words)
    assert (code, out) == (2, "")
    assert words[1] in err


def test_bytes_that_are_no_text_stay_where_they_are(say: Say) -> None:
    assert say(env={"LD_LIBRARY_PATH": "/caf\udce9"}) == say()  # nothing of ours is in that list


@pytest.mark.usefixtures("bindings")
def test_a_list_that_holds_such_bytes_is_refused_by_name(say: Say) -> None:
    code, _, err = say(env={"LD_LIBRARY_PATH": "/caf\udce9"})
    assert code == 2
    assert err.startswith("error: LD_LIBRARY_PATH holds what no line of this form can")


@pytest.mark.usefixtures("bindings")
@pytest.mark.parametrize("shell", ["bash", "zsh", "sh", "fish"])
def test_real_shells_eval_it_twice_and_take_it_back(say: Say, shell: str, tmp_path: Path) -> None:
    program = "dash" if shell == "sh" else shell
    if shutil.which(program) is None:
        pytest.skip(f"this machine has no {program}")
    own = {"HOME": str(tmp_path), "LC_ALL": "C.UTF-8", "LD_LIBRARY_PATH": "/mine", "PATH": "/usr/bin:/bin"}

    def after(words: list[str], env: Mapping[str, str]) -> dict[str, str]:
        lines = say(*words, "--format", shell, env=env, whole=True)[1]
        evaluate = "eval (cat | string collect)" if shell == "fish" else 'eval "$(cat)"'
        tell = f"{evaluate}; exec {sys.executable} -Ic 'import json,os;print(json.dumps(dict(os.environ)))'"
        ended = subprocess.run([program, "-c", tell], input=lines, capture_output=True, text=True, check=True, env=env)
        told: dict[str, str] = json.loads(ended.stdout)
        return {name: value for name, value in told.items() if name not in {"_", "PWD", "OLDPWD", "SHLVL"}}

    before = after([], own)
    assert before["LD_LIBRARY_PATH"].startswith(f"{tmp_path}/it's a site/oneccl_bindings_for_pytorch/lib:")
    assert after([], before) == before
    back = after(["--unset"], before)
    assert {name: back.get(name) for name in own} == own
    assert not {"OMP_NUM_THREADS", "CCL_ROOT", "IPEXENV_APPLIED"} & set(back)
