"""`ipexenv doctor`: what it finds in an environment laid out for it, in each of its forms."""

from __future__ import annotations

import json
import re
import zipfile
from typing import TYPE_CHECKING

import pytest

from ipexenv import cli
from ipexenv.system.world import World
from tests.fakes import FakeHttp, FakeKernel, FakeRunner, finished

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Say = Callable[..., tuple[int, str, str]]

CPU = "/sys/devices/system/cpu"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Lay out a small machine, and IPEX beside a torch that it does not fit; return site-packages."""
    files = {
        "/etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
        "/proc/cpuinfo": "vendor_id : GenuineIntel\nmodel name : Some CPU\nflags : fma avx2\n",
        f"{CPU}/online": "0-1\n",
        "/lib/libstdc++.so.6": "\0GLIBCXX_3.4.30\0",
        "/site/torch-2.8.0.dist-info/METADATA": "Name: torch\nVersion: 2.8.0\n",
        "/site/intel_extension_for_pytorch-2.7.0.dist-info/METADATA": (
            "Name: intel_extension_for_pytorch\nVersion: 2.7.0\n"
        ),
    }
    for path, text in files.items():
        file = tmp_path / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return tmp_path / "site"


@pytest.fixture
def say(tmp_path: Path, site: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run `ipexenv doctor` with words; return exit code, stdout and stderr."""
    answer = {
        "version": "3.11.7",
        "implementation": "cpython",
        "executable": "/home/eve/env/bin/python",
        "prefix": "/home/eve/env",
        "virtual": True,
        "site_packages": [str(site)],
        "search_path": [str(site)],
        "writable": {str(site): True},
        "system": "Linux",
        "kernel": "6.1.0",
        "machine": "x86_64",
        "glibc": "glibc 2.36",
    }

    def run(*words: str, **env: str) -> tuple[int, str, str]:
        runner = FakeRunner(endings=[(("_target.py",), finished(answer=json.dumps(answer).encode()))])
        world = World(
            runner=runner,
            http=FakeHttp(),
            kernel=FakeKernel(cpus=frozenset({0, 1})),
            env={"VIRTUAL_ENV": "/home/eve/env", "HOME": "/home/eve", "USER": "eve", **env},
            root=tmp_path,
            directory=tmp_path,
        )
        code = cli.main(["doctor", *words], world=world)
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def test_an_error_comes_first_with_its_cure_and_is_a_no(say: Say) -> None:
    code, out, err = say(LD_PRELOAD="/nowhere/libiomp5.so")
    assert code == 1
    assert out.startswith("error: intel_extension_for_pytorch 2.7.0 ")
    assert "ipexenv install" in out.splitlines()[1]
    assert (
        "warning: LD_PRELOAD names /nowhere/libiomp5.so, which is not there [preload-missing]\n"
        "  seen: LD_PRELOAD=/nowhere/libiomp5.so\n"
        "  because it was copied from a guide, or what brought the library was removed\n"
        "  cure: take it out of LD_PRELOAD; `ipexenv run` preloads what there is\n"
    ) in out
    assert "IPEX 2.7.0 is at its end of life" in out
    assert re.match(r"error: \d+ errors?, \d+ warnings?", err)


def test_the_json(say: Say) -> None:
    code, out, _ = say("--json")
    document = json.loads(out)
    assert (code, document["status"], document["data"]["deep"]) == (1, "no", False)
    first = document["data"]["findings"][0]
    assert (first["severity"], first["id"]) == ("error", "torch")
    assert document["problems"][0]["code"] == "torch"


def test_a_report_for_an_issue_names_nobody(say: Say, tmp_path: Path) -> None:
    token = "s3cr3tvalue"
    code, out, _ = say(
        "--markdown", "--bundle", "report.zip", HF_TOKEN=token, LD_PRELOAD=f"/home/eve/{token}.so", OMP_NUM_THREADS="9"
    )
    assert code == 1
    assert out.startswith("### Environment\n")
    assert "| torch | 2.8.0 |" in out
    assert "- **warning** `threads-exceed-cpus`: OMP_NUM_THREADS is 9, and 2 CPU(s) may be used" in out
    with zipfile.ZipFile(tmp_path / "report.zip") as archive:
        bundled = {name: archive.read(name).decode() for name in archive.namelist()}
    assert set(bundled) == {"report.md", "report.json"}
    assert bundled["report.md"] == out
    for text in (out, *bundled.values()):
        assert "/home/eve" not in text
        assert token not in text
        assert '"eve"' not in text


def test_a_bundle_that_cannot_be_written_is_named(say: Say, tmp_path: Path) -> None:
    code, _, err = say("--bundle", "nowhere/report.zip")
    assert code == 3
    assert f"cannot write {tmp_path / 'nowhere/report.zip'}" in err


def test_nothing_is_repaired_without_a_person_where_torch_would_change(say: Say) -> None:
    code, _, err = say("--fix")
    assert code in {1, 3}
    assert "repair" in err
