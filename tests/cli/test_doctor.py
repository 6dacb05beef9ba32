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

    from ipexenv.system.runner import Finished

    Say = Callable[..., tuple[int, str, str]]
    Endings = tuple[tuple[tuple[str, ...], Finished], ...]

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

    def run(*words: str, endings: Endings = (), **env: str) -> tuple[int, str, str]:
        asked = (("_target.py",), finished(answer=json.dumps(answer).encode()))
        runner = FakeRunner(endings=[asked, *endings])
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
    first = out.partition("\nwarning: ")[0]
    assert "\n  seen: torch 2.8.0 in " in first
    assert "\n  because IPEX and the bindings declare no dependency on torch" in first
    assert "\n  cure: `ipexenv install" in first
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


def test_a_bundle_is_never_written_over_a_file(say: Say, tmp_path: Path) -> None:
    (tmp_path / "report.zip").write_text("mine")
    code, out, err = say("--bundle", "report.zip")
    assert (code, out) == (2, "")
    assert "is there already" in err
    assert (tmp_path / "report.zip").read_text() == "mine"


def test_a_bundle_holds_the_last_failure_too(say: Say, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "last-failure.log").write_text("it failed in /home/eve/job\n")
    say("--bundle", "report.zip", IPEXENV_STATE_DIR="state")
    with zipfile.ZipFile(tmp_path / "report.zip") as archive:
        assert archive.read("last-failure.log") == b"it failed in ~/job\n"


def test_what_is_repaired_and_what_is_left_is_said(say: Say) -> None:
    code, out, err = say("--fix", LD_PRELOAD="/nowhere/libiomp5.so")
    assert code == 1
    assert "repairing with `ipexenv install --ccl none`" in err
    assert "`ipexenv install --ccl none` changed nothing: " in out
    assert "left torch: the repair did not come about\n" in out
    assert "left preload-missing: it is set in your shell, which no program can change\n" in out


def test_the_json_of_a_repair(say: Say) -> None:
    _, out, _ = say("--fix", "--json")
    repair = json.loads(out)["data"]["fix"]
    assert (repair["command"], repair["repaired"]) == ("ipexenv install --ccl none", [])
    assert {"id": "torch", "because": "the repair did not come about"} in repair["left"]


def test_sources_that_do_not_answer_are_found(say: Say) -> None:
    code, out, _ = say("--sources")
    assert code == 1
    assert "warning: the source pytorch-cpu does not answer: connection refused [source-silent]" in out


def test_every_finding_in_the_json_has_the_same_keys(say: Say) -> None:
    _, out, _ = say("--json")
    for finding in json.loads(out)["data"]["findings"]:
        assert set(finding) == {"id", "severity", "summary", "evidence", "cause", "cure", "fix"}


def test_deep_names_what_happens_when_it_is_imported(say: Say) -> None:
    broken = "AttributeError: module 'os' has no attribute 'exit'"
    guard = "ERROR! Intel® Extension for PyTorch* needs to work with PyTorch 2.7.*, but PyTorch 2.8.0 is found."
    endings = (
        (("import os, torch, intel_extension_for_pytorch;",), finished(1, stdout=f"{guard}\n", stderr=broken)),
        (("import os, torch;",), finished(answer=b"done")),
        (("_target_single.py",), finished(1, stderr=broken)),
    )
    code, out, _ = say("--deep", endings=endings)
    assert code == 1
    assert "error: importing intel_extension_for_pytorch raised AttributeError: module 'os' has no" in out
    assert f"  seen: {guard}\n" in out
    assert "[ipex-wrong-torch]" in out
    assert "importing torch " not in out
    assert out.endswith("; looked at what is installed and around it, and ran it\n")


def test_a_hostfile_without_ssh(say: Say, tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("192.0.2.1\n")
    _, out, _ = say("--hostfile", "hosts", PATH="")
    assert "there is no ssh here, and other hosts are to be reached with it [ssh-missing]" in out
    code, _, err = say("--hostfile", "gone")
    assert code == 2
    assert "cannot read the hostfile" in err
