"""The tables of ``compat/`` as data: every row is read, cites its source, and agrees with the rows it speaks of."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from ipexenv import cli, toml
from ipexenv.bridge.own_files import own_files
from ipexenv.errors import AnswerIsNo
from ipexenv.facts import Facts, Host, IsaLevel, Libc, Target
from ipexenv.outcome import Market, Request
from ipexenv.resolve.solve import solve
from ipexenv.resolve.wheels import read_platform
from ipexenv.system.world import World
from ipexenv.tables.join import serves
from ipexenv.tables.load import PACKAGE, find_tables, load_tables
from tests.fakes import FakeHttp, FakeKernel, FakeRunner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ipexenv.tables.schema import IpexRelease, OneCclRelease, TorchRelease

FOLDER = find_tables(PACKAGE)
ROOT = PACKAGE.parent
TABLES = load_tables()
TORCH = {release.version: release for release in TABLES.torch}
SOURCES = {source.name: source for source in TABLES.sources}
WHEELS_FOR_CPU = [release for release in TABLES.oneccl if release.cpu and release.wheel]
EVERY_ROW = (*TABLES.ipex, *TABLES.oneccl, *TABLES.torch, *TABLES.flags, *TABLES.frameworks, *TABLES.sources)

each_ipex = pytest.mark.parametrize("release", TABLES.ipex, ids=lambda release: str(release.version))
each_oneccl = pytest.mark.parametrize("release", TABLES.oneccl, ids=lambda release: str(release.version))
each_torch = pytest.mark.parametrize("release", TABLES.torch, ids=lambda release: str(release.version))


def versions(texts: str) -> list[Version]:
    return [Version(text) for text in texts.split()]


def test_no_release_went_missing() -> None:
    ipex = versions(
        "1.8.0 1.9.0 1.10.0 1.10.100 1.11.0 1.11.100 1.11.200 1.12.0 1.12.100 1.12.200 1.12.300 1.13.0 1.13.100 "
        "2.0.0 2.0.100 2.1.0 2.1.100 2.2.0 2.3.0 2.3.100 2.4.0 2.5.0 2.6.0 2.7.0 2.8.0"
    )
    oneccl = versions(
        "1.0.1 1.1.0 1.2.0 1.9 1.10.0 1.11.0 1.12.0 1.12.100 1.13.0 "
        "2.0.0 2.1.0 2.2.0 2.3.0 2.4.0 2.5.0 2.6.0 2.7.0 2.8.0"
    )
    assert [release.version for release in TABLES.ipex] == ipex
    assert [release.version for release in TABLES.oneccl] == oneccl
    assert len(TABLES.torch) >= 40


@pytest.mark.parametrize("row", EVERY_ROW, ids=lambda row: f"{type(row).__name__} {getattr(row, 'version', row)!s:.20}")
def test_every_row_cites_where_it_is_from(row: Any) -> None:
    provenance = row.provenance
    assert all(source.strip() for source in provenance.source)
    if provenance.confidence == "measured":
        evidence = (*provenance.source, provenance.tested or "")
        assert any(word in text for text in evidence for word in ("wheel", "ELF"))
    if provenance.confidence == "seen in listing":
        assert any("listing" in source for source in provenance.source)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.toml")), ids=lambda file: file.name)
def test_the_tables_name_no_registry_and_no_path_of_a_machine(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert re.findall(r"pypi|pythonhosted|/home/|/root/|/tmp/|/work/", text, flags=re.IGNORECASE) == []


@pytest.mark.parametrize(
    "row", [*TABLES.ipex, *TABLES.oneccl, *TABLES.torch], ids=lambda row: f"{type(row).__name__} {row.version}"
)
def test_dates_platforms_and_pythons_are_well_formed(row: IpexRelease | OneCclRelease | TorchRelease) -> None:
    assert row.date is None or re.fullmatch(r"20\d\d-[01]\d-[0-3]\d", row.date)
    assert all(read_platform(tag) is not None for tag in row.platforms)
    assert list(row.python) == sorted(set(row.python))
    assert all(len(version.release) == 2 for version in row.python)


@each_ipex
def test_the_index_never_has_more_pythons_than_there_are(release: IpexRelease) -> None:
    assert set(release.python_on_index) <= set(release.python)


@each_ipex
def test_the_pinned_torch_is_one_it_serves_and_knows_as_a_row(release: IpexRelease) -> None:
    if release.torch_pinned is None:
        assert release.broken is not None
        return
    assert release.torch.contains(release.torch_pinned)
    torch = TORCH[release.torch_pinned]
    assert set(release.python) <= set(torch.python)
    assert release.cxx11_abi == torch.cxx11_abi


@each_ipex
def test_glibc_is_what_the_platform_tag_promises(release: IpexRelease) -> None:
    promised = read_platform(release.platforms[0])
    assert promised is not None
    assert release.glibc == promised.libc_version


@each_ipex
def test_wheels_off_the_index_are_plain_linux_with_a_local_label(release: IpexRelease) -> None:
    if release.version >= Version("1.10"):
        assert "linux_x86_64" in release.platforms
        assert release.local_suffix == "+cpu"
    assert bool(release.python_on_index) == release.platforms[0].startswith("manylinux")


def test_yanked_are_those_on_the_index_before_2_6() -> None:
    yanked = {release.version for release in TABLES.ipex if release.yanked is not None}
    assert yanked == {r.version for r in TABLES.ipex if r.python_on_index and r.version < Version("2.6")}
    assert {release.yanked for release in TABLES.ipex} == {None, "for security.", "functional issues", ""}


def test_broken_are_the_two_that_only_the_index_knows() -> None:
    broken = [release for release in TABLES.ipex if release.broken is not None]
    assert [release.version for release in broken] == versions("1.11.100 1.12.200")
    assert all(not release.sources for release in broken)


def test_facts_of_the_libraries() -> None:
    def having(**facts: Any) -> list[Version]:
        return [r.version for r in TABLES.ipex if all(getattr(r, name) == value for name, value in facts.items())]

    assert having(execstack=True) == versions("2.1.0 2.1.100 2.2.0 2.3.0 2.3.100 2.4.0 2.5.0 2.6.0 2.7.0")
    assert having(glibcxx=Version("3.4.30")) == versions("2.6.0 2.7.0")
    assert having(cxx11_abi=True) == versions("2.7.0 2.8.0")
    assert having(min_isa=IsaLevel.AVX512) == versions("1.8.0 1.9.0 1.10.0 1.10.100 1.12.0")
    assert [r.version for r in TABLES.ipex if "libxml2.so.2" in r.needed_libs] == versions("1.13.0")
    assert [r.version for r in TABLES.ipex if "libpython" in r.needed_libs] == versions("2.3.0")
    assert having(torch_check="attribute-error") == versions("2.6.0 2.7.0 2.8.0")


def test_names_changed_with_1_10_and_1_12() -> None:
    assert [(r.package, r.import_name) for r in TABLES.ipex[:2]] == [
        ("torch_ipex", "intel_pytorch_extension"),
        ("torch_ipex", "torch_ipex"),
    ]
    assert {(r.package, r.import_name) for r in TABLES.ipex[2:]} == {("intel_extension_for_pytorch",) * 2}
    for release in TABLES.oneccl:
        old = release.version < Version("1.12")
        assert release.import_name == ("torch_ccl" if old else "oneccl_bindings_for_pytorch")


def test_one_release_of_each_is_the_last() -> None:
    for releases in (TABLES.ipex, WHEELS_FOR_CPU):
        last = [release for release in releases if release.last]
        assert last == [max(releases, key=lambda release: release.version)]
    assert not any(release.last for release in TABLES.oneccl if release not in WHEELS_FOR_CPU)


@pytest.mark.parametrize(
    ("torch", "bindings"),
    [
        ("1.9.0", ""),
        ("1.10.0", "1.10.0"),
        ("1.11.0", "1.11.0"),
        ("1.12.0", "1.12.0"),
        ("1.12.1", "1.12.100"),
        ("1.13.0", "1.13.0"),
        ("1.13.1", "1.13.0"),
        ("2.0.0", "2.0.0"),
        ("2.0.1", "2.0.0"),
        ("2.1.0", "2.1.0"),
        ("2.1.2", "2.1.0"),
        ("2.2.0", "2.2.0"),
        ("2.3.0", "2.3.0"),
        ("2.4.0", "2.4.0"),
        ("2.5.0", "2.5.0"),
        ("2.6.0", "2.6.0"),
        ("2.7.0", "2.7.0"),
        ("2.8.0", ""),
        ("2.13.0", ""),
    ],
)
def test_each_torch_has_its_bindings_for_cpu(torch: str, bindings: str) -> None:
    found = [release.version for release in WHEELS_FOR_CPU if serves(release, Version(torch))]
    assert found == versions(bindings)


@each_oneccl
def test_bindings_have_wheels_or_say_that_they_have_none(release: OneCclRelease) -> None:
    assert release.wheel == bool(release.python) == bool(release.platforms) == bool(release.sources)
    if release.wheel:
        assert release.local_suffix == ("+cpu" if release.cpu else "+xpu")
        torch = [row for row in TABLES.torch if serves(release, row.version)]
        assert torch
        assert all(set(release.python) <= set(row.python) for row in torch)


@each_ipex
def test_the_bindings_that_a_release_names_exist_for_its_torch(release: IpexRelease) -> None:
    if release.oneccl is not None:
        named = next(row for row in WHEELS_FOR_CPU if row.version == release.oneccl)
        assert release.torch_pinned is not None
        assert serves(named, release.torch_pinned)


@each_torch
def test_torch_below_2_3_wants_numpy_1(release: TorchRelease) -> None:
    assert release.numpy.contains("2.0.0") == (release.version >= Version("2.3"))
    assert release.numpy.contains("1.26.4")


def test_torch_got_the_new_cxx_abi_with_2_7() -> None:
    assert all(release.cxx11_abi == (release.version >= Version("2.7")) for release in TABLES.torch)
    early = {release.version for release in TABLES.torch if "cu126" in release.cxx11_abi_builds}
    assert early == {Version("2.6.0")}


def test_partners_of_torch_rise_with_it() -> None:
    for name in ("torchvision", "torchaudio"):
        partners = [partner for release in TABLES.torch if (partner := getattr(release, name)) is not None]
        assert partners == sorted(set(partners))
    assert TORCH[Version("1.10.0")].torchvision == Version("0.11.1")
    assert TORCH[Version("2.8.0")].torchvision == Version("0.23.0")


def test_sources_that_are_asked_can_be_asked() -> None:
    asked = [source for source in TABLES.sources if source.ask]
    assert [source.name for source in asked] == ["pytorch-cpu", "intel-us", "intel-cn"]
    assert all(source.url.startswith("https://") and source.kind != "files" for source in asked)
    assert all(source.state in {"serving", "partly"} for source in asked)


def test_sources_serve_projects_by_their_normal_names() -> None:
    for source in TABLES.sources:
        assert source.serves
        assert all(name == canonicalize_name(name) for name in source.serves)
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", source.name)
        assert re.fullmatch(r"20\d\d-[01]\d-[0-3]\d", source.state_seen)


@pytest.mark.parametrize(
    "release", [*TABLES.ipex, *TABLES.oneccl], ids=lambda release: f"{type(release).__name__} {release.version}"
)
def test_a_release_names_sources_that_serve_its_project(release: IpexRelease | OneCclRelease) -> None:
    for name in release.sources:
        assert canonicalize_name(release.package) in SOURCES[name].serves


def test_flags_end_after_they_begin() -> None:
    for flag in TABLES.flags:
        life: Sequence[Version | None] = (flag.added, flag.deprecated, flag.no_effect, flag.removed)
        known = [version for version in life if version is not None]
        assert known == sorted(known)
        assert known


def test_the_flags_that_scripts_of_the_time_use_are_there() -> None:
    names = {(flag.framework, flag.name) for flag in TABLES.flags}
    assert {
        ("transformers", "--use_ipex"),
        ("transformers", "--bf16"),
        ("transformers", "--fp16"),
        ("transformers", "--no_cuda"),
        ("transformers", "--use_cpu"),
        ("transformers", "--xpu_backend"),
        ("transformers", "--ddp_backend"),
        ("transformers", "--ddp_backend ccl"),
        ("accelerate", "ccl"),
        ("accelerate", "ipex"),
        ("accelerate", "launch mpirun"),
    } <= names


NEW_ROW = """
[[ipex]]
version = "2.9.0"
torch = "2.9.*"
torch_pinned = "2.9.0"
python = ["3.12", "3.13"]
platforms = ["manylinux_2_28_x86_64"]
min_isa = "avx2"
source = ["made up for this test"]
confidence = "inferred"
"""


def test_adding_a_release_is_adding_a_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(FOLDER, tmp_path / "mine")
    with (tmp_path / "mine" / "ipex.toml").open("a", encoding="utf-8") as file:
        file.write(NEW_ROW)
    world = World(runner=FakeRunner(), http=FakeHttp(), kernel=FakeKernel(), env={}, root=tmp_path, directory=tmp_path)
    assert cli.main(["matrix", "--tables", "mine", "--torch", "2.9", "--json"], world=world) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    assert [(row["ipex"], row["torch_served"], row["torchvision"]) for row in data["matrix"]] == [
        ("2.9.0", ["2.9.0", "2.9.1"], "0.24.0")
    ]
    assert cli.main(["matrix", "--torch", "2.9", "--json"], world=world) == 1


def test_an_added_row_is_chosen_like_any_other(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "mine")
    with (tmp_path / "mine" / "ipex.toml").open("a", encoding="utf-8") as file:
        file.write(NEW_ROW)
    facts = Facts(host=Host(libc=Libc(family="glibc", version=Version("2.39"))), target=Target(version=Version("3.12")))
    request = Request(torch=SpecifierSet("==2.9.*"))
    resolution = solve(facts, request, load_tables(tmp_path / "mine"), Market())
    assert [(pin.name, str(pin.version)) for pin in resolution.pins[:2]] == [
        ("torch", "2.9.0"),
        ("intel_extension_for_pytorch", "2.9.0"),
    ]
    with pytest.raises(AnswerIsNo):
        solve(facts, request, TABLES, Market())


HASHES = toml.loads((FOLDER / "hashes.toml").read_text(encoding="utf-8"))["files"]
NAMES = [parse_wheel_filename(name) for name in HASHES]


def pythons_of(project: str, version: Version) -> set[str]:
    """Return the Python tags for which a file of a release is known."""
    tags = [tag for name, own, _, tags in NAMES if (name, own) == (project, version) for tag in tags]
    return {tag.interpreter for tag in tags}


def tag_of(python: Version) -> str:
    return f"cp{python.major}{python.minor}"


def test_every_known_file_is_a_wheel_for_linux_of_a_release_in_the_tables() -> None:
    releases = {("torch", row.version) for row in TABLES.torch}
    releases |= {(canonicalize_name(row.package), row.version) for row in TABLES.ipex}
    for name, version, _, tags in NAMES:
        assert (name, version) in releases
        assert {tag.platform.rpartition("linux")[1] for tag in tags} == {"linux"}
        assert all(tag.platform.endswith("_x86_64") for tag in tags)
    assert len({sha256 for sha256, _ in HASHES.values()}) == len(HASHES)


@each_ipex
def test_every_ipex_of_the_index_is_known_by_its_hash(release: IpexRelease) -> None:
    known = pythons_of(canonicalize_name(release.package), release.version)
    assert known == {tag_of(python) for python in release.python_on_index}


@each_torch
def test_every_torch_is_known_by_its_hash_for_each_python(release: TorchRelease) -> None:
    assert pythons_of("torch", release.version) >= {tag_of(python) for python in release.python} - {"cp36"}


@pytest.mark.slow
def test_wheel_and_sdist_bring_the_tables_along(tmp_path: Path) -> None:
    def run(*words: str, cwd: Path = tmp_path) -> str:
        ended = subprocess.run(words, cwd=cwd, check=False, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    # From a copy: building leaves nothing in the checkout.
    tracked = [name for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md") if (ROOT / name).exists()]
    copy = tmp_path / "copy"
    for folder in ("ipexenv", "compat"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in tracked:
        shutil.copy(ROOT / name, copy / name)
    run(sys.executable, "-m", "build", "--outdir", str(tmp_path / "dist"), str(copy))
    (sdist,) = (tmp_path / "dist").glob("*.tar.gz")
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with tarfile.open(sdist) as archive:
        packed = {Path(name).name for name in archive.getnames() if Path(name).match("*/compat/*.toml")}
    assert packed == {file.name for file in FOLDER.glob("*.toml")}

    shutil.rmtree(copy)
    run(sys.executable, "-m", "venv", str(tmp_path / "venv"))
    python = str(tmp_path / "venv" / "bin" / "python")
    run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", str(wheel))
    script = "from ipexenv.tables.load import load_tables as l; t = l(); print(t.origin, len(t.ipex), len(t.sources))"
    origin, ipex, sources = run(python, "-c", script).split()
    script = "from ipexenv.bridge.own_files import own_files as o; print(sorted(o('0')))"
    assert run(python, "-c", script).strip() == str(sorted(own_files(Version("0")))), "what the bridge is made from"
    assert Path(origin).is_relative_to(tmp_path / "venv")
    assert (int(ipex), int(sources)) == (len(TABLES.ipex), len(TABLES.sources))
    document = json.loads(run(str(tmp_path / "venv" / "bin" / "ipexenv"), "matrix", "--torch", "2.8", "--json"))
    assert [row["ipex"] for row in document["data"]["matrix"]] == ["2.8.0"]
