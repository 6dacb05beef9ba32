"""`ipexenv status`: whole output, for people and machines."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from ipexenv import cli
from ipexenv.facts_json import read_facts
from ipexenv.system.world import World
from ipexenv.tables.load import PACKAGE, find_tables
from tests.fakes import FakeHttp, FakeKernel, FakeRunner, finished

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Say = Callable[..., tuple[int, str, str]]
    Install = Callable[..., None]

CPU = "/sys/devices/system/cpu"


@pytest.fixture
def machine(tmp_path: Path) -> Callable[[Mapping[str, str]], None]:
    """Write files of a small Debian machine below ``tmp_path``."""

    def write(files: Mapping[str, str]) -> None:
        for path, text in files.items():
            file = tmp_path / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")

    write(
        {
            "/etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
            "/proc/cpuinfo": "vendor_id : GenuineIntel\nmodel name : Some CPU\nflags : fma avx2\n",
            f"{CPU}/online": "0-1\n",
            **{f"{CPU}/cpu{unit}/topology/core_cpus_list": "0-1\n" for unit in (0, 1)},
            **{f"{CPU}/cpu{unit}/topology/package_cpus_list": "0-1\n" for unit in (0, 1)},
            "/lib/libstdc++.so.6": "\0GLIBCXX_3.4.30\0",
        }
    )
    return write


@pytest.fixture
def install(tmp_path: Path, machine: Callable[[Mapping[str, str]], None]) -> Install:
    """Put distributions into the target's site-packages."""

    def put(**versions: str) -> None:
        for name, version in versions.items():
            folder = f"/site/{name}-{version}.dist-info"
            machine({f"{folder}/METADATA": f"Name: {name}\nVersion: {version}\n", f"{folder}/INSTALLER": "pip\n"})

    return put


@pytest.fixture
def say(tmp_path: Path, machine: object, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run `ipexenv status` with words; return exit code, stdout and stderr with the folder's name cut out."""
    site = str(tmp_path / "site")
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

    def run(*words: str, env: Mapping[str, str] | None = None) -> tuple[int, str, str]:
        world = World(
            runner=FakeRunner(
                endings=[
                    (("/broken/", "_target.py"), finished(-11)),
                    (("_target.py",), finished(answer=json.dumps(answer).encode())),
                ]
            ),
            http=FakeHttp(),
            kernel=FakeKernel(cpus=frozenset({0})),
            env={"VIRTUAL_ENV": "/env", **(env or {})},
            root=tmp_path,
            directory=tmp_path,
        )
        code = cli.main(["status", *words], world=world)
        out, err = capsys.readouterr()
        return code, out.replace(str(tmp_path), ""), err

    return run


def test_a_pair_that_fits(say: Say, install: Install) -> None:
    install(torch="2.8.0+cpu", intel_extension_for_pytorch="2.8.0", numpy="2.1.0", accelerate="1.0.0")
    assert say() == (
        0,
        """\
target        Python 3.11.7, venv /env
torch         2.8.0+cpu, installed by pip, cpu build
IPEX          2.8.0, installed by pip
bindings      not installed
numpy         2.1.0, installed by pip
transformers  not installed
accelerate    1.0.0, installed by pip
host          Debian GNU/Linux 12 (bookworm), x86_64, glibc 2.36
CPU           Some CPU, AVX2
cores         1 of 1 usable, 1 socket, 1 NUMA node

verdict: fits
""",
        "",
    )


def test_a_pair_that_does_not_fit(say: Say, install: Install) -> None:
    install(torch="2.7.0", intel_extension_for_pytorch="2.8.0")
    code, out, err = say("--venv", "my env")
    assert code == 1
    assert "\nverdict: does not fit\n  intel_extension_for_pytorch 2.8.0 " in out
    assert err == (
        "error: what is installed does not fit together [misfit]\n"
        "\nhint: put torch 2.8 back with "
        "`ipexenv install --venv 'my env' --torch 2.8 --allow-torch-change --ccl none`\n"
    )


def test_nothing_installed(say: Say) -> None:
    code, out, err = say()
    assert (code, err) == (0, "")
    assert "\nverdict: nothing to judge\n" in out
    assert "torch         not installed\n" in out


def test_torch_without_ipex(say: Say, install: Install) -> None:
    install(torch="2.13.0+cpu")
    code, out, _ = say("--json")
    document = json.loads(out)
    assert (code, document["status"], document["data"]["fits"]) == (0, "ok", None)


def test_the_bridge_and_what_it_serves(say: Say, install: Install) -> None:
    version = "2022.2.0+ipexenv.bridge.1"
    install(torch="2.13.0+cpu", ipexenv_oneccl_bridge=version, oneccl_bind_pt=version, impi_rt="2021.18.0")
    code, out, _ = say()
    assert code == 0
    assert "\nverdict: fits\n  no IPEX is installed" in out
    assert f"bridge        {version}, installed by pip\n" in out
    assert "Intel MPI     2021.18.0, installed by pip\n" in out
    assert "bindings " not in out
    data = json.loads(say("--json")[1])["data"]
    assert data["ccl"] == {"provider": "bridge", "version": version}
    assert data["facts"]["installed"]["bindings"] is None


def test_a_bridge_that_does_not_fit_its_torch(say: Say, install: Install) -> None:
    install(torch="1.13.1", ipexenv_oneccl_bridge="2022.2.0+ipexenv.bridge.1")
    code, out, _ = say()
    assert code == 1
    assert "bridge.1 needs torch >=2.0, and torch 1.13.1 is installed [torch]\n" in out


def test_bindings_and_bridge_together_do_not_fit(say: Say, install: Install) -> None:
    install(torch="2.7.0", ipexenv_oneccl_bridge="2022.2.0+ipexenv.bridge.1", oneccl_bind_pt="2.7.0+cpu")
    code, out, _ = say()
    assert code == 1
    assert "remove both with `/env/bin/python -m pip uninstall ipexenv_oneccl_bridge oneccl_bind_pt`" in out
    assert "[mixture]\n" in out


def test_the_document_is_whole(say: Say, install: Install) -> None:
    install(torch="2.7.0", intel_extension_for_pytorch="2.8.0")
    code, out, err = say("-v", "--json", env={"IPEXENV_PYTHON": "/env/bin/python"})
    document = json.loads(out)
    assert (code, err, document["exit_code"], document["status"]) == (1, "", 1, "no")
    assert [problem["code"] for problem in document["problems"]] == ["misfit"]
    data = document["data"]
    assert set(data) == {"facts", "fits", "ccl", "findings", "restore", "unfinished_change", "settings"}
    assert data["fits"] is False
    assert set(data["findings"][0]) == {"code", "text"}
    assert data["settings"]["python"] == {"value": "/env/bin/python", "origin": "IPEXENV_PYTHON"}
    assert data["settings"]["tables"] == {"value": None, "origin": "default"}
    facts = read_facts(data["facts"], where="status")
    assert facts.installed.ipex is not None
    assert dict(facts.learnt)["target"] == "/env/bin/python, chosen by --python"


def test_every_fact_and_setting(say: Say, install: Install) -> None:
    install(torch="2.8.0+cpu", intel_extension_for_pytorch="2.8.0")
    code, out, err = say("-v")
    assert (code, err) == (0, "")
    for line in (
        "  host.cpu.isa                  avx2",
        "  host.topology.usable_cpus     0",
        "  host.topology.cpu_quota       -",
        "  host.shm_bytes                1073741824",
        "  target.glibcxx                3.4.30",
        "  target.writable               yes",
        "  target.libraries              -",
        "  installed.torch.build         cpu",
        "  installed.bindings            -",
        "  python  not set (default)",
    ):
        assert f"\n{line}\n" in out, line
    assert "/env/bin/python, chosen by VIRTUAL_ENV\n" in out
    assert " … " in next(line for line in out.splitlines() if "target.wheel_tags " in line)


def test_a_target_that_crashes(say: Say) -> None:
    code, out, err = say("--python", "/broken/python")
    assert (code, out) == (3, "")
    assert err.startswith("error: the target Python /broken/python crashed with SIGSEGV [target-crashed]\n")


def test_two_targets(say: Say) -> None:
    code, out, err = say("--python", "a", "--venv", "b")
    assert (code, out) == (2, "")
    assert err == (
        "error: --python and --venv name two targets [two-targets]\n"
        "  because --python is 'a' and --venv is 'b'\n"
        "\nhint: leave one of them out\n"
    )


def test_a_library_that_a_row_newly_names_is_looked_for(
    say: Say, install: Install, machine: Callable[[Mapping[str, str]], None], tmp_path: Path
) -> None:
    install(torch="2.8.0+cpu", intel_extension_for_pytorch="2.8.0")
    mine = tmp_path / "mine"
    shutil.copytree(find_tables(PACKAGE), mine)
    table = mine / "ipex.toml"
    row = '\nversion = "2.8.0"\n'
    assert row in table.read_text()
    table.write_text(table.read_text().replace(row, f'{row}needed_libs = ["libnew.so.7"]\n'))
    code, out, _ = say("--tables", str(mine))
    assert code == 1
    assert "needs libnew.so.7, and the target's loader does not find it [libraries]" in out
    machine({"/lib/libnew.so.7": ""})
    assert say("--tables", str(mine))[0] == 0


def test_a_target_that_fails_is_told_before_tables_that_are_not_there(say: Say, tmp_path: Path) -> None:
    code, out, err = say("--tables", str(tmp_path))
    assert (code, out) == (2, "")
    assert "/ipex.toml: No such file or directory [no-tables]\n" in err
    code, out, err = say("--tables", str(tmp_path), "--python", "/broken/python")
    assert (code, out) == (3, "")
    assert "[target-crashed]" in err
