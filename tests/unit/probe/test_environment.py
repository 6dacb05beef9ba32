from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

from ipexenv.facts import EnvironmentKind, Libc, Target
from ipexenv.probe.environment import environment_kind, libc_of, target_of
from ipexenv.probe.learnt import Learnt
from tests.fakes import FakeRunner, finished

if TYPE_CHECKING:
    from collections.abc import Callable

    from ipexenv.probe.target import TargetReport

SYSTEM = "/usr/lib/python3/dist-packages"
USER = "/home/me/.local/lib/python3.11/site-packages"
MUSL = "/lib/ld-musl-x86_64.so.1"


def target(report: TargetReport, learnt: Learnt | None = None) -> Target:
    libc = Libc(family="glibc", version=Version("2.36"))
    return target_of(report, libc=libc, glibcxx=None, libraries=None, learnt=learnt or Learnt())


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "venv"),
        ({"base_conda": True}, "venv"),
        ({"virtual": False, "conda": True, "base_conda": True}, "conda"),
        ({"virtual": False, "site_packages": [SYSTEM], "writable": {SYSTEM: True}, "user_site": USER}, "system"),
        ({"virtual": False, "site_packages": [SYSTEM], "writable": {SYSTEM: False}, "user_site": USER}, "user"),
        ({"virtual": False, "site_packages": [SYSTEM], "writable": {SYSTEM: False}, "user_site": None}, "system"),
    ],
)
def test_kinds(changes: dict[str, object], kind: EnvironmentKind, report: Callable[..., TargetReport]) -> None:
    assert environment_kind(report(**changes)) == kind


def test_a_user_installation_goes_to_the_users_own_directory(report: Callable[..., TargetReport]) -> None:
    changes = {"virtual": False, "site_packages": [SYSTEM], "user_site": USER}
    seen = target(report(**changes, writable={SYSTEM: False, USER: True}))
    assert (seen.environment, seen.site_packages, seen.writable) == ("user", USER, True)


def test_a_read_only_environment(report: Callable[..., TargetReport]) -> None:
    assert target(report(writable={})).writable is False
    unknown = target(report(site_packages=[]))
    assert (unknown.site_packages, unknown.writable) == (None, None)


def test_what_the_target_says_becomes_facts(report: Callable[..., TargetReport]) -> None:
    marker = "/usr/lib/python3.13/EXTERNALLY-MANAGED"
    seen = target(report(version="3.13.0", virtual=False, externally_managed=marker, abiflags="t"))
    assert seen.externally_managed == marker
    assert seen.free_threaded
    assert seen.wheel_tags[0] == "cp313-cp313t-linux_x86_64"


@pytest.mark.parametrize("changes", [{"implementation": "pypy"}, {"system": "Darwin"}])
def test_tags_of_others_are_unknown(changes: dict[str, str], report: Callable[..., TargetReport]) -> None:
    learnt = Learnt()
    assert target(report(**changes), learnt).wheel_tags == ()
    assert learnt.notes["target.wheel_tags"].startswith("not worked out for ")


def test_a_venv_that_sees_the_system_is_noted(report: Callable[..., TargetReport]) -> None:
    learnt = Learnt()
    target(report(search_path=["/env/lib/python3.11/site-packages", SYSTEM]), learnt)
    assert learnt.notes["target.environment"] == f"sys.prefix is not sys.base_prefix; also looks into {SYSTEM}"


@pytest.mark.parametrize(
    ("changes", "libc"),
    [
        ({}, Libc(family="glibc", version=Version("2.36"))),
        ({"glibc": "glibc rubbish"}, Libc(family="glibc")),
        ({"glibc": None}, Libc()),
        ({"glibc": None, "multiarch": "x86_64-linux-musl"}, Libc(family="musl")),
        ({"glibc": None, "mapped": [MUSL]}, Libc(family="musl", version=Version("1.2.5"))),
    ],
)
def test_c_libraries(changes: dict[str, object], libc: Libc, report: Callable[..., TargetReport]) -> None:
    said = "musl libc (x86_64)\nVersion 1.2.5\nDynamic Program Loader\n"
    runner = FakeRunner(endings=[((MUSL,), finished(1, stderr=said))])
    assert libc_of(report(**changes), runner, Learnt()) == libc


def test_a_musl_that_says_no_version(report: Callable[..., TargetReport]) -> None:
    runner = FakeRunner(endings=[((MUSL,), finished(127))])
    assert libc_of(report(glibc=None, mapped=[MUSL]), runner, Learnt()) == Libc(family="musl")
