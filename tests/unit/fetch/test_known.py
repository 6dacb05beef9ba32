from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from packaging.utils import parse_wheel_filename

from ipexenv.errors import OutsideError
from ipexenv.fetch.known import hold_to_known
from ipexenv.ruling import Offer
from ipexenv.tables.hashes import KnownFile, KnownFiles
from ipexenv.tables.load import load_releases

if TYPE_CHECKING:
    from ipexenv.tables.schema import Tables

TORCH = "torch-2.8.0-cp311-cp311-manylinux_2_28_x86_64.whl"
TRUE = "a" * 64


@pytest.fixture
def tables() -> Tables:
    return replace(load_releases(), known=KnownFiles(lambda: {TORCH: KnownFile(sha256=TRUE, size_bytes=7)}))


def file(name: str, sha256: str | None) -> Offer:
    project, version, _, _ = parse_wheel_filename(name)
    return Offer(
        project=project, version=version, filename=name, url=f"https://a/{name}", source="index", sha256=sha256
    )


def test_what_is_known_gets_its_hash_and_size_and_the_rest_stays(tables: Tables) -> None:
    sympy = file("sympy-1.13.3-py3-none-any.whl", None)
    held = hold_to_known([file(TORCH, None), sympy], tables)
    assert (held[0].sha256, held[0].size_bytes) == (TRUE, 7)
    assert held[1] == sympy


@pytest.mark.parametrize(
    ("name", "sha256", "require", "code"),
    [
        (TORCH, "b" * 64, False, "wrong-file"),
        ("torch-2.8.0+cpu-cp311-cp311-linux_x86_64.whl", TRUE, True, "unknown-file"),
        ("oneccl_bind_pt-99.0-py3-none-any.whl", TRUE, True, "unknown-file"),
        ("sympy-1.13.3-py3-none-any.whl", None, True, "no-known-hash"),
    ],
)
def test_what_does_not_hold_is_named(
    tables: Tables, *, name: str, sha256: str | None, require: bool, code: str
) -> None:
    with pytest.raises(OutsideError) as caught:
        hold_to_known([file(name, sha256)], tables, require_known=require)
    assert caught.value.code == code
    assert caught.value.message == f"{name} of index is not taken"
    assert caught.value.data == {"changed": False}


def test_dependencies_need_a_hash_and_no_table(tables: Tables) -> None:
    sympy = file("sympy-1.13.3-py3-none-any.whl", "c" * 64)
    assert hold_to_known([sympy], tables, require_known=True) == (sympy,)
