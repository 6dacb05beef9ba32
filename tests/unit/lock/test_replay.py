from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from packaging.version import Version

from ipexenv.errors import AnswerIsNo, OutsideError
from ipexenv.facts import Libc
from ipexenv.lock.making import make_lock, make_target
from ipexenv.lock.planning import locked_plan, locked_resolution
from ipexenv.lock.replay import choose_target, replay
from ipexenv.outcome import Pin, Resolution
from ipexenv.probe.tags import wheel_tags
from ipexenv.tables.load import load_tables
from tests.fakes import facts as ordinary_facts
from tests.unit.lock.locks import LINUX, TABLES, lock, target, wheel

if TYPE_CHECKING:
    from ipexenv.facts import Facts
    from ipexenv.lock.model import LockedBridge

TORCH = {"torch": Version("2.8.0+cpu"), "numpy": Version("1.26.4"), "typing-extensions": Version("4.16.0")}


def here(python: str = "3.11.7", glibc: str = "2.36", **host: Any) -> Facts:
    facts = ordinary_facts(python=python, glibc=glibc)
    libc = Libc(family="glibc", version=Version(glibc))
    tags = wheel_tags(version=Version(python), abiflags="", machine="x86_64", libc=libc)
    return replace(facts, target=replace(facts.target, wheel_tags=tags), host=replace(facts.host, **host))


def bridge() -> LockedBridge:
    from ipexenv.lock.model import LockedBridge  # noqa: PLC0415 (beside its only use)

    (row,) = load_tables().bridge
    parts = tuple(
        wheel(part.project, str(part.version), f"py2.py3-none-{LINUX}", sha256=part.sha256) for part in row.parts
    )
    return LockedBridge(version=row.version, parts=parts)


def test_an_empty_environment_gets_every_file_by_url_and_hash() -> None:
    replayed = replay(lock(), here(), installed={})
    assert [file.project for file in replayed.files] == ["numpy", "torch", "typing-extensions"]
    assert replayed.replaced == ()
    torch = replayed.files[1]
    assert replayed.requirements[1] == f"torch @ {torch.url}#sha256={torch.sha256}"
    assert replayed.constraints == ("numpy==1.26.4", "torch==2.8.0+cpu", "typing-extensions==4.16.0")


def test_what_is_there_in_exactly_this_version_stays() -> None:
    replayed = replay(lock(), here(), installed={**TORCH, "numpy": Version("2.1.0"), "rich": Version("1.0")})
    assert [file.project for file in replayed.files] == ["numpy"]
    assert replayed.replaced == (("numpy", Version("2.1.0")),)


def test_another_build_of_torch_is_not_the_locked_one() -> None:
    replayed = replay(lock(), here(), installed={**TORCH, "torch": Version("2.8.0")})
    assert [file.project for file in replayed.files] == ["torch"]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (here("3.12.1"), "it was made for Python 3.11 on linux x86_64: this is Python 3.12"),
        (here(architecture="aarch64"), "it was made for Python 3.11 on linux x86_64: this is linux aarch64"),
        (
            here(glibc="2.17"),
            (
                "it was made for Python 3.11 on linux x86_64: this environment, with glibc 2.17, does not accept numpy-"
                "1.26.4-cp311-cp311-manylinux_2_28_x86_64.whl, torch-2.8.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"
            ),
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_what_differs(facts: Facts, words: str) -> None:
    with pytest.raises(AnswerIsNo) as caught:
        replay(lock(), facts, installed={})
    assert caught.value.code == "lock-does-not-fit"
    assert caught.value.causes == (words,)


def test_of_several_targets_the_fitting_one_is_taken() -> None:
    assert choose_target(lock(target("3.10"), target("3.11")), here()).platform.minor == "3.11"
    with pytest.raises(AnswerIsNo) as caught:
        choose_target(lock(target("3.10"), target("3.11")), here("3.13.0"))
    assert len(caught.value.causes) == 2


def test_the_bridge_is_built_from_the_locked_files_in_the_order_of_the_table() -> None:
    rows = load_tables().bridge
    locked = bridge()
    backwards = replace(locked, parts=locked.parts[::-1])
    replayed = replay(lock(target(bridge=backwards)), here(), installed=TORCH, bridges=rows)
    assert replayed.bridge == rows[0]
    assert [part.sha256 for part in replayed.parts] == [part.sha256 for part in rows[0].parts]
    resolution = locked_resolution(lock(target(bridge=backwards)), replayed, here())
    assert [(pin.name, pin.installed) for pin in resolution.pins] == [("torch", True), ("ipexenv-oneccl-bridge", False)]
    assert resolution.pins[1].parts == replayed.parts
    there = replay(
        lock(target(bridge=locked)), here(), installed={**TORCH, "ipexenv-oneccl-bridge": locked.version}, bridges=rows
    )
    assert (there.bridge, there.parts, there.files) == (None, (), ())


def test_a_bridge_that_is_not_the_same_any_more_is_refused() -> None:
    rows, locked = load_tables().bridge, bridge()
    other = replace(locked, parts=(replace(locked.parts[0], sha256="0" * 64), *locked.parts[1:]))
    newer = replace(locked, version=Version("2099.1+ipexenv.bridge.7"))
    for made, words in ((other, "from other files"), (newer, "it knows 2022.2.0+ipexenv.bridge.")):
        with pytest.raises(AnswerIsNo) as caught:
            replay(lock(target(bridge=made)), here(), installed={}, bridges=rows)
        assert caught.value.code == "unknown-bridge"
        assert words in caught.value.causes[0]


def test_a_lock_is_made_of_files_with_hashes_alone() -> None:
    resolution = Resolution(
        torch=Version("2.8.0"),
        python=Version("3.11.7"),
        stack="native",
        ccl="none",
        ccl_version=None,
        ccl_reason=None,
        pins=(Pin(name="torch", version=Version("2.8.0"), source="x"),),
        constraints=(),
        import_names=("torch",),
        rejections=(),
        notes=(),
    )
    files = target().files
    made = make_target(resolution, here(), files, None)
    assert (made.torch, made.pins, made.files) == (Version("2.8.0+cpu"), ("torch",), files)
    with pytest.raises(OutsideError, match="not every file can be locked") as caught:
        make_target(resolution, here(), (replace(files[0], sha256=None),), None)
    assert caught.value.causes == (f"{files[0].filename}: no source tells its SHA-256",)


def test_targets_are_put_in_order_and_may_not_contradict_each_other() -> None:
    first, second = target("3.10"), target("3.11")
    words = {"tables": TABLES, "created_by": "ipexenv 0.1.0"}
    assert make_lock((second, first), stack="native", **words) == make_lock((first, second), stack="native", **words)
    other = replace(second, files=(replace(first.files[2], sha256="1" * 64),))
    with pytest.raises(OutsideError, match="two different files"):
        make_lock((first, other), stack="native", **words)


def test_the_plan_of_a_replay_names_every_file_and_the_way_back() -> None:
    made, rows = lock(target(bridge=bridge())), load_tables().bridge
    there = {"numpy": Version("2.1.0"), "typing-extensions": Version("4.16.0")}
    replayed = replay(made, here(), installed=there, bridges=rows)
    resolution = locked_resolution(made, replayed, here())
    plan = locked_plan(replayed, resolution, installed=there, venv="/new", engine="uv")
    assert [(change.name, str(change.before), change.after) for change in plan.changes] == [
        ("numpy", "2.1.0", "1.26.4"),
        ("torch", "None", "2.8.0+cpu"),
        ("ipexenv-oneccl-bridge", "None", str(rows[0].version)),
    ]
    assert plan.requirements == replayed.requirements
    assert [pin.name for pin in plan.builds] == ["ipexenv-oneccl-bridge"]
    assert (plan.restore, plan.remove) == (("numpy==2.1.0",), ("torch", "ipexenv-oneccl-bridge"))
    assert (plan.venv, plan.engine) == ("/new", "uv")
    nothing = replay(lock(), here(), installed=TORCH)
    assert locked_plan(nothing, locked_resolution(lock(), nothing, here()), installed=TORCH).nothing_to_do
