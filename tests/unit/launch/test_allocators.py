from __future__ import annotations

import pytest

from ipexenv.launch.allocators import MALLOC_CONF, preload_settings
from ipexenv.launch.setting import Allocator, Libraries

TC, JE, IOMP = "/usr/lib/libtcmalloc.so.4", "/usr/lib/libjemalloc.so.2", "/env/lib/libiomp5.so"
BOTH = Libraries(tcmalloc=TC, jemalloc=JE)


def choose(
    libraries: Libraries, wanted: Allocator = "auto", preload: str = "", *, distributed: bool = False
) -> tuple[dict[str, str], tuple[str, ...]]:
    settings, notes = preload_settings(libraries, wanted, {"LD_PRELOAD": preload}, distributed=distributed)
    return {setting.name: setting.value for setting in settings}, notes


@pytest.mark.parametrize(
    ("libraries", "wanted", "expected"),
    [
        (Libraries(), "auto", {}),
        (BOTH, "auto", {"LD_PRELOAD": TC}),
        (BOTH, "tcmalloc", {"LD_PRELOAD": TC}),
        (BOTH, "jemalloc", {"LD_PRELOAD": JE, "MALLOC_CONF": MALLOC_CONF}),
        (BOTH, "default", {}),
        (Libraries(jemalloc=JE), "auto", {"LD_PRELOAD": JE, "MALLOC_CONF": MALLOC_CONF}),
        (Libraries(iomp5=IOMP), "auto", {"LD_PRELOAD": IOMP}),
        (Libraries(tcmalloc=TC, iomp5=IOMP), "auto", {"LD_PRELOAD": f"{TC}:{IOMP}"}),
    ],
)
def test_what_is_there_is_preloaded(libraries: Libraries, wanted: Allocator, expected: dict[str, str]) -> None:
    assert choose(libraries, wanted) == (expected, ())


def test_ranks_that_work_together_get_no_jemalloc_unasked() -> None:
    assert choose(Libraries(jemalloc=JE), distributed=True) == ({}, ())
    assert "LD_PRELOAD" in choose(Libraries(jemalloc=JE), "jemalloc", distributed=True)[0]


def test_what_was_asked_for_and_is_not_there_is_told() -> None:
    assert choose(Libraries(), "jemalloc") == ({}, ("jemalloc is not installed; the C library's is used",))


def test_the_users_entries_stay_behind() -> None:
    assert choose(BOTH, preload="/mine.so /other.so")[0] == {"LD_PRELOAD": f"{TC}:/mine.so:/other.so"}


def test_the_users_allocator_is_the_allocator() -> None:
    assert choose(BOTH, preload="/opt/libtcmalloc_minimal.so.4") == ({}, ())
    assert choose(BOTH, preload="/opt/libjemalloc.so")[0] == {"MALLOC_CONF": MALLOC_CONF}


def test_the_same_library_from_elsewhere_is_not_loaded_twice() -> None:
    assert choose(Libraries(iomp5=IOMP), preload="/conda/lib/libiomp5.so")[0] == {}


@pytest.mark.parametrize("path", ["/my libs/libtcmalloc.so", "/a:b/libtcmalloc.so", "/a\nb/libtcmalloc.so"])
def test_a_path_that_no_list_can_hold_is_left_out(path: str) -> None:
    settings, notes = choose(Libraries(tcmalloc=path))
    assert settings == {}
    assert "LD_PRELOAD" in notes[0]
