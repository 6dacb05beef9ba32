from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from ipexenv.launch.precedence import APPLIED
from ipexenv.launch.setting import Libraries, RunWish, Setting
from ipexenv.launch.settings import choose_settings
from ipexenv.launch.shell_environment import Changes, changes_to, shell_settings, undoing
from tests.machines import made, view

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = st.sampled_from(["OMP_NUM_THREADS", "CCL_ROOT", "LD_LIBRARY_PATH", "PATH"])
PARTS = st.lists(st.sampled_from(["/a", "/b", "/c d", "/é", "/'"]), min_size=1, max_size=3).map(":".join)
ENVIRONMENTS = st.dictionaries(NAMES, PARTS, max_size=4)


def done(changes: Changes, env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment after the changes, as a shell would have it."""
    return {name: value for name, value in env.items() if name not in changes.unset} | dict(changes.set)


def chosen(env: Mapping[str, str], threads: int | None = None, package: str | None = None) -> tuple[Setting, ...]:
    wish = RunWish(provider="bindings", threads=threads, under_intel_mpi=True)
    host = view(made(2, 4), package_folder=package, existing_folders=frozenset({"lib", "bin"}))
    return shell_settings(choose_settings(host, wish, env), network=False)


def test_a_shell_is_no_rank_and_knows_no_network() -> None:
    names = {setting.name for setting in chosen({})}
    assert names == {"OMP_NUM_THREADS", "CCL_WORKER_COUNT", "CCL_WORKER_AFFINITY", "I_MPI_PIN_DOMAIN", "OMP_SCHEDULE"}


def test_a_named_interface_brings_the_network() -> None:
    wish = RunWish(provider="bindings", hosts=2, world_size=2)
    found = shell_settings(choose_settings(view(made(1, 4), interface="eth0"), wish, {}), network=True)
    assert {setting.name: setting.value for setting in found}["CCL_KVS_IFACE"] == "eth0"


def test_a_single_rank_has_its_own_settings_too() -> None:
    libraries = Libraries(openmp="intel")
    one = choose_settings(view(made(1, 4), libraries=libraries), RunWish(), {})
    two = choose_settings(view(made(2, 4), libraries=libraries), RunWish(), {})
    assert "KMP_AFFINITY" in {setting.name for setting in shell_settings(one, network=False)}
    assert "KMP_AFFINITY" not in {setting.name for setting in shell_settings(two, network=False)}


@given(ENVIRONMENTS)
def test_twice_is_once_and_back_is_as_before(env: dict[str, str]) -> None:
    once = done(changes_to(chosen(env, package="/p"), env), env)
    assert done(changes_to(chosen(once, package="/p"), once), once) == once
    before = {name: value for name, value in env.items() if name not in {"PATH", "LD_LIBRARY_PATH"}}
    back = done(undoing(once), once)
    assert {name: value for name, value in back.items() if name not in {"PATH", "LD_LIBRARY_PATH"}} == before


def test_lists_go_back_to_what_they_were() -> None:
    env = {"LD_LIBRARY_PATH": "/mine", "HOME": "/home"}
    once = done(changes_to(chosen(env, package="/p"), env), env)
    assert (once["LD_LIBRARY_PATH"], once["PATH"]) == ("/p/lib:/mine", "/p/bin")
    assert done(undoing(once), once) == env


def test_another_wish_replaces_the_first_and_takes_back_what_it_does_not_need() -> None:
    env: dict[str, str] = {}
    once = done(changes_to(chosen(env, package="/p"), env), env)
    again = done(changes_to(chosen(once, threads=2), once), once)
    assert again["OMP_NUM_THREADS"] == "2"
    assert not {"CCL_ROOT", "LD_LIBRARY_PATH", "PATH"} & set(again)


def test_what_was_changed_since_then_is_the_users() -> None:
    once = done(changes_to(chosen({}), {}), {})
    mine = {**once, "OMP_NUM_THREADS": "5"}
    assert done(changes_to(chosen(mine), mine), mine)["OMP_NUM_THREADS"] == "5"
    assert done(undoing(mine), mine) == {"OMP_NUM_THREADS": "5"}


def test_the_users_own_values_are_not_repeated() -> None:
    env = {"OMP_NUM_THREADS": "3"}
    assert "OMP_NUM_THREADS" not in dict(changes_to(chosen(env), env).set)


def test_nothing_to_undo() -> None:
    assert undoing({"OMP_NUM_THREADS": "3"}) == Changes()
    assert undoing({APPLIED: "rubbish"}) == Changes(unset=(APPLIED,))
