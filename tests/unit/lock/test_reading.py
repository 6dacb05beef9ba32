"""Hostile and damaged locks: refused in our own words, never with another error."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from ipexenv import toml
from ipexenv.errors import UsageError
from ipexenv.lock.reading import read_lock
from ipexenv.lock.writing import lock_text
from tests.unit.lock.locks import BRIDGE, FOLDER, lock, target

if TYPE_CHECKING:
    from collections.abc import Callable

    from ipexenv.lock.model import Lock

GOOD = toml.loads(lock_text(lock(target(bridge=BRIDGE)), folder=FOLDER))


def read(text: str) -> Lock:
    return read_lock(text, where="pylock.toml", folder=FOLDER)


def refused(text: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read(text)
    assert caught.value.hint is not None
    return caught.value


def changed(change: Callable[[dict[str, Any]], object]) -> str:
    document = copy.deepcopy(GOOD)
    change(document)
    return tomli_w.dumps(document)


def first_wheel(document: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = document["packages"][0]["wheels"][0]
    return row


def own(document: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = document["tool"]["ipexenv"]
    return row


def one(document: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = own(document)["targets"][0]
    return row


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: first_wheel(d).update(hashes={"md5": "0" * 32}), "has no SHA-256"),
        (lambda d: first_wheel(d).update(hashes={}), "At least one hash"),
        (lambda d: first_wheel(d)["hashes"].update(sha256="0" * 63), "not 64 lower-case"),
        (lambda d: first_wheel(d).update(size=-1), "its size is -1"),
        (lambda d: first_wheel(d).update(url="ftp://files.test/numpy-1.26.4-py3-none-any.whl"), "neither http, https"),
        (lambda d: first_wheel(d).update(url="https://files.test/x.whl\n--extra-index-url=https://evil"), "is no URL"),
        (lambda d: first_wheel(d).update(name="../../numpy-1.26.4-py3-none-any.whl"), "Invalid wheel filename"),
        (lambda d: first_wheel(d).update(name="torch-2.8.0-py3-none-any.whl"), "not consistent"),
        (lambda d: first_wheel(d).update(name=f"numpy-1.26.4-{'.'.join(['py3'] * 999)}-none-any.whl"), "characters"),
        (
            lambda d: d["packages"].append(
                {"name": "evil", "sdist": {"url": "https://x/evil-1.tar.gz", "hashes": {"sha256": "0" * 64}}}
            ),
            "is no wheel",
        ),
        (
            lambda d: d["packages"].append(
                {"name": "evil", "vcs": {"type": "git", "url": "https://x", "commit-id": "0"}}
            ),
            "is no wheel",
        ),
        (
            lambda d: d["packages"].append(d["packages"][0] | {"wheels": [first_wheel(d) | {"size": 1}]}),
            "is there twice",
        ),
        (lambda d: d.update({"created-by": "ipexenv 1.0\nRUN curl evil"}), "created-by"),
        (lambda d: one(d).update(constraints=["--index-url https://evil"]), "constraints"),
        (lambda d: one(d).update(constraints=["torch @ https://evil/torch-9-py3-none-any.whl"]), "constraints"),
        (lambda d: one(d).update({"import-names": ["os; import evil"]}), "import-names"),
        (lambda d: one(d).update(files=["other-1.0-py3-none-any.whl"]), "names of files"),
        (lambda d: one(d).update(files=one(d)["files"] * 2), "one file of numpy"),
        (lambda d: one(d).update(pins=["transformers"]), "pins"),
        (lambda d: one(d).update(architecture="x86_64' or '1"), "architecture"),
        (lambda d: one(d).update(python="2.7"), "Python 3"),
        (lambda d: one(d).update(python="3"), "Python 3"),
        (lambda d: one(d).update(surprise=1), "unknown key 'surprise'"),
        (lambda d: one(d).pop("bridge"), "pins|ccl"),
        (lambda d: one(d)["bridge"].update(version="2.7.0"), "a version of the bridge"),
        (lambda d: one(d)["bridge"]["parts"][0].pop("sha256"), "has no SHA-256"),
        (lambda d: one(d)["bridge"]["parts"][0].pop("url"), "either url or path"),
        (lambda d: own(d).update(targets=[]), "at least one target"),
        (lambda d: own(d)["targets"].append(one(d)), "at least one target"),
        (lambda d: own(d).update(stack="cuda"), "stack"),
        (lambda d: d.update({"lock-version": "2.0"}), "not supported"),
    ],
)
def test_what_cannot_be_trusted_is_refused(change: Callable[[dict[str, Any]], object], words: str) -> None:
    error = refused(changed(change))
    assert error.code == "bad-lock"
    (cause,) = error.causes
    assert any(word in cause for word in words.split("|")), cause


def test_a_newer_format_is_named() -> None:
    error = refused(changed(lambda document: own(document).update(format=2)))
    assert error.code == "unknown-lock-format"
    assert "format is 2, and this ipexenv knows 1" in error.causes[0]


def test_locks_of_other_tools_are_told_apart() -> None:
    error = refused(changed(lambda document: (document.pop("tool"), document.update({"created-by": "uv"}))))
    assert error.code == "foreign-lock"
    assert "'uv'" in error.causes[0]


@given(st.text(max_size=200))
def test_any_text_is_refused_in_our_words(text: str) -> None:
    refused(text)


def test_depth_is_refused() -> None:
    refused("a = " + "[" * 5000 + "]" * 5000)
    refused("a = " + "9" * 10_000)


_VALUES: Any = st.recursive(
    st.none().map(lambda _: "")
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.just("9" * 5000),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@given(st.data())
def test_a_lock_with_anything_in_one_place_is_read_or_refused(data: st.DataObject) -> None:
    document = copy.deepcopy(GOOD)
    place: Any = document
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        inner = place[key]
        if not isinstance(inner, (dict, list)) or not inner or data.draw(st.booleans()):
            place[key] = data.draw(_VALUES)
            break
        place = inner
    try:
        read(tomli_w.dumps(document))
    except UsageError as error:
        assert error.code in {"bad-lock", "foreign-lock", "unknown-lock-format"}  # noqa: PT017 (reading it is as good)
