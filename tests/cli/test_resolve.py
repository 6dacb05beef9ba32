"""`ipexenv resolve`: whole output, for people and machines."""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ipexenv import cli
from ipexenv.facts_json import facts_as_mapping
from ipexenv.system.runner import SubprocessRunner
from ipexenv.system.world import World
from tests.fakes import FakeHttp, FakeKernel, FakeRunner, facts

if TYPE_CHECKING:
    from collections.abc import Callable

    Say = Callable[..., tuple[int, str, str]]

THERE = "--offline --platform linux_x86_64 --glibc 2.31 --glibcxx 3.4.30 --cpu-flags avx2,fma --target-python"


@pytest.fixture
def say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run `resolve` in a world without network, programs or configuration; return exit code, stdout and stderr."""

    def run(line: str, **parts: Any) -> tuple[int, str, str]:
        there: dict[str, Any] = {"runner": FakeRunner(), "root": tmp_path} | parts
        env = {"PIP_CONFIG_FILE": "/dev/null", "HOME": str(tmp_path)}
        world = World(http=FakeHttp(), kernel=FakeKernel(), env=env, directory=tmp_path, **there)
        code = cli.main(["resolve", *line.split()], world=world)
        return code, *capsys.readouterr()

    return run


def test_the_answer_for_a_machine_that_is_not_here(say: Say) -> None:
    assert say(f"{THERE} 3.8 --torch 1.12.1 --allow-yanked") == (
        0,
        (
            "torch                        1.12.1    no source was asked\n"
            "intel_extension_for_pytorch  1.12.300  no source was asked, yanked\n"
            "oneccl_bind_pt               1.12.100  no source was asked\n"
            "with numpy<2\n"
            "ccl: bindings\n"
            "note: intel_extension_for_pytorch 1.12.300 was yanked (for security)\n"
            "note: intel_extension_for_pytorch 1.12.300 was built for torch 1.12.0 and is used with 1.12.1: "
            "its own guard compares major.minor alone\n"
        ),
        "",
    )


def test_the_answer_for_machines(say: Say) -> None:
    code, out, err = say(f"{THERE} 3.11 --torch 2.8 --json")
    document = json.loads(out)
    assert (code, err, document["status"], document["problems"]) == (0, "", "ok", [])
    data = document["data"]
    rejections = data.pop("rejections")
    assert data == {
        "torch": "2.8.0",
        "python": "3.11",
        "stack": "ipex",
        "ccl": {
            "provider": "bridge",
            "version": "2022.2.0+ipexenv.bridge.1",
            "reason": "Intel's bindings end at torch 2.7.0, and torch 2.8.0 is wanted",
        },
        "pins": [
            {
                "name": name,
                "version": version,
                "source": "tables",
                "yanked": None,
                "installed": False,
                "filename": None,
                "sha256": None,
                "built_from": [],
            }
            for name, version in (
                ("torch", "2.8.0"),
                ("intel_extension_for_pytorch", "2.8.0"),
                ("ipexenv-oneccl-bridge", "2022.2.0+ipexenv.bridge.1"),
            )
        ],
        "constraints": [],
        "import_names": ["torch", "intel_extension_for_pytorch", "oneccl_bindings_for_pytorch"],
        "notes": [],
    }
    assert {
        "release": "intel_extension_for_pytorch 2.7.0",
        "rule": "torch",
        "reason": "needs torch 2.7.*, and torch 2.8.0 is wanted",
    } in rejections


def test_the_explanation(say: Say) -> None:
    code, out, _ = say(f"{THERE} 3.11 --torch 2.8 --explain")
    assert code == 0
    why, *rejected = out.split("\n\n")[1:]
    assert why == (
        "why\n"
        "  torch                        torch 2.8.* is wanted; IPEX 2.8.0 was built for exactly this one\n"
        "  intel_extension_for_pytorch  built for exactly torch 2.8.0; nothing newer fits\n"
        "  ipexenv-oneccl-bridge        Intel's bindings end at torch 2.7.0, and torch 2.8.0 is wanted"
    )
    assert [block.splitlines()[0] for block in rejected] == [
        "rejected: intel_extension_for_pytorch",
        "rejected: torch_ipex",
        "rejected: oneccl_bind_pt",
        "rejected: torch-ccl",
    ]
    assert rejected[0].splitlines()[1:3] == [
        "  2.7.0     needs torch 2.7.*, and torch 2.8.0 is wanted",
        "  2.6.0     needs torch 2.6.*",
    ]
    assert "  2.5.0     needs torch 2.5.*; was yanked (for security)" in rejected[0].splitlines()
    document = json.loads(say(f"{THERE} 3.11 --torch 2.8 --explain --json")[1])
    names = ["torch", "intel_extension_for_pytorch", "ipexenv-oneccl-bridge"]
    assert [entry["name"] for entry in document["data"]["why"]] == names


def test_the_answer_is_no(say: Say) -> None:
    no = (
        "error: no IPEX release fits this environment [no-compatible-release]\n"
        "  because torch 2.13.0 is wanted, and the last IPEX release, 2.8.0, needs torch 2.8.*\n"
        "\n"
        "hint: take stock torch with `ipexenv install --stack native --torch 2.13.0`, "
        "or take torch 2.8 with `ipexenv install --torch 2.8 --allow-torch-change`\n"
    )
    assert say(f"{THERE} 3.11 --torch 2.13.0") == (1, "", no)
    code, out, err = say(f"{THERE} 3.11 --torch 2.13.0 --explain")
    assert (code, err) == (1, no)
    assert out.startswith(
        "rejected: intel_extension_for_pytorch\n  2.8.0     needs torch 2.8.*, and torch 2.13.0 is wanted\n"
    )
    plain, explained = (json.loads(say(f"{THERE} 3.11 --torch 2.13.0 --json {flag}")[1]) for flag in ("", "--explain"))
    assert plain == explained
    assert (plain["status"], plain["exit_code"], plain["data"]["torch"]) == ("no", 1, "2.13.0")
    assert plain["problems"][0]["code"] == "no-compatible-release"


def test_facts_from_a_file_with_options_over_them(say: Say, tmp_path: Path) -> None:
    envelope = {"schema": 1, "data": {"facts": facts_as_mapping(facts(torch="2.7.0")), "fits": None}}
    (tmp_path / "there.json").write_text(json.dumps(envelope), encoding="utf-8")
    code, out, _ = say("--facts there.json --offline --ccl none")
    assert code == 0
    assert out.splitlines()[:2] == [
        "torch                        2.7.0  installed",
        "intel_extension_for_pytorch  2.7.0  no source was asked",
    ]
    code, _, err = say("--facts there.json --offline --glibc 2.41")
    assert code == 1
    assert "needs an executable stack, which glibc 2.41 and newer refuse" in err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--torch new", "error: --torch 'new' is not a version [usage]"),
        ("--facts nowhere.json", "error: --facts nowhere.json cannot be read: "),
        ("--facts there.json", "error: there.json is not JSON: "),
        ("--glibc 2.31", "error: which Python the other machine has is not said [usage]"),
        ("--venv v --isa amx", "error: --venv names an environment here, and --isa describes a machine"),
        ("--stack gpu", "error: argument --stack: invalid choice: 'gpu'"),
    ],
)
def test_usage_errors(say: Say, tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "there.json").write_bytes(b"\x00{")
    code, out, err = say(f"--offline {line}")
    assert (code, out) == (2, "")
    assert err.startswith(message)


def test_without_network_the_fault_is_outside(say: Say) -> None:
    code, out, err = say("--target-python 3.11 --glibc 2.36 --isa avx2")
    assert (code, out) == (3, "")
    assert "error: no source serves the release that fits [no-source]\n" in err
    assert "  because torch 2.8.0 is served by no source for Python 3.11, and " in err


def test_a_folder_of_wheels_is_a_source_offline(say: Say, tmp_path: Path) -> None:
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name, version in (("torch", "2.8.0+cpu"), ("intel_extension_for_pytorch", "2.8.0")):
        (folder / f"{name}-{version}-cp311-cp311-manylinux_2_28_x86_64.whl").write_bytes(b"")
    code, out, _ = say("--target-python 3.11 --glibc 2.36 --isa avx2 --glibcxx 3.4.30 --offline --source wheels")
    assert code == 0
    assert out.splitlines()[:2] == [
        f"torch                        2.8.0+cpu  from {folder}: torch-2.8.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl",
        (
            f"intel_extension_for_pytorch  2.8.0      from {folder}: "
            "intel_extension_for_pytorch-2.8.0-cp311-cp311-manylinux_2_28_x86_64.whl"
        ),
    ]


def test_a_hint_names_the_environment_and_the_sources_of_the_command_line(say: Say) -> None:
    line = f"--python {sys.executable} --source . --offline --torch 1.5.0"
    code, _, err = say(line, runner=SubprocessRunner(), root=Path("/"))
    assert code == 1
    hint = err.rpartition("hint: ")[2]
    assert hint.count(f"`ipexenv install --python {sys.executable} --source . ") == hint.count("`ipexenv install")


def test_here_is_what_the_probe_sees(say: Say) -> None:
    code, out, _ = say(
        f"--python {sys.executable} --offline --stack native --json", runner=SubprocessRunner(), root=Path("/")
    )
    assert code in {0, 1}
    assert json.loads(out)["data"]["python"] == platform.python_version()
