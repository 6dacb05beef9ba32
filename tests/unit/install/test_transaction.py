from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections import namedtuple
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.version import Version

from ipexenv.bridge.build import BuiltWheel
from ipexenv.errors import OutsideError
from ipexenv.events import Event, ignore
from ipexenv.facts import Package
from ipexenv.fetch.cache import Cache
from ipexenv.install import engine as engine_module
from ipexenv.install import venv
from ipexenv.install.guard import refuse_full_disk, refuse_locked_folders, refuse_unusable
from ipexenv.install.order import Order
from ipexenv.install.transaction import carry_out
from ipexenv.install.venv import facts_of_new, look_before, make_environment, place_for
from ipexenv.outcome import Offer, Pin, Resolution
from ipexenv.plan import make_plan
from ipexenv.probe.choice import TargetChoice
from ipexenv.tables.load import load_releases
from ipexenv.transaction.journal import read_last
from ipexenv.transaction.state import StateFolder
from tests.fakes import facts, finished
from tests.unit.transaction.trees import read_tree
from tests.wheels import build_wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ipexenv.events import Listener
    from ipexenv.facts import Facts
    from ipexenv.system.http import Access, Http
    from ipexenv.system.runner import Finished
    from ipexenv.system.world import World
    from ipexenv.tables.bridge import BridgeRelease

UNDONE = "it was undone: the environment is as it was before"
IPEX = "intel_extension_for_pytorch"
TORCH = Pin(name="torch", version=Version("2.7.0"), source="installed", installed=True)
RESOLUTION = Resolution(
    torch=Version("2.7.0"),
    python=Version("3.11"),
    stack="ipex",
    ccl="none",
    ccl_version=None,
    ccl_reason=None,
    pins=(TORCH,),
    constraints=(),
    import_names=("torch",),
    rejections=(),
    notes=(),
)


@dataclass
class Engine:
    """Plays pip: keeps what it was given, answers which files it would install, and changes the target."""

    ended: Finished = field(default_factory=finished)
    effect: Callable[[], None] = lambda: None
    asked: tuple[str, ...] = ()
    argv: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
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
        if argv[-1].endswith("_target_paths.py"):
            prefix = argv[0].removesuffix("/bin/python")
            folders = {kind: [f"{prefix}/{kind}"] for kind in ("scripts", "data", "headers")}
            packages = [f"{prefix}/site-packages"]
            return finished(answer=json.dumps({**folders, "purelib": packages, "platlib": packages}).encode())
        given = {Path(word).name: Path(word).read_text("utf-8") for word in argv if word.endswith(".txt")}
        if "--report" in argv:
            self.asked = tuple(argv)
            urls = [line.partition(" @ ")[2].partition("#")[0] for line in given["requirements.txt"].splitlines()]
            report = {"install": [{"download_info": {"url": url}} for url in urls]}
            Path(argv[argv.index("--report") + 1]).write_text(json.dumps(report), encoding="utf-8")
            return finished()
        self.argv, self.env, self.files = tuple(argv), dict(env or {}), given
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


@dataclass
class Bench:
    """An environment in a folder, and what is to be done with it."""

    world: World
    target: Target
    folder: Path
    resolution: Resolution
    heard: list[Event] = field(default_factory=list)

    @property
    def env(self) -> Path:
        return self.folder / "env"

    def at(self, given: Facts) -> Facts:
        folder, program = str(self.env), f"{self.env}/bin/python"
        return replace(given, target=replace(given.target, prefix=folder, site_packages=folder, executable=program))

    def becomes(self, given: Facts) -> Callable[[], None]:
        return lambda: setattr(self.target, "now", self.at(given))

    def carry(self, engine: Engine, **order: object) -> Facts:
        plan = make_plan(self.resolution, self.target.now)
        how = {"look": self.target.look, "before": self.target.now, "engine": "pip", **order}
        return carry_out(plan, self.resolution, Order(**how), replace(self.world, runner=engine), self.heard.append)  # type: ignore[arg-type]  # passed on

    def refused(self, engine: Engine, **order: object) -> OutsideError:
        """Return the error that it ends with, after seeing that the environment is as it was."""
        before = read_tree(self.env)
        with pytest.raises(OutsideError) as caught:
            self.carry(engine, **order)
        assert read_tree(self.env) == before
        assert caught.value.data is not None
        assert caught.value.data["changed"] is False
        return caught.value


@pytest.fixture
def bench(world: World, tmp_path: Path) -> Bench:
    (tmp_path / "env/pip-24.2.dist-info").mkdir(parents=True)
    wheel = build_wheel(tmp_path / "wheels", IPEX, "2.7.0")
    offer = Offer(
        project=IPEX.replace("_", "-"),
        version=Version("2.7.0"),
        filename=wheel.name,
        url=wheel.as_uri(),
        source="page",
        size_bytes=1_000_000,
    )
    pin = Pin(name=IPEX, version=Version("2.7.0"), source="page", offer=offer)
    bench = Bench(world, Target(facts()), tmp_path, replace(RESOLUTION, pins=(TORCH, pin)))
    bench.becomes(facts(torch="2.7.0"))()
    return bench


def digest(bench: Bench) -> str:
    return hashlib.sha256(next((bench.folder / "wheels").iterdir()).read_bytes()).hexdigest()


def test_success_is_believed_after_looking(bench: Bench) -> None:
    engine = Engine(effect=bench.becomes(facts(torch="2.7.0", ipex="2.7.0")))
    proven: list[Facts] = []
    after = bench.carry(engine, prove=proven.append)
    assert after.installed.ipex is not None
    assert proven == [after]
    sha256 = digest(bench)
    assert engine.files == {"requirements.txt": f"intel-extension-for-pytorch==2.7.0 --hash=sha256:{sha256}\n"}
    assert {"--no-deps", "--no-index", "--require-hashes"} <= set(engine.argv)
    last = read_last(StateFolder.at(str(bench.env)))
    assert last is not None
    assert [str(package) for package in last.packages] == ["intel-extension-for-pytorch absent -> 2.7.0"]


def test_success_that_changed_nothing_is_not_believed(bench: Bench) -> None:
    error = bench.refused(Engine())
    assert (error.code, error.causes) == ("not-as-planned", (f"{IPEX} 2.7.0 is not there", UNDONE))


def test_failure_says_why_and_that_it_was_undone(bench: Bench) -> None:
    error = bench.refused(Engine(ended=finished(1, stderr="ERROR: [Errno 28] No space left on device")))
    assert error.code == "disk-full"
    assert error.causes[-1] == UNDONE


def test_what_the_engine_made_before_it_failed_is_taken_away(bench: Bench) -> None:
    def half() -> None:
        (bench.env / f"site-packages/{IPEX}").mkdir(parents=True)
        (bench.env / f"site-packages/{IPEX}/__init__.py").touch()
        (bench.env / "site-packages/.tmpX").mkdir()
        (bench.env / ".lock").touch()

    assert bench.refused(Engine(ended=finished(1), effect=half)).code == "engine-failed"


def test_what_does_not_prove_itself_is_undone(bench: Bench) -> None:
    def prove(_facts: Facts) -> None:
        raise OutsideError("it cannot be imported", code="import-failed")

    now = bench.target.now
    engine = Engine(effect=bench.becomes(facts(torch="2.7.0", ipex="2.7.0")))
    assert bench.refused(engine, prove=prove).causes == (UNDONE,)
    bench.target.now = now
    with pytest.raises(KeyboardInterrupt):
        bench.carry(Engine(effect=interrupt))
    assert bench.heard[-1] == Event(kind="warning", text=UNDONE)


def interrupt() -> None:
    raise KeyboardInterrupt


def test_an_environment_that_changed_meanwhile_is_left_alone(bench: Bench) -> None:
    engine = Engine()
    error = bench.refused(engine, before=bench.at(facts(torch="2.6.0")))
    assert (error.code, error.causes[-1], engine.argv) == ("changed-meanwhile", "nothing was changed", ())


def test_a_wheel_that_is_not_what_it_says_changes_nothing(bench: Bench) -> None:
    wheel = next((bench.folder / "wheels").iterdir())
    liar = build_wheel(bench.folder / "liar", IPEX, "2.7.0", claimed_version="2.6.0")
    liar.replace(wheel)
    engine = Engine()
    error = bench.refused(engine)
    assert (error.code, error.causes[-1], engine.asked, engine.argv) == ("bad-wheel", "nothing was changed", (), ())


def test_with_a_cache_the_file_keeps_its_place(bench: Bench) -> None:
    cache = Cache(folder=bench.folder / "cache")
    folders = []
    for _ in range(2):
        engine = Engine(ended=finished(1))
        bench.refused(engine, cache=cache)
        folders.append([word for word in engine.argv if word.startswith(str(cache.folder))])
    assert folders == [[str(cache.links / digest(bench))]] * 2
    bench.refused(engine)
    assert str(bench.env / ".ipexenv/staging") in " ".join(engine.argv)


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
        wheel = build_wheel(folder, "ipexenv_oneccl_bridge", str(release.version))
        data = wheel.read_bytes()
        return BuiltWheel(path=wheel, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))


@pytest.fixture
def bridged(bench: Bench) -> Bench:
    trusting = replace(bench.world, env={**bench.world.env, "PIP_TRUSTED_HOST": "files.test"})
    return replace(bench, resolution=replace(RESOLUTION, pins=(TORCH, BUILT)), world=trusting)


def test_what_has_to_be_built_is_built_first_and_given_by_digest(bridged: Bench) -> None:
    bridge = Package(name="ipexenv-oneccl-bridge", version=BRIDGE.version)
    now = bridged.target.now
    after = replace(now, installed=replace(now.installed, bridge=bridge))
    builder = Builder()
    engine = Engine(effect=lambda: setattr(bridged.target, "now", after))
    assert bridged.carry(engine, build=builder) == after
    line = engine.files["requirements.txt"]
    assert line.startswith(f"ipexenv-oneccl-bridge=={BRIDGE.version} --hash=sha256:")
    assert builder.parts == [part.filename for part in BRIDGE.parts]
    assert [access.verify for access in builder.accesses] == [False, False, False]
    assert builder.folder is not None
    assert not builder.folder.exists()
    steps = [event.text for event in bridged.heard if event.kind == "step"]
    assert steps[0] == f"building ipexenv-oneccl-bridge {BRIDGE.version}"
    assert steps[-1] == "installing with pip"


def test_a_bridge_that_cannot_be_built_leaves_the_environment_as_it_is(bridged: Bench) -> None:
    failure = OutsideError("oneccl cannot be had", code="bridge-part-unreachable", causes=("page: HTTP 403",), hint="x")
    engine = Engine()
    error = bridged.refused(engine, build=Builder(failure=failure))
    assert engine.argv == ()
    assert error.causes == ("page: HTTP 403", "nothing was changed")


def test_what_has_no_file_is_never_handed_over(bridged: Bench) -> None:
    for pin in (replace(BUILT, parts=()), replace(BUILT, bridge=None)):
        with pytest.raises(AssertionError):
            replace(bridged, resolution=replace(RESOLUTION, pins=(pin,))).carry(Engine())


def test_an_engine_that_is_cut_off_has_failed(bench: Bench) -> None:
    assert bench.refused(Engine(ended=finished(0, timed_out=True))).code == "engine-timeout"


def test_passwords_in_the_engines_output_are_not_passed_on(bench: Bench) -> None:
    bench.refused(Engine(says="Collecting x @ https://me:hunter2@files.test/x.whl"))
    said = [event.text for event in bench.heard if event.kind == "output" and not event.text.startswith("Progress")]
    assert said == ["Collecting x @ https://files.test/x.whl"]


def test_folders_of_the_user_count_offline_alone(bench: Bench) -> None:
    for offline in (False, True):
        engine = Engine(ended=finished(1))
        bench.refused(engine, offline=offline, user_sources=("wheels", "https://a.test"))
        assert (str(bench.world.directory / "wheels") in engine.asked) is offline
        assert ("--no-index" in engine.asked) is offline
        assert str(bench.world.directory / "wheels") not in engine.argv


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


def test_a_full_disk_is_refused_before_anything_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 (the shape of shutil's answer)
    monkeypatch.setattr(shutil, "disk_usage", lambda _place: usage(10, 7, 3_000_000))
    refuse_full_disk(3_000_000, tmp_path / "not/there/yet")
    monkeypatch.setattr(shutil, "disk_usage", lambda _place: usage(10, 7, 2_999_999))
    with pytest.raises(OutsideError) as caught:
        refuse_full_disk(3_000_000, tmp_path / "not/there/yet")
    assert caught.value.causes == ("the packages unpack to 3 MB", f"{tmp_path} has 2 MB left")


def test_a_folder_that_must_not_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed").mkdir()
    monkeypatch.setattr(os, "access", lambda path, _mode: "closed" not in path)
    refuse_locked_folders([f"{tmp_path}/open/torch/a.py"])
    with pytest.raises(OutsideError) as caught:
        refuse_locked_folders([f"{tmp_path}/open/torch/a.py", f"{tmp_path}/closed/torch/a.py"])
    assert caught.value.causes == (f"no files can be made in {tmp_path}/closed",)


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
def test_the_place_of_an_environment_that_came_to_nothing(tmp_path: Path, *, existed: bool) -> None:
    place = tmp_path / "env"
    if existed:
        place.mkdir()

    def make_and_stop() -> None:
        with place_for(str(place)):
            place.mkdir(exist_ok=True)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_and_stop()
    assert place.exists() is existed
    with place_for(None):
        pass


def test_a_python_without_ensurepip_makes_one_without_pip(world: World, tmp_path: Path) -> None:
    maker = Maker(
        [finished(1, stdout="The virtual environment was not created: ensurepip is not available"), finished()]
    )
    make_environment(str(tmp_path / "env"), None, replace(world, runner=maker), ignore)
    assert [("--without-pip" in call) for call in maker.calls] == [False, True]


def test_an_environment_that_cannot_be_made(world: World, tmp_path: Path) -> None:
    maker = Maker([finished(1, stderr="Error: [Errno 13] Permission denied: '/x'")])
    with pytest.raises(OutsideError) as caught:
        make_environment(str(tmp_path / "x"), None, replace(world, runner=maker), ignore)
    assert caught.value.code == "no-venv"
    assert re.search("Permission denied", caught.value.causes[0])
    with pytest.raises(OutsideError, match="cannot make"):
        make_environment(str(tmp_path / "x"), None, replace(world, runner=Maker([finished(5)])), ignore)


def test_a_new_environment_is_whole_or_not_there(bench: Bench) -> None:
    place = bench.folder / "fresh"
    plan = make_plan(bench.resolution, bench.target.now, venv=str(place))
    there = bench.at(facts(torch="2.7.0", ipex="2.7.0"))
    for ended, exists in ((finished(1), False), (finished(), True)):
        runner = Made(Engine(ended=ended, effect=lambda: setattr(bench.target, "now", there)), place)
        order = Order(look=bench.target.look, before=facts(), engine="pip")
        with nullcontext() if exists else pytest.raises(OutsideError, match="could not install"):
            carry_out(plan, bench.resolution, order, replace(bench.world, runner=runner), ignore)
        assert place.exists() is exists
    with pytest.raises(OutsideError) as caught:
        carry_out(plan, bench.resolution, order, replace(bench.world, runner=runner), ignore)
    assert caught.value.code == "changed-meanwhile"


@dataclass
class Made:
    """Makes an environment, and is an engine otherwise."""

    engine: Engine
    place: Path

    def run(self, argv: Sequence[str], **how: Any) -> Finished:
        if "venv" not in argv:
            return self.engine.run(argv, **how)
        (self.place / "bin").mkdir(parents=True)
        return finished()


@dataclass
class Uv:
    """Plays uv, and the Python that makes environments and brings wheels for them."""

    engine: Engine
    place: Path
    brings: list[Path]
    made: tuple[str, ...] = ()

    def run(self, argv: Sequence[str], **how: Any) -> Finished:
        if "venv" in argv:
            self.made = tuple(argv)
            (self.place / "bin").mkdir(parents=True)
            return finished()
        if argv[-1].endswith("_target_bundled.py"):
            return finished(answer=json.dumps([str(wheel) for wheel in self.brings]).encode())
        return finished() if "cache" in argv else self.engine.run(argv, **how)


@pytest.mark.parametrize("brings", [True, False])
def test_uv_puts_the_pip_of_its_python_into_a_new_environment(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, *, brings: bool
) -> None:
    monkeypatch.setattr(engine_module, "find_uv", lambda _world: "/bin/uv")
    wheels = [build_wheel(bench.folder / "brought", name, "1.0") for name in ("pip", IPEX)] if brings else []
    place = bench.folder / "fresh"
    there = bench.at(facts(torch="2.7.0", ipex="2.7.0"))
    runner = Uv(Engine(effect=lambda: setattr(bench.target, "now", there)), place, wheels)
    files = tuple(pin.offer for pin in bench.resolution.pins if pin.offer is not None)
    order = Order(look=bench.target.look, before=facts(), engine="uv", files=files)
    plan = make_plan(bench.resolution, bench.target.now, venv=str(place))
    carry_out(plan, bench.resolution, order, replace(bench.world, runner=runner), ignore)
    assert ("--without-pip" in runner.made) is brings
    lines = runner.engine.files["requirements.txt"].splitlines()
    expected = ["intel-extension-for-pytorch==2.7.0", *(["pip==1.0"] if brings else [])]
    assert [line.partition(" ")[0] for line in lines] == expected
    assert (str(bench.folder / "brought") in runner.engine.argv) is brings
