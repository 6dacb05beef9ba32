from __future__ import annotations

import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ipexenv.verify.proven import fingerprint
from tests.fakes import facts
from tests.wheels import build_wheel

if TYPE_CHECKING:
    from collections.abc import Callable

    from ipexenv.facts import Facts

ENV = {"LD_LIBRARY_PATH": "/opt/lib", "PWD": "/here"}
NAMES = ("torch",)


def environment(folder: Path, version: str = "2.8.0", body: str = "") -> Facts:
    """Unpack a wheel as an engine does, and return the facts of an environment that holds nothing else."""
    wheel = build_wheel(folder / "wheels", "torch", version, files={"torch/__init__.py": f"# {body}\n"})
    packages = folder / "packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    record = packages / f"torch-{version}.dist-info/RECORD"
    (folder / "bin").mkdir()
    (folder / "bin/torchrun").write_text(f"#!{folder}/bin/python\n", encoding="utf-8")
    record.write_text(f"{record.read_text('utf-8')}../bin/torchrun,sha256={hash(folder)},\n", encoding="utf-8")
    found = facts(torch=version)
    return replace(found, target=replace(found.target, site_packages=str(packages), executable=sys.executable))


def test_the_same_files_have_the_same_fingerprint_anywhere(tmp_path: Path) -> None:
    one, other = environment(tmp_path / "one"), environment(tmp_path / "other")
    known = fingerprint(one, NAMES, ENV)
    assert known is not None
    assert fingerprint(other, NAMES, {**ENV, "PWD": "/there"}) == known


def test_whatever_an_import_depends_on_makes_another_one(tmp_path: Path) -> None:
    same = environment(tmp_path / "same")
    cpu = replace(same.host.cpu, model="another")
    python = tmp_path / "python"
    python.write_bytes(b"another")
    found = [
        fingerprint(same, NAMES, ENV),
        fingerprint(same, (*NAMES, "intel_extension_for_pytorch"), ENV),
        fingerprint(same, NAMES, {**ENV, "LD_LIBRARY_PATH": "/usr/lib"}),
        fingerprint(replace(same, host=replace(same.host, cpu=cpu)), NAMES, ENV),
        fingerprint(replace(same, host=replace(same.host, kernel="another")), NAMES, ENV),
        fingerprint(replace(same, target=replace(same.target, executable=str(python))), NAMES, ENV),
        fingerprint(environment(tmp_path / "version", "2.7.0"), NAMES, ENV),
        fingerprint(environment(tmp_path / "body", body="x"), NAMES, ENV),
    ]
    assert None not in found
    assert len(set(found)) == len(found)


def test_a_small_file_of_another_size_counts_by_what_is_in_it(tmp_path: Path) -> None:
    given = environment(tmp_path)
    module = tmp_path / "packages/torch/__init__.py"
    found = [fingerprint(given, NAMES, ENV)]
    for body in ("first", "other"):
        module.write_text(body, encoding="utf-8")
        found.append(fingerprint(given, NAMES, ENV))
    assert None not in found
    assert len(set(found)) == len(found)


def lengthen(packages: Path) -> None:
    (packages / "torch/__init__.py").write_text("#" * 100_000, encoding="utf-8")


def take_away(packages: Path) -> None:
    (packages / "torch/__init__.py").unlink()


def add_a_module(packages: Path) -> None:
    (packages / "sitecustomize.py").touch()


def damage_record(packages: Path) -> None:
    (packages / "torch-2.8.0.dist-info/RECORD").write_text("x\n", encoding="utf-8")


def remove_record(packages: Path) -> None:
    (packages / "torch-2.8.0.dist-info/RECORD").unlink()


@pytest.mark.parametrize("harm", [lengthen, take_away, add_a_module, damage_record, remove_record])
def test_what_is_not_as_recorded_has_none(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    given = environment(tmp_path)
    harm(Path(str(given.target.site_packages)))
    assert fingerprint(given, NAMES, ENV) is None


def test_no_environment_has_none() -> None:
    assert fingerprint(replace(facts(), target=replace(facts().target, site_packages=None)), NAMES, ENV) is None
