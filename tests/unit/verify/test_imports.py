"""The check import: modules are what the metadata says, and of one pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import Version

from ipexenv.facts import Installed, Package, TorchPackage
from ipexenv.verify.endings import Ending
from ipexenv.verify.imports import judge_import, with_library_path
from ipexenv.verify.options import VerifyOptions
from ipexenv.verify.records import Record
from tests.unit.verify.stories import PAIR, module

if TYPE_CHECKING:
    from ipexenv.verify.checks import Check

OPTIONS = VerifyOptions(stack="ipex", import_names=("torch", "intel_extension_for_pytorch"))
INSTALLED = Installed(
    torch=TorchPackage(name="torch", version=Version("2.8.0")),
    ipex=Package(name="intel_extension_for_pytorch", version=Version("2.8.0")),
)


def judge(*modules: tuple[str, str | None], installed: Installed = INSTALLED, printed: str = "") -> Check:
    rows = [module(*each) for each in modules]
    record = Record(check="import", seconds=2.0, data={"modules": rows, "libraries": []})
    return judge_import(record, printed, installed, OPTIONS)


def test_local_labels_make_no_difference() -> None:
    check = judge(*PAIR, printed="a warning of its own")
    assert (check.status, check.detail) == ("pass", "torch 2.8.0+cu128, intel_extension_for_pytorch 2.8.0+cpu")
    assert check.measurements["printed"] == ["a warning of its own"]


def test_a_torch_from_elsewhere_is_found() -> None:
    check = judge(("torch", "2.8.1"), PAIR[1])
    assert check.status == "fail"
    assert check.detail == "torch 2.8.1 is imported (from /env/torch/__init__.py), and the metadata says 2.8.0"


def test_a_pair_that_imports_by_luck_fails() -> None:
    check = judge(("torch", "1.12.1"), ("intel_extension_for_pytorch", "1.11.200"), installed=Installed())
    assert check.status == "fail"
    assert check.detail == "IPEX 1.11.200 is built for torch 1.11, and torch 1.12.1 is imported"


def test_versions_that_cannot_be_read_are_not_judged() -> None:
    assert judge(("torch", "unknown"), ("intel_extension_for_pytorch", None)).status == "pass"


def test_a_loader_path_into_another_ipex_is_named() -> None:
    path = "/usr/lib:/old/intel_extension_for_pytorch/lib"
    ending = with_library_path(Ending(code="abi", cause="a symbol is missing"), path)
    assert ending.code == "library-path"
    assert "/old/intel_extension_for_pytorch/lib" in ending.cause
    assert with_library_path(Ending(code="exception", cause="x"), path).code == "exception"
    assert with_library_path(Ending(code="abi", cause="x"), "").code == "abi"
