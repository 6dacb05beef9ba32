"""A machine that cannot be served is told what it is, why that will not do, and what to take instead."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

from ipexenv.ci import machine as machine_module
from ipexenv.ci import tool, unfit
from ipexenv.ci.unfit import Machine
from ipexenv.tables.load import load_tables

GOOD = Machine("Linux", "x86_64", "glibc", (3, 12), frozenset({"avx2", "fma"}))
ROOT = Path(__file__).parent.parent.parent.parent


def test_an_ordinary_runner_is_served_and_what_is_unknown_does_not_count_against_it() -> None:
    assert unfit.unfit(GOOD, provider="github") is None
    assert unfit.unfit(GOOD._replace(libc="", flags=frozenset()), provider="shell") is None


@pytest.mark.parametrize(
    ("machine", "code", "value"),
    [
        (GOOD._replace(machine="aarch64"), "unfit-system", "Linux on arm64"),
        (GOOD._replace(system="Darwin", machine="arm64"), "unfit-system", "macOS on arm64"),
        (GOOD._replace(system="Windows", machine="AMD64"), "unfit-system", "Windows on x86_64"),
        (GOOD._replace(libc="musl"), "unfit-libc", "musl"),
        (GOOD._replace(flags=frozenset({"avx"})), "unfit-processor", "no AVX2 and no FMA"),
        (GOOD._replace(flags=frozenset({"avx2"})), "unfit-processor", "no FMA"),
        (GOOD._replace(python=(3, 9)), "unfit-python", "3.9"),
        (GOOD._replace(python=(3, 16)), "unfit-python", "3.16"),
    ],
)
def test_what_cannot_be_served_is_named_with_the_way_out(machine: Machine, code: str, value: str) -> None:
    for provider in ("github", "gitlab", "azure", "jenkins", "buildkite", "shell"):
        refusal = unfit.unfit(machine, provider=provider)
        assert refusal is not None
        assert refusal.code == code
        assert value in refusal.message
        assert refusal.causes
        assert refusal.hint.startswith("take ")
    on_github = unfit.unfit(machine, provider="github")
    assert on_github is not None
    assert "ubuntu-24.04" in on_github.hint or "setup-python" in on_github.hint


def test_the_newest_python_is_the_tables_own() -> None:
    newest = max(python.release[:2] for release in load_tables().torch for python in release.python)
    assert newest == unfit.NEWEST_PYTHON


def test_the_words_for_windows_are_those_of_action_yml() -> None:
    step = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))["runs"]["steps"][0]["run"]
    refusal = unfit.refused_system("Windows", "AMD64", provider="github")
    assert refusal is not None
    said = " ".join(step.replace("\\", " ").replace('"', " ").split())
    assert refusal.message.partition("Windows on x86_64, ")[2] in said
    assert refusal.hint.split("`")[1] in said


def test_a_musl_system_is_known_by_its_loader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.libc_ver", lambda: ("", ""))
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "ld-musl-x86_64.so.1").touch()
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "cpuinfo").write_text("processor: 0\nflags\t\t: fpu avx2 fma\n\nprocessor: 1\n")
    seen = machine_module.look(str(tmp_path))
    assert (seen.libc, seen.flags) == ("musl", frozenset({"fpu", "avx2", "fma"}))
    assert machine_module.look(str(tmp_path / "none")).flags == frozenset()


@pytest.mark.parametrize("module", [tool, unfit, machine_module], ids=lambda module: str(module.__name__))
def test_what_the_machine_s_own_python_runs_is_old_enough_for_it(module: object) -> None:
    """A Python that is too old has to be told so, not fail to read the file."""
    source = Path(str(getattr(module, "__file__", ""))).read_text("utf-8")
    ast.parse(source, feature_version=(3, 7))
    assert "kw_only" not in source
