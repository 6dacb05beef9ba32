from __future__ import annotations

import re
import shutil
from collections import namedtuple
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

from ipexenv.bridge.build import BuiltWheel
from ipexenv.errors import OutsideError
from ipexenv.events import Event, ignore
from ipexenv.facts import Package
from ipexenv.install import venv
from ipexenv.install.guard import refuse_full_disk, refuse_unusable
from ipexenv.install.transaction import Order, carry_out
from ipexenv.install.venv import facts_of_new, look_before, new_environment
from ipexenv.outcome import Offer, Pin, Resolution
from ipexenv.plan import make_plan
from ipexenv.probe.choice import TargetChoice
from ipexenv.tables.load import load_releases
from tests.fakes import FakeRunner, facts, finished

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ipexenv.events import Listener
    from ipexenv.facts import Facts
    from ipexenv.system.http import Access, Http
    from ipexenv.system.runner import Finished
    from ipexenv.system.world import World
    from ipexenv.tables.bridge import BridgeRelease

IPEX = "intel_extension_for_pytorch"
OFFER = Offer(
    project=IPEX.replace("_", "-"),
    version=Version("2.7.0"),
    filename="x.whl",
    url="https://me:hunter2@files.test/x.whl",
    source="page",
    size_bytes=1_000_000,
)
PINS = (
    Pin(name="torch", version=Version("2.7.0"), source="installed", installed=True),
    Pin(name=IPEX, version=Version("2.7.0"), source="page", offer=OFFER),
)
RESOLUTION = Resolution(
    torch=Version("2.7.0"),
    python=Version("3.11"),
    stack="ipex",
    ccl="none",
    ccl_version=None,
    ccl_reason=None,
    pins=PINS,
    constraints=(),
    import_names=("torch",),
    rejections=(),
    notes=(),
)


@dataclass
class Engine:
    """Plays pip: keeps what it was given, and changes the target."""

    ended: Finished = field(default_factory=finished)
    effect: Callable[[], None] = lambda: None
    argv: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    says: str = ""

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        answer: bool = False,
        on_line: Callable[[str], None] | None = None,
    ) -> Finished:
        self.argv = tuple(argv)
        for word in argv:
            if word.endswith(".txt"):
                self.files[Path(word).name] = Path(word).read_text("utf-8")
        if on_line is not None and self.says:
            on_line(self.says)
        self.effect()
        return self.ended


@dataclass
class Target:
    """A target whose facts change when the engine has run."""

    now: Facts

    def look(self) -> Facts:
        return self.now


def at(given: Facts, prefix: Path) -> Facts:
    return replace(given, target=replace(given.target, prefix=str(prefix), site_packages=str(prefix)))


@pytest.fixture
def target(tmp_path: Path) -> Target:
    (tmp_path / "env").mkdir()
    (tmp_path / "env/pip-24.2.dist-info").mkdir()
    return Target(at(facts(torch="2.7.0"), tmp_path / "env"))


def carry(world: World, engine: Engine, target: Target, *, heard: list[Event] | None = None, **order: object) -> Facts:
    plan = make_plan(RESOLUTION, target.now)
    what = Order(look=target.look, engine="pip", **order)  # type: ignore[arg-type]  # passed on
    listen = ignore if heard is None else heard.append
    return carry_out(plan, RESOLUTION, what, replace(world, runner=engine), listen)


def test_success_is_believed_after_looking(world: World, target: Target, tmp_path: Path) -> None:
    engine = Engine(effect=lambda: setattr(target, "now", at(facts(torch="2.7.0", ipex="2.7.0"), tmp_path / "env")))
    after = carry(world, engine, target)
    assert after.installed.ipex is not None
    assert engine.files == {
        "requirements.txt": f"{IPEX} @ https://me:hunter2@files.test/x.whl\n",
        "constraints.txt": f"torch==2.7.0\n{IPEX}==2.7.0\n",
    }
    assert "hunter2" not in " ".join(engine.argv)


def test_success_that_changed_nothing_is_not_believed(world: World, target: Target) -> None:
    with pytest.raises(OutsideError) as caught:
        carry(world, Engine(), target)
    assert (caught.value.code, caught.value.causes) == ("not-as-planned", (f"{IPEX} 2.7.0 is not there",))


def test_failure_says_why_and_that_nothing_was_changed(world: World, target: Target) -> None:
    with pytest.raises(OutsideError) as caught:
        carry(
            world, Engine(ended=finished(1, stderr="ERROR: HTTP error 403 while getting https://a.test/x.whl")), target
        )
    assert caught.value.code == "forbidden"
    assert caught.value.causes[0] == "a.test refuses x.whl (HTTP 403)"
    assert caught.value.causes[-1] == "nothing was changed"
    assert caught.value.data == {"changed": False}


BRIDGE = load_releases().bridge[-1]
BUILT = Pin(
    name="ipexenv-oneccl-bridge",
    version=BRIDGE.version,
    source="page",
    bridge=BRIDGE,
    parts=tuple(
        Offer(
            project=part.project,
            version=part.version,
            filename=part.filename,
            url=f"https://files.test/{part.filename}",
            source="page",
        )
        for part in BRIDGE.parts
    ),
)


@dataclass
class Builder:
    """Plays the builder of the bridge: keeps what it was given, and writes a file or fails."""

    failure: OutsideError | None = None
    parts: list[str] = field(default_factory=list)
    accesses: list[Access] = field(default_factory=list)
    folder: Path | None = None

    def __call__(
        self,
        release: BridgeRelease,
        parts: Sequence[Offer],
        folder: Path,
        *,
        http: Http,
        listen: Listener,
        access: Callable[[str], Access],
    ) -> BuiltWheel:
        self.parts = [part.filename for part in parts]
        self.accesses = [access(part.url) for part in parts]
        self.folder = folder
        if self.failure is not None:
            raise self.failure
        wheel = folder / "bridge.whl"
        wheel.write_text("made", encoding="utf-8")
        return BuiltWheel(path=wheel, sha256="a" * 64, size_bytes=4)


def carry_bridge(world: World, engine: Engine, target: Target, builder: Builder, *, heard: list[Event]) -> Facts:
    wanted = replace(RESOLUTION, pins=(PINS[0], BUILT))
    order = Order(look=target.look, engine="pip", build=builder)
    there = replace(world, runner=engine, env={**world.env, "PIP_TRUSTED_HOST": "files.test"})
    return carry_out(make_plan(wanted, target.now), wanted, order, there, heard.append)


def test_what_has_to_be_built_is_built_first_and_given_by_file_and_digest(world: World, target: Target) -> None:
    bridge = Package(name="ipexenv-oneccl-bridge", version=BRIDGE.version)
    after = replace(target.now, installed=replace(target.now.installed, bridge=bridge))
    seen: list[bool] = []
    builder = Builder()

    def install() -> None:
        seen.append(builder.folder is not None and (builder.folder / "bridge.whl").is_file())
        target.now = after

    engine, heard = Engine(effect=install), list[Event]()
    assert carry_bridge(world, engine, target, builder, heard=heard) == after
    assert seen == [True]
    assert builder.folder is not None
    assert engine.files["requirements.txt"] == (
        f"ipexenv-oneccl-bridge @ {builder.folder.as_uri()}/bridge.whl#sha256={'a' * 64}\n"
    )
    assert f"ipexenv-oneccl-bridge=={BRIDGE.version}" in engine.files["constraints.txt"]
    assert builder.parts == [part.filename for part in BRIDGE.parts]
    assert [access.verify for access in builder.accesses] == [False, False, False]
    assert not builder.folder.exists()
    steps = [event.text for event in heard if event.kind == "step"]
    assert steps == [f"building ipexenv-oneccl-bridge {BRIDGE.version}", "installing with pip"]


def test_a_bridge_that_cannot_be_built_leaves_the_environment_as_it_is(world: World, target: Target) -> None:
    failure = OutsideError("oneccl cannot be had", code="bridge-part-unreachable", causes=("page: HTTP 403",), hint="x")
    engine = Engine()
    with pytest.raises(OutsideError) as caught:
        carry_bridge(world, engine, target, Builder(failure=failure), heard=[])
    assert engine.argv == ()
    assert caught.value.causes == ("page: HTTP 403", "nothing was changed")
    assert caught.value.data == {"changed": False}


def test_a_bridge_without_its_parts_is_never_built(world: World, target: Target) -> None:
    offline = replace(RESOLUTION, pins=(PINS[0], replace(BUILT, parts=())))
    with pytest.raises(AssertionError):
        carry_out(make_plan(offline, target.now), offline, Order(look=target.look), world, ignore)


def test_failure_half_way_says_what_was_changed(world: World, target: Target, tmp_path: Path) -> None:
    engine = Engine(
        ended=finished(1, stderr="No space left on device"),
        effect=lambda: setattr(target, "now", at(facts(), tmp_path / "env")),
    )
    with pytest.raises(OutsideError) as caught:
        carry(world, engine, target)
    assert caught.value.causes[-1] == "the environment was changed: torch was 2.7.0 and is absent"
    assert caught.value.data == {"changed": True}


def test_an_engine_that_is_cut_off_has_failed(world: World, target: Target) -> None:
    with pytest.raises(OutsideError) as caught:
        carry(world, Engine(ended=finished(0, timed_out=True)), target)
    assert caught.value.code == "engine-timeout"


def test_uvs_lock_is_taken_away_after_a_failure_where_it_is_new(world: World, target: Target, tmp_path: Path) -> None:
    lock = tmp_path / "env/.lock"
    engine = Engine(ended=finished(1), effect=lock.touch)
    for existed in (False, True):
        if existed:
            lock.touch()
        with pytest.raises(OutsideError):
            carry(world, engine, target)
        assert lock.exists() is existed


def test_passwords_in_the_engines_output_are_not_passed_on(world: World, target: Target) -> None:
    heard: list[Event] = []
    with pytest.raises(OutsideError):
        carry(world, Engine(says="Collecting x @ https://me:hunter2@files.test/x.whl"), target, heard=heard)
    assert [event.text for event in heard if event.kind == "output"] == ["Collecting x @ https://files.test/x.whl"]


def test_folders_of_the_user_count_offline_alone(world: World, target: Target, tmp_path: Path) -> None:
    engine = Engine(ended=finished(1))
    for offline in (False, True):
        with pytest.raises(OutsideError):
            carry(world, engine, target, offline=offline, user_sources=("wheels", "https://a.test"))
        assert (str(world.directory / "wheels") in engine.argv) is offline
        assert ("--no-index" in engine.argv) is offline


def test_a_pin_without_a_file_is_never_handed_over(world: World, target: Target) -> None:
    nameless = replace(RESOLUTION, pins=(replace(PINS[1], offer=None),))
    with pytest.raises(AssertionError):
        carry_out(make_plan(nameless, target.now), nameless, Order(look=target.look), world, ignore)


def test_an_environment_of_the_operating_system_is_refused() -> None:
    managed = replace(facts().target, externally_managed="/usr/lib/python3.11/EXTERNALLY-MANAGED", writable=True)
    with pytest.raises(OutsideError) as caught:
        refuse_unusable(managed)
    assert caught.value.code == "externally-managed"
    assert "--venv" in str(caught.value.hint)


def test_an_environment_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(OutsideError) as caught:
        refuse_unusable(replace(facts().target, writable=False))
    assert caught.value.code == "not-writable"


def test_an_ordinary_environment_is_not_refused() -> None:
    refuse_unusable(facts().target)


def test_a_full_disk_is_refused_before_anything_is_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 (the shape of shutil's answer)
    plan = make_plan(RESOLUTION, facts())
    monkeypatch.setattr(shutil, "disk_usage", lambda _place: usage(10, 7, 3_000_000))
    refuse_full_disk(plan, str(tmp_path / "not/there/yet"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _place: usage(10, 7, 2_999_999))
    with pytest.raises(OutsideError) as caught:
        refuse_full_disk(plan, str(tmp_path / "not/there/yet"))
    assert caught.value.causes == ("about 3 MB are needed to download and unpack", f"{tmp_path} has 2 MB left")


def test_a_present_environment_is_looked_at_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    asked: list[TargetChoice] = []

    def look(_world: World, where: TargetChoice, *, libraries: tuple[str, ...]) -> Facts:
        asked.append(where)
        return facts(torch="2.7.0")

    monkeypatch.setattr(venv, "probe", look)
    (tmp_path / "env").mkdir()
    (tmp_path / "env/pyvenv.cfg").touch()
    there = TargetChoice(executable="/x", how="--venv", venv=str(tmp_path / "env"))
    assert look_before(there, world, libraries=()) == (facts(torch="2.7.0"), None)
    absent = replace(there, venv=str(tmp_path / "absent"))
    found, to_make = look_before(absent, world, libraries=())
    assert to_make == str(tmp_path / "absent")
    assert (found.installed.torch, found.target.prefix, found.target.writable) == (None, to_make, True)
    look_before(replace(absent, base="/usr/bin/python3.9"), world, libraries=())
    assert [where.how for where in asked] == ["--venv", "the Python that runs ipexenv", "--python"]
    assert asked[-1].executable == "/usr/bin/python3.9"


def test_facts_of_a_new_environment_are_its_bases_without_packages() -> None:
    new = facts_of_new(facts(torch="2.7.0", ipex="2.7.0"), "/new")
    assert new.installed.ipex is None
    assert new.target.executable == "/new/bin/python"
    assert new.host == facts().host


def test_no_environment_to_make(world: World) -> None:
    with new_environment(None, world, ignore):
        assert not isinstance(world.runner, FakeRunner) or world.runner.calls == []


@dataclass
class Maker:
    """Plays `python -m venv`: makes the folder, and ends as told."""

    endings: list[Finished]
    calls: list[tuple[str, ...]] = field(default_factory=list)

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        answer: bool = False,
        on_line: Callable[[str], None] | None = None,
    ) -> Finished:
        self.calls.append(tuple(argv))
        folder = Path(argv[-1])
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "bin").mkdir(parents=True)
        (folder / "pyvenv.cfg").touch()
        return self.endings.pop(0)


@pytest.mark.parametrize("existed", [False, True])
def test_an_environment_is_kept_on_success_and_removed_on_failure(
    world: World, tmp_path: Path, *, existed: bool
) -> None:
    there = replace(world, runner=Maker([finished(), finished()]))
    kept, lost = tmp_path / "kept", tmp_path / "lost"
    if existed:
        lost.mkdir()
    with new_environment(str(kept), there, ignore):
        assert (kept / "bin").is_dir()
    assert (kept / "bin").is_dir()
    with pytest.raises(KeyboardInterrupt), new_environment(str(lost), there, ignore):
        raise KeyboardInterrupt
    assert lost.exists() is existed
    assert not existed or not list(lost.iterdir())


def test_a_python_without_ensurepip_makes_one_without_pip(world: World, tmp_path: Path) -> None:
    maker = Maker(
        [finished(1, stdout="The virtual environment was not created: ensurepip is not available"), finished()]
    )
    with new_environment(str(tmp_path / "env"), replace(world, runner=maker), ignore):
        pass
    assert [("--without-pip" in call) for call in maker.calls] == [False, True]


def test_an_environment_that_cannot_be_made(world: World, tmp_path: Path) -> None:
    maker = Maker([finished(1, stderr="Error: [Errno 13] Permission denied: '/x'")])
    with (
        pytest.raises(OutsideError) as caught,
        new_environment(str(tmp_path / "x"), replace(world, runner=maker), ignore),
    ):
        pass
    assert caught.value.code == "no-venv"
    assert re.search("Permission denied", caught.value.causes[0])
    assert not (tmp_path / "x").exists()
    silent = Maker([finished(5)])
    with pytest.raises(OutsideError, match="cannot make"):
        new_environment(str(tmp_path / "x"), replace(world, runner=silent), ignore).__enter__()
