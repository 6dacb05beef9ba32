"""The look against what real Pythons, real torch and IPEX itself say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import packaging
import pytest

from ipexenv.facts import IsaLevel
from ipexenv.probe.choice import TargetChoice
from ipexenv.probe.look import probe
from ipexenv.system.world import World

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from ipexenv.facts import Facts

    class Environment(Protocol):
        @property
        def python(self) -> Path: ...


pytestmark = pytest.mark.slow

MINORS = ("3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13")
TAGS = """
import json, sys
try:
    sys.path.insert(0, sys.argv[1])
    from packaging.tags import sys_tags
except (SyntaxError, TypeError):  # our packaging has left this Python behind
    from pip._vendor.packaging.tags import sys_tags
print(json.dumps([str(tag) for tag in sys_tags()]))
"""
TORCH = """
import json, torch
print(json.dumps({"version": torch.__version__, "abi": bool(torch._C._GLIBCXX_USE_CXX11_ABI)}))
"""
IPEX = """
import json, torch, intel_extension_for_pytorch as ipex
print(json.dumps({"isa": ipex._C._get_highest_cpu_support_isa_level(), "version": ipex.__version__}))
"""


def look(python: Path) -> Facts:
    return probe(World(), TargetChoice(executable=str(python), how="--python"))


def say(python: Path, script: str, *arguments: str) -> Any:
    ended = subprocess.run(
        [str(python), "-c", script, *arguments], capture_output=True, text=True, check=False, timeout=300
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


def same_tags(ours: tuple[str, ...], theirs: list[str]) -> bool:
    """Compare them with their order.

    Left out is what packaging changed: ``linux_*`` moved to the front in 26.3, ``cpXY-none-any`` came with 21.3.
    """

    def rest(tags: tuple[str, ...] | list[str]) -> list[str]:
        return [tag for tag in tags if "-linux_" not in tag and not (tag.startswith("cp") and tag.endswith("-any"))]

    def native(tags: tuple[str, ...] | list[str]) -> set[str]:
        return {tag for tag in tags if "-linux_" in tag}

    return rest(ours) == rest(theirs) and native(ours) == native(theirs)


@pytest.mark.parametrize("minor", MINORS)
def test_wheel_tags_are_those_of_the_target(minor: str, interpreter: Callable[[str], Path]) -> None:
    python = interpreter(minor)
    theirs = say(python, TAGS, str(Path(packaging.__file__).parents[1]))
    assert same_tags(look(python).target.wheel_tags, theirs)


def test_wheel_tags_are_those_of_the_running_python() -> None:
    python = Path(sys.executable)
    assert same_tags(look(python).target.wheel_tags, say(python, TAGS, str(Path(packaging.__file__).parents[1])))


def test_the_oldest_python_is_looked_at(interpreter: Callable[[str], Path]) -> None:
    facts = look(interpreter("3.7"))
    assert str(facts.target.version).startswith("3.7.")
    assert facts.target.wheel_tags[0].startswith("cp37-cp37m-")
    assert facts.target.site_packages is not None


@pytest.mark.parametrize("name", ["torch28", "torch27", "torch1121", "native213"])
def test_torch_is_what_it_says_of_itself(name: str, environment: Callable[[str], Environment]) -> None:
    python = environment(name).python
    torch = look(python).installed.torch
    theirs = say(python, TORCH)
    assert torch is not None
    assert (str(torch.version), torch.cxx11_abi) == (theirs["version"], theirs["abi"])
    assert theirs["version"].endswith(f"+{torch.build}")


@pytest.mark.parametrize("name", ["torch28", "torch27"])
def test_the_level_is_what_ipex_sees(name: str, environment: Callable[[str], Environment]) -> None:
    python = environment(name).python
    facts = look(python)
    theirs = say(python, IPEX)
    assert facts.host.cpu.isa is IsaLevel.from_label(theirs["isa"])
    assert facts.installed.ipex is not None
    assert str(facts.installed.ipex.version.public) == theirs["version"].partition("+")[0]


def test_libraries_are_those_that_the_loader_finds(interpreter: Callable[[str], Path]) -> None:
    """Let the dynamic loader itself load each of them."""
    python = interpreter("3.11")
    libraries = look(python).target.libraries
    assert libraries is not None
    script = "import ctypes, json, sys\ntry:\n ctypes.CDLL(sys.argv[1])\n print(1)\nexcept OSError:\n print(0)"
    for name in ("libxml2.so.2", "libz.so.1", "libzstd.so.1"):
        assert (name in libraries) == bool(say(python, script, name)), name
    assert ("libpython" in libraries) == bool(say(python, script, "libpython3.11.so.1.0"))


def test_status_does_not_load_torch(environment: Callable[[str], Environment]) -> None:
    """Trace what the command opens: of torch it may read version.py and libc10.so, and nothing else."""
    python = environment("torch28").python
    report = "import sys\nfrom ipexenv.cli import main\nseen = set()\n"
    report += "sys.addaudithook(lambda event, given: seen.add(str(given[0])) if event == 'open' else None)\n"
    report += "code = main(sys.argv[1:])\nprint([path for path in seen if '/torch/' in path], file=sys.stderr)\n"
    ended = subprocess.run(
        [sys.executable, "-c", report, "status", "--python", str(python), "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={key: value for key, value in os.environ.items() if not key.startswith("IPEXENV_")},
    )
    document = json.loads(ended.stdout)
    assert document["data"]["fits"] is True
    opened = {Path(path.strip("'")).name for path in ended.stderr.strip().strip("[]").split(", ")}
    assert opened == {"version.py", "libc10.so"}
