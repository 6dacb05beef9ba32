"""What the engines answer when they are asked what they would install, as recorded from uv 0.13 and pip 23 to 26."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

import ipexenv.install.engine as engine_module
from ipexenv.errors import OutsideError
from ipexenv.events import ignore
from ipexenv.install.closure import Closure, Removal, Wish, closure
from ipexenv.install.configuration import Configuration
from ipexenv.install.engine import Engine
from ipexenv.ruling import Offer
from tests.fakes import FakeRunner, facts, finished

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ipexenv.events import Event
    from ipexenv.facts import Facts
    from ipexenv.system.runner import Finished
    from ipexenv.system.world import World

UV = Engine(name="uv", argv=("/bin/uv", "pip", "install", "--python", "/env/bin/python"))
PIP = Engine(name="pip", argv=("/env/bin/python", "-I", "-m", "pip", "install"), version=Version("26.0"))
A, B = "a" * 64, "b" * 64
NUMPY = "https://files.test/numpy-1.26.4-cp311-cp311-manylinux_2_17_x86_64.whl"
TORCH = "https://files.test/torch-2.8.0%2Bcpu-cp311-cp311-linux_x86_64.whl"
TAGS = (
    "cp311-cp311-manylinux_2_28_x86_64",
    "cp311-cp311-manylinux_2_17_x86_64",
    "cp311-cp311-linux_x86_64",
    "py3-none-any",
)
COMPILED = f"""
lock-version = "1.0"
created-by = "uv"
[[packages]]
name = "numpy"
version = "1.26.4"
wheels = [
    {{ url = "https://files.test/numpy-1.26.4-cp311-cp311-musllinux_1_1_x86_64.whl", hashes = {{ sha256 = "{B}" }} }},
    {{ url = "{NUMPY}", size = 18, hashes = {{ sha256 = "{A}" }} }},
]
[[packages]]
name = "torch"
version = "2.8.0+cpu"
archive = {{ url = "{TORCH}", hashes = {{ sha256 = "{B}" }} }}
"""
CHANGES = json.dumps(
    {
        "schema": {"version": "preview"},
        "changes": [
            {"name": "numpy", "version": "2.1.0", "action": "uninstalled"},
            {"name": "numpy", "version": "1.26.4", "action": "installed"},
            {"name": "torch", "version": "2.8.0+cpu", "action": "installed"},
        ],
    }
)
WISH = Wish(requirements=("numpy<2", f"torch @ {TORCH}#sha256={B}"), constraints=("numpy<2",))
REPORT = {
    "version": "1",
    "install": [
        {"download_info": {"url": NUMPY, "archive_info": {"hash": f"sha256={A}"}}, "is_yanked": True},
        {"download_info": {"url": TORCH, "archive_info": {"hashes": {"sha256": B}}}},
    ],
}


@dataclass
class Played(FakeRunner):
    """Plays pip: writes the report, and keeps the files that it was given."""

    report: str = json.dumps(REPORT)
    given: dict[str, str] = field(default_factory=dict)

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
        self.given["requirements"] = Path(argv[argv.index("-r") + 1]).read_text("utf-8")
        Path(argv[argv.index("--report") + 1]).write_text(self.report, encoding="utf-8")
        return finished()


@pytest.fixture
def target(tmp_path: Path) -> Facts:
    site_packages = tmp_path / "env/site-packages"
    info = site_packages / "numpy-2.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: NumPy\nVersion: 2.1.0\n\ntext", encoding="utf-8")
    known = facts()
    there = replace(known.target, wheel_tags=TAGS, site_packages=str(site_packages), prefix=str(tmp_path / "env"))
    return replace(known, target=there)


def asked(wish: Wish, engine: Engine, runner: FakeRunner, world: World, target: Facts) -> Closure:
    there = replace(world, runner=runner)
    return closure(wish, engine, configuration=Configuration(), world=there, facts=target, listen=ignore)


def uv(changes: str = CHANGES, compiled: str = COMPILED) -> FakeRunner:
    return FakeRunner(endings=[(("--dry-run",), finished(stdout=changes)), (("compile",), finished(stdout=compiled))])


def test_uv_names_the_changes_and_then_their_files(world: World, target: Facts) -> None:
    runner = uv()
    found = asked(WISH, UV, runner, world, target)
    assert [(file.project, file.url, file.sha256, file.size_bytes, file.configured) for file in found.files] == [
        ("numpy", NUMPY, A, 18, True),
        ("torch", TORCH, B, None, False),
    ]
    assert found.removed == (Removal(name="numpy", version=Version("2.1.0")),)
    compiler = runner.calls[1]
    assert compiler[:5] == ("/bin/uv", "pip", "compile", "--python", "/env/bin/python")
    assert "--no-deps" in compiler
    assert "-r" not in compiler
    assert compiler[5:7] == ("--only-binary", ":all:")


def test_nothing_to_change_needs_one_question(world: World, target: Facts) -> None:
    runner = uv(changes='{"changes": []}')
    assert asked(WISH, UV, runner, world, target) == Closure(files=(), removed=())
    assert len(runner.calls) == 1


def test_for_an_environment_that_is_not_there_uv_resolves_everything(world: World, target: Facts) -> None:
    runner = uv()
    elsewhere = replace(WISH, fresh=True, python_version="3.10", python_platform="x86_64-manylinux_2_28")
    found = asked(elsewhere, UV, runner, world, target)
    assert len(found.files) == 2
    assert found.removed == ()
    (call,) = runner.calls
    assert "--no-deps" not in call
    assert call[call.index("--python-version") + 1] == "3.10"
    assert call[call.index("--python-platform") + 1] == "x86_64-manylinux_2_28"


def test_a_chosen_file_keeps_the_name_of_its_source_and_its_credentials(world: World, target: Facts) -> None:
    url = TORCH.replace("https://", "https://me:hunter2@")
    offer = Offer(project="torch", version=Version("2.8.0+cpu"), filename="torch.whl", url=url, source="pytorch-cpu")
    found = asked(replace(WISH, offers=(offer,)), UV, uv(), world, target)
    assert found.files[1] == replace(offer, sha256=B)


def test_a_question_leaves_no_lock_file(world: World, target: Facts) -> None:
    lock = Path(target.target.prefix or "") / ".lock"

    @dataclass
    class Locking(FakeRunner):
        def run(self, argv: Sequence[str], **more: object) -> Finished:
            if "--dry-run" in argv:
                lock.touch()
            return super().run(argv, **more)  # type: ignore[arg-type]  # as given

    asked(WISH, UV, Locking(endings=uv().endings), world, target)
    assert not lock.exists()


@pytest.mark.parametrize(
    "stderr", ["error: unexpected argument '--output-format' found", "error: invalid value 'json'"]
)
def test_pip_stands_in_for_a_uv_that_is_too_old(world: World, target: Facts, stderr: str) -> None:
    said: list[Event] = []
    old = FakeRunner(endings=[(("/bin/uv",), finished(2, stderr=stderr)), (("pip", "--dry-run"), finished())])
    there = replace(world, runner=old)
    with pytest.raises(OutsideError, match="answers oddly"):  # the played pip writes no report
        closure(WISH, UV, configuration=Configuration(), world=there, facts=target, listen=said.append)
    assert "this uv is too old to say what it would install; asking pip instead" in [event.text for event in said]


def test_pip_reports_what_it_would_install(world: World, target: Facts) -> None:
    runner = Played()
    found = asked(WISH, PIP, runner, world, target)
    assert [(file.project, file.sha256, file.yanked, file.configured) for file in found.files] == [
        ("numpy", A, "", True),
        ("torch", B, None, False),
    ]
    assert found.removed == (Removal(name="numpy", version=Version("2.1.0")),)
    assert "--ignore-installed" not in runner.calls[0]
    assert runner.given["requirements"] == "\n".join(WISH.requirements) + "\n"
    asked(replace(WISH, fresh=True, with_dependencies=False), PIP, runner, world, target)
    assert {"--ignore-installed", "--no-deps"} <= set(runner.calls[1])


@pytest.mark.parametrize(
    ("own", "ours", "asks"),
    [
        ("21.3", "23.2.1", "ours, which downloads"),  # the target's own writes no report
        ("25.0", "26.3", "ours, by metadata"),
        ("25.0", "25.2", "own, which downloads"),
        ("25.3", "26.3", "own, by metadata"),
    ],
)
def test_the_pip_that_decides_by_metadata_alone_is_asked(  # noqa: PLR0917 (fixtures and parameters)
    world: World, target: Facts, monkeypatch: pytest.MonkeyPatch, own: str, ours: str, asks: str
) -> None:
    monkeypatch.setattr(engine_module, "metadata", lambda _name: {"Version": ours, "Requires-Python": ">=3.8"})
    runner = Played()
    asked(WISH, replace(PIP, version=Version(own)), runner, world, target)
    (call,) = runner.calls
    asked_one = "ours" if call[3].endswith("/__pip-runner__.py") else "own"
    how = "by metadata" if "--use-feature=fast-deps" in call else "which downloads"
    assert f"{asked_one}, {how}" == asks


@pytest.mark.parametrize(
    ("changes", "compiled"),
    [
        ("no JSON", COMPILED),
        ("[]", COMPILED),
        ('{"changes": [1]}', COMPILED),
        (CHANGES, "no TOML"),
        (CHANGES, COMPILED.replace("1.26.4", "1.26.3")),
        (CHANGES, COMPILED.replace("cp311-cp311-manylinux_2_17", "cp312-cp312-manylinux_2_17")),
        (CHANGES, COMPILED.replace("torch-2.8.0%2Bcpu-cp311-cp311-linux_x86_64.whl", "torch-2.8.0.tar.gz")),
    ],
)
def test_odd_answers_of_uv_are_refused(world: World, target: Facts, changes: str, compiled: str) -> None:
    with pytest.raises(OutsideError, match="uv answers oddly") as caught:
        asked(WISH, UV, uv(changes, compiled), world, target)
    assert "nothing was changed" in caught.value.causes


@pytest.mark.parametrize(
    "report", ["", "[]", "{}", '{"install": [{}]}', '{"install": [{"download_info": {"url": "x.zip"}}]}']
)
def test_odd_answers_of_pip_are_refused(world: World, target: Facts, report: str) -> None:
    with pytest.raises(OutsideError, match="pip answers oddly"):
        asked(WISH, PIP, Played(report=report), world, target)


def test_an_engine_that_finds_nothing_says_why(world: World, target: Facts) -> None:
    stderr = "error: No solution found\n  cause: Because there is no version of numpy==1.99 and you require numpy==1.99"
    runner = FakeRunner(endings=[((), finished(1, stderr=stderr))])
    with pytest.raises(OutsideError) as caught:
        asked(replace(WISH, requirements=("numpy==1.99",)), UV, runner, world, target)
    assert caught.value.code == "not-offered"
    assert caught.value.causes[-1] == "nothing was changed"
