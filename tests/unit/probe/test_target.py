from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

from ipexenv.errors import OutsideError
from ipexenv.probe.choice import TargetChoice
from ipexenv.probe.target import TargetReport, ask_target
from ipexenv.system.world import World
from tests.fakes import FakeRunner, finished

if TYPE_CHECKING:
    from collections.abc import Callable

    from ipexenv.system.runner import Finished

WHERE = TargetChoice(executable="/env/bin/python", how="--python")


def failure(ending: Finished, where: TargetChoice = WHERE) -> OutsideError:
    with pytest.raises(OutsideError) as caught:
        ask_target(World(runner=FakeRunner(endings=[((), ending)]), env={}), where)
    return caught.value


def test_the_target_runs_isolated_in_the_environment_of_the_world(answering: Callable[..., FakeRunner]) -> None:
    runner = answering()
    ask_target(World(runner=runner, env={"LD_LIBRARY_PATH": "/x"}), WHERE)
    assert runner.calls[0][:2] == ("/env/bin/python", "-I")
    assert runner.calls[0][2].endswith("_target.py")
    assert runner.environments == [{"LD_LIBRARY_PATH": "/x"}]


def test_an_ordinary_report(report: Callable[..., TargetReport]) -> None:
    seen = report()
    assert (seen.version, seen.machine, seen.system) == (Version("3.11.7"), "x86_64", "linux")
    assert seen.writable == ("/env/lib/python3.11/site-packages",)


def test_facts_that_the_target_could_not_tell_stay_unknown(report: Callable[..., TargetReport]) -> None:
    unknown = dict.fromkeys(("writable", "user_site", "kernel", "glibc", "multiarch", "system", "mapped", "machine"))
    seen = report(**unknown)
    assert (seen.glibc, seen.kernel, seen.mapped, seen.writable) == (None, None, (), ())
    assert (seen.system, seen.machine) == ("unknown", "unknown")


def test_a_32_bit_python_is_named_by_its_own_width(report: Callable[..., TargetReport]) -> None:
    assert report(bits=32).machine == "i686"
    assert report(bits=32, machine="armv7l").machine == "armv7l"


def test_a_missing_program() -> None:
    error = failure(finished(127, stderr="/env/bin/python: No such file or directory"))
    assert (error.code, error.exit_code) == ("target-missing", 3)
    assert error.causes == ("/env/bin/python: No such file or directory", "it was chosen by --python")
    assert error.hint == "name a Python with `--python PATH` or an environment with `--venv DIR`"


def test_a_stale_virtual_env() -> None:
    error = failure(finished(127), TargetChoice(executable="/gone/bin/python", how="VIRTUAL_ENV"))
    assert error.causes == ("it does not exist", "it was chosen by VIRTUAL_ENV")
    assert "deactivate" in str(error.hint)


def test_a_target_that_hangs() -> None:
    error = failure(finished(-15, timed_out=True))
    assert error.code == "target-hangs"
    assert error.message == "the target Python /env/bin/python did not answer within 30 s"


@pytest.mark.parametrize(("returncode", "name"), [(-4, "SIGILL"), (-11, "SIGSEGV"), (-7, "SIGBUS"), (-99, "signal 99")])
def test_a_target_that_crashes(returncode: int, name: str) -> None:
    error = failure(finished(returncode, stderr="first\nlast words\n\n"))
    assert (error.code, error.message) == ("target-crashed", f"the target Python /env/bin/python crashed with {name}")
    assert error.causes == ("it was chosen by --python", "last words")
    assert failure(finished(returncode)).causes == ("it was chosen by --python",)


@pytest.mark.parametrize(
    ("ending", "cause"),
    [
        (finished(0, stdout="a.txt"), "it gave no answer"),
        (finished(2), "it ended with exit code 2"),
        (finished(1, stderr="usage: something else"), "usage: something else"),
        (finished(0, answer=b"{"), "Expecting property name"),
        (finished(0, answer=b"\xff\xfe"), "Expecting value"),
        (finished(0, answer=b"[]"), "the report of the target: expected a table, found []"),
        (finished(0, answer=b'{"version": "three"}'), "prefix is missing"),
        (finished(0, answer=b'{"version": "three", "prefix": "/env"}'), "version is 'three', expected a version"),
    ],
)
def test_a_program_that_is_no_python(ending: Finished, cause: str) -> None:
    error = failure(ending)
    assert error.code == "target-not-python"
    assert cause in error.causes[0]


def test_a_python_that_is_too_old(answering: Callable[..., FakeRunner]) -> None:
    with pytest.raises(OutsideError) as caught:
        ask_target(World(runner=answering(version="3.6.15"), env={}), WHERE)
    assert caught.value.code == "target-too-old"
    assert caught.value.causes[0] == "it is Python 3.6.15, and every IPEX release for CPU needs 3.7 or newer"
    ancient = failure(finished(2, stderr="Unknown option: -I\nusage: python [option]"))
    assert (ancient.code, ancient.exit_code) == ("target-too-old", 3)


def test_the_oldest_served_python(answering: Callable[..., FakeRunner]) -> None:
    seen = ask_target(World(runner=answering(version="3.7.0", abiflags="m"), env={}), WHERE)
    assert (seen.version, seen.abiflags) == (Version("3.7.0"), "m")
