"""Whatever fuzzing found worth keeping is read or refused in every run, and so is what hypothesis makes up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import CORPUS, KINDS, TARGETS, filename, lock, page

if TYPE_CHECKING:
    from pathlib import Path

FILES = sorted(path for name in TARGETS for path in (CORPUS / name).iterdir())
_PIECES = st.sampled_from(
    [
        "torch",
        "2.8.0",
        "+cpu",
        "-",
        "-1-",
        "cp311",
        "py3",
        "none",
        "any",
        ".",
        "..",
        "/",
        "\\",
        "%2F",
        "\0",
        ".whl",
        "é",
    ]
)
_NAMES = st.lists(st.one_of(_PIECES, st.text(max_size=5)), max_size=14).map(lambda parts: "".join(parts) + ".whl")
_LINKS = st.builds(
    "{{{quote}files{quote}: [{{{quote}filename{quote}: {name!r}, {quote}url{quote}: {url!r}}}]}}".format,
    quote=st.just('"'),
    name=_NAMES,
    url=st.one_of(_NAMES, st.just("//[::1"), st.just("file:///etc/passwd.whl")),
).map(lambda text: text.replace("'", '"'))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_it_is_read_or_refused(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())


def test_every_target_has_a_corpus() -> None:
    assert {path.parent.name for path in FILES} == set(TARGETS)
    assert sum(path.stat().st_size for path in FILES) < 500_000


@given(st.one_of(_NAMES, st.text(max_size=80)))
def test_any_name_is_taken_or_passed_over(name: str) -> None:
    filename(name.encode("utf-8", "surrogatepass"))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2 * len(KINDS)), st.one_of(_LINKS, _NAMES.map('<a href="{}">x</a>'.format), st.text()))
def test_any_page_is_read_or_refused(kind: int, text: str) -> None:
    page(bytes([kind]) + text.encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=400))
def test_any_bytes_are_no_lock(data: bytes) -> None:
    lock(data)
