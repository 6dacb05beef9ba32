"""The key is the same for the same environment and another for any other."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from ipexenv.ci.key import Identity, cache_key, digest_in, entry_name

IDENTITY = Identity(
    decision=("torch 2.8.0",),
    options=(("torch", "2.8"),),
    python="cpython 3.11.7",
    libc="glibc 2.36",
    isa="amx",
    tool="0.1.0",
    tables="sha256:1",
    venv="/t/v",
)
DIGEST = "ab" * 32


def test_a_key_is_a_name_that_every_cache_takes() -> None:
    key = cache_key(IDENTITY)
    assert key == cache_key(replace(IDENTITY))
    assert key.startswith("ipexenv-1-")
    assert set(key) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


@pytest.mark.parametrize("field", [field.name for field in fields(Identity)])
def test_each_part_counts(field: str) -> None:
    changed: dict[str, object] = {field: "other" if isinstance(getattr(IDENTITY, field), str) else ()}
    assert cache_key(replace(IDENTITY, **changed)) != cache_key(IDENTITY)  # type: ignore[arg-type]


def test_an_entry_s_name_carries_the_manifest_s_digest() -> None:
    key = cache_key(IDENTITY)
    assert entry_name(key, DIGEST, "12", "1") == f"{key}-{DIGEST}-12-1"
    assert entry_name(key, DIGEST, "", "a,b c") == f"{key}-{DIGEST}-a_b_c"
    assert digest_in(f"{key}-{DIGEST}-12-1", key) == DIGEST
    assert digest_in(f"{key}-{DIGEST}", key) == DIGEST


@pytest.mark.parametrize("name", ["", "{key}", "{key}-none", "{key}-{digest}0", "other-{digest}", "{key}-{digest}x-1"])
def test_other_names_have_none(name: str) -> None:
    key = cache_key(IDENTITY)
    assert digest_in(name.format(key=key, digest=DIGEST), key) is None
