"""How what is installed is asked for again."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

from ipexenv.errors import OutsideError
from ipexenv.facts import Package
from ipexenv.install.closure import Closure
from ipexenv.install.whole import bridge_parts, closure_of_installed, needs_survey
from ipexenv.install.wish import Wish
from ipexenv.outcome import Pin, Resolution
from ipexenv.ruling import Offer
from ipexenv.tables.load import load_tables
from tests.fakes import facts

if TYPE_CHECKING:
    from pathlib import Path

    from ipexenv.facts import Facts

TAG = "cp311-cp311-linux_x86_64"
BRIDGE = "ipexenv-oneccl-bridge"


def offer(project: str, version: str, *, configured: bool = True) -> Offer:
    filename = f"{project.replace('-', '_')}-{version}-{TAG}.whl"
    url = f"https://files.test/{filename}"
    return Offer(
        project=project,
        version=Version(version),
        filename=filename,
        url=url,
        source="s",
        sha256="c" * 64,
        configured=configured,
    )


@dataclass
class Engine:
    """Answers every wish with the same files, and keeps the wishes."""

    files: tuple[Offer, ...] = ()
    wishes: list[Wish] = field(default_factory=list)

    def __call__(self, wish: Wish) -> Closure:
        self.wishes.append(wish)
        return Closure(files=self.files, removed=())


def put(folder: Path, name: str, version: str, url: str | None = None) -> None:
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n", encoding="utf-8")
    if url is not None:
        row = {"url": url, "archive_info": {"hashes": {"sha256": "d" * 64}}}
        (info / "direct_url.json").write_text(json.dumps(row), encoding="utf-8")


@pytest.fixture
def there(tmp_path: Path) -> Facts:
    known = facts(torch="2.8.0+cu128")
    return replace(known, target=replace(known.target, site_packages=str(tmp_path / "s"), wheel_tags=(TAG,)))


def installed(name: str, version: str) -> Pin:
    return Pin(name=name, version=Version(version), source="installed", installed=True)


def resolution(*pins: Pin, constraints: tuple[str, ...] = ()) -> Resolution:
    return Resolution(
        torch=Version("2.8.0"),
        python=Version("3.11.7"),
        stack="native",
        ccl="none",
        ccl_version=None,
        ccl_reason=None,
        pins=pins,
        constraints=constraints,
        import_names=("torch",),
        rejections=(),
        notes=(),
    )


def test_versions_are_those_of_the_metadata_and_the_rest_is_held(tmp_path: Path, there: Facts) -> None:
    put(tmp_path / "s", "torch", "2.8.0")
    put(tmp_path / "s", "sympy", "1.13.3")
    put(tmp_path / "s", "filelock", "3.1", url="https://files.test/filelock-3.1-py3-none-any.whl")
    put(tmp_path / "s", "gone", "1.0", url="file:///nowhere/gone-1.0-py3-none-any.whl")
    engine = Engine()
    decided = resolution(installed("torch", "2.8.0+cu128"), constraints=("numpy<2",))
    closure_of_installed(decided, there, engine, wish=Wish(requirements=()), directory=tmp_path)
    (wish,) = engine.wishes
    assert wish.fresh
    assert wish.requirements == ("torch==2.8.0", "numpy<2")
    assert sorted(wish.constraints) == [
        f"filelock @ https://files.test/filelock-3.1-py3-none-any.whl#sha256={'d' * 64}",
        "gone==1.0",
        "sympy==1.13.3",
    ]


def test_a_build_that_the_index_lacks_is_asked_for_by_the_url_that_a_source_lists(tmp_path: Path, there: Facts) -> None:
    put(tmp_path / "s", "torch", "2.8.0+cpu")
    own = offer("torch", "2.8.0+cpu", configured=False)
    decided = resolution(installed("torch", "2.8.0+cpu"))
    assert needs_survey(decided, there)
    engine = Engine()
    wish = Wish(requirements=(), offers=(own, offer("torch", "2.8.0")))
    closure_of_installed(decided, there, engine, wish=wish, directory=tmp_path)
    assert engine.wishes[0].requirements == (f"torch @ {own.url}#sha256={'c' * 64}",)
    closure_of_installed(
        decided, there, engine, wish=replace(wish, offers=(own, replace(own, configured=True))), directory=tmp_path
    )
    assert engine.wishes[1].requirements == ("torch==2.8.0+cpu",)


def test_what_the_plan_would_change_is_asked_for_first(tmp_path: Path, there: Facts) -> None:
    put(tmp_path / "s", "torch", "2.8.0")
    put(tmp_path / "s", "numpy", "2.1.0")
    engine = Engine(files=(offer("numpy", "1.26.4"), offer("transformers", "4.50.0")))
    known = replace(there.installed, numpy=Package(name="numpy", version=Version("2.1.0")))
    decided = resolution(installed("torch", "2.8.0"), constraints=("numpy<2",))
    closure_of_installed(
        decided, replace(there, installed=known), engine, wish=Wish(requirements=()), directory=tmp_path
    )
    change, whole = engine.wishes
    assert (change.fresh, change.requirements) == (False, ("numpy<2",))
    assert whole.requirements == ("torch==2.8.0", "numpy<2")
    assert sorted(whole.constraints) == ["numpy==1.26.4", "transformers==4.50.0"]


@pytest.mark.parametrize(
    ("name", "version", "url", "needed"),
    [
        ("torch", "2.8.0", None, False),
        ("torch", "2.8.0+cpu", None, True),
        ("torch", "2.8.0+cpu", f"https://files.test/torch-2.8.0+cpu-{TAG}.whl", False),
        ("oneccl_bind_pt", "2.7.0", None, True),
        ("oneccl_bind_pt", "2022.2.0+ipexenv.bridge.1", None, False),
    ],
)
def test_sources_are_asked_only_for_what_the_index_cannot_have(  # noqa: PLR0917 (a row and two fixtures)
    tmp_path: Path,
    there: Facts,
    name: str,
    version: str,
    url: str | None,
    needed: bool,  # noqa: FBT001 (a row)
) -> None:
    put(tmp_path / "s", name, version, url)
    assert needs_survey(resolution(installed(name, version)), there) is needed


def test_the_bridge_is_never_asked_for_and_its_parts_are(tmp_path: Path, there: Facts) -> None:
    (row,) = load_tables().bridge
    put(tmp_path / "s", "torch", "2.8.0")
    put(tmp_path / "s", BRIDGE, str(row.version))
    put(tmp_path / "s", "oneccl_bind_pt", str(row.version))
    decided = resolution(installed("torch", "2.8.0"), installed(BRIDGE, str(row.version)))
    engine = Engine()
    closure_of_installed(decided, there, engine, wish=Wish(requirements=()), directory=tmp_path)
    assert engine.wishes[0].requirements == ("torch==2.8.0",)
    assert engine.wishes[0].constraints == ()
    parts = tuple(replace(offer(part.project, str(part.version)), sha256=part.sha256) for part in row.parts)
    engine = Engine(files=parts[::-1])
    assert bridge_parts(decided, (row,), engine, wish=Wish(requirements=())) == (row, parts)
    assert engine.wishes[0].requirements == tuple(f"{part.project}=={part.version}" for part in row.parts)
    assert not engine.wishes[0].with_dependencies


def test_a_bridge_to_be_built_brings_its_parts(tmp_path: Path) -> None:
    (row,) = load_tables().bridge
    bare = tuple(replace(offer(part.project, str(part.version)), sha256=None) for part in row.parts)
    pin = Pin(name=BRIDGE, version=row.version, source="built", bridge=row, parts=bare)
    found = bridge_parts(resolution(pin), (), Engine(), wish=Wish(requirements=()))
    assert found is not None
    assert [part.sha256 for part in found[1]] == [part.sha256 for part in row.parts]
    assert bridge_parts(resolution(installed("torch", "2.8.0")), (row,), Engine(), wish=Wish(requirements=())) is None


def test_parts_that_no_source_has_are_named() -> None:
    (row,) = load_tables().bridge
    wish = Wish(requirements=())
    with pytest.raises(OutsideError) as caught:
        bridge_parts(resolution(installed(BRIDGE, str(row.version))), (row,), Engine(), wish=wish)
    assert caught.value.code == "no-source"
    assert len(caught.value.causes) == len(row.parts)
    with pytest.raises(OutsideError) as caught:
        bridge_parts(resolution(installed(BRIDGE, "2019.1+ipexenv.bridge.1")), (row,), Engine(), wish=wish)
    assert caught.value.code == "unknown-bridge"
