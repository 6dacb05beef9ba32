"""`ipexenv matrix`: whole output, for people and machines."""

from __future__ import annotations

import csv
import io
import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from ipexenv import cli
from ipexenv.system.world import World
from ipexenv.tables.load import PACKAGE, find_tables, load_tables
from tests.fakes import FakeHttp, FakeKernel, FakeRunner

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Said = tuple[int, str, str]
    Say = Callable[..., Said]


@pytest.fixture
def env() -> dict[str, str]:
    return {"COLUMNS": "120"}


@pytest.fixture
def say(tmp_path: Path, env: dict[str, str], capsys: pytest.CaptureFixture[str]) -> Say:
    """Run `ipexenv matrix` with words; return exit code, stdout and stderr."""
    world = World(runner=FakeRunner(), http=FakeHttp(), kernel=FakeKernel(), env=env, root=tmp_path, directory=tmp_path)

    def run(*words: str) -> Said:
        code = cli.main(["matrix", *words], world=world)
        out, err = capsys.readouterr()
        return code, "".join(line.rstrip() + "\n" for line in out.splitlines()), err

    return run


def data_of(said: Said) -> dict[str, Any]:
    code, out, err = said
    assert (code, err) == (0, "")
    envelope = json.loads(out)
    assert (envelope["command"], envelope["status"], envelope["problems"]) == ("matrix", "ok", [])
    data: dict[str, Any] = envelope["data"]
    return data


def test_the_table_for_one_torch(say: Say) -> None:
    assert say("--torch", "1.12.1") == (
        0,
        """\
IPEX releases for CPU with torch 1.12.1

 IPEX      torch   best    vision  audio   bindings  Python    glibc  C++ lib  ISA     ABI  remarks
 ─────────────────────────────────────────────────────────────────────────────────────────────────────────
 1.12.0    1.12.*  1.12.1  0.13.1  0.12.1  1.12.100  3.7-3.10  2.17   3.4.19   avx512  old  yanked
 1.12.100  1.12.*  1.12.1  0.13.1  0.12.1  1.12.100  3.7-3.10  2.17   3.4.19   avx2    old  yanked
 1.12.200  1.12.*  1.12.1  0.13.1  0.12.1  1.12.100  3.7-3.10  2.17   3.4.19   avx2    old  broken, yanked
 1.12.300  1.12.*  1.12.1  0.13.1  0.12.1  1.12.100  3.7-3.10  2.17   3.4.19   avx2    old  yanked

best       the torch to take: that of its own build if it is wanted, else the newest; vision and audio go with it
bindings   the oneCCL bindings; in brackets the torch that they are for, where they differ in that
C++ lib    the newest GLIBCXX symbol that it needs
ABI        the C++ ABI, which that of torch must equal
broken     never works, for anyone
yanked     withdrawn on the package index; installed only with --allow-yanked
""",
        "",
    )


def test_bindings_that_differ_in_their_torch_say_so(say: Say) -> None:
    _, out, _ = say("--torch", "1.12", "--target-python", "3.10")
    assert out.startswith("IPEX releases for CPU with torch 1.12, Python 3.10\n")
    assert "1.12.0 (1.12.0)" in out
    assert "1.12.100 (1.12.1)" in out


def test_the_whole_table_has_every_release_within_the_width(say: Say) -> None:
    code, out, err = say()
    assert (code, err) == (0, "")
    lines = out.splitlines()
    shown = [line.split()[0] for line in lines[4:] if line.startswith((" 1.", " 2."))]
    assert shown == [str(release.version) for release in load_tables().ipex]
    assert max(map(len, lines)) <= 120
    assert "last       development ended with it" in lines
    assert "execstack  asks for an executable stack, which glibc 2.41 and newer refuse" in lines


def test_verbose_adds_notes_and_sources(say: Say) -> None:
    _, out, _ = say("--torch", "1.11", "-v")
    assert "IPEX 1.11.100 (measured)" in out
    assert "  broken: the import crashes (SIGSEGV)" in out
    assert "  yanked: functional issues" in out
    assert "  tested: AMD EPYC with AVX2 only" in out
    assert "  from package index listing, read" in out


def test_markdown(say: Say) -> None:
    assert say("--torch", "2.8", "--markdown") == (
        0,
        (
            "| IPEX | torch | best | vision | audio | bindings | bridge | Python | glibc "
            "| C++ lib | ISA | ABI | remarks |\n"
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
            "| 2.8.0 | 2.8.* | 2.8.0 | 0.23.0 | 2.8.0 | - | 2022.2.0 | 3.9-3.13 | 2.28 | 3.4.22 | avx2 | new | last |\n"
        ),
        "",
    )


def test_csv(say: Say) -> None:
    code, out, err = say("--csv", "--target-python", "3.10")
    assert (code, err) == (0, "")
    rows = {row["ipex"]: row for row in csv.DictReader(io.StringIO(out))}
    assert rows["1.12.300"] == {
        "ipex": "1.12.300",
        "package": "intel_extension_for_pytorch",
        "import_name": "intel_extension_for_pytorch",
        "torch": "==1.12.*",
        "torch_pinned": "1.12.0",
        "torch_served": "1.12.0 1.12.1",
        "torchvision": "0.13.0",
        "torchaudio": "0.12.0",
        "bindings": "1.12.0 1.12.100",
        "bindings_torch": "1.12.0:1.12.0 1.12.100:1.12.1",
        "bridge": "",
        "python": "3.7 3.8 3.9 3.10",
        "python_on_index": "3.7 3.8 3.9 3.10",
        "platforms": "manylinux2014_x86_64 linux_x86_64",
        "glibc": "2.17",
        "glibcxx": "3.4.19",
        "min_isa": "avx2",
        "cxx11_abi": "false",
        "execstack": "false",
        "needed_libs": "",
        "broken": "",
        "yanked": "for security.",
        "last": "false",
        "date": "2022-08-30",
        "confidence": "measured",
    }
    assert rows["1.12.200"]["yanked"] == "no reason given"
    assert rows["2.8.0"]["yanked"] == ""
    assert "1.8.0" not in rows


def test_json_holds_every_table_with_sources_and_confidence(say: Say) -> None:
    data = data_of(say("--json"))
    tables = load_tables()
    for kind in ("ipex", "oneccl", "torch", "flags", "frameworks", "sources"):
        assert len(data[kind]) == len(getattr(tables, kind))
        assert all(row["source"] and row["confidence"] for row in data[kind])
    assert data["filters"] == {"torch": None, "target_python": None, "platform": None}
    assert data["origin"] == tables.origin
    assert [row["ipex"] for row in data["matrix"]] == [row["version"] for row in data["ipex"]]
    assert data["oneccl"][-1]["cpu"] is False


def test_json_is_filtered_like_the_table(say: Say) -> None:
    data = data_of(say("--json", "--torch", "1.12.1"))
    assert {tuple(row["bindings"]) for row in data["matrix"]} == {("1.12.100",)}
    assert [row["version"] for row in data["oneccl"]] == ["1.12.100"]
    assert [row["version"] for row in data["torch"]] == ["1.12.1"]
    assert data["matrix"][0]["bindings_torch"] == {"1.12.100": ["1.12.1"]}


@pytest.mark.parametrize(
    ("platform", "oldest", "newest"),
    [
        ("linux_x86_64", "1.8.0", "2.8.0"),
        ("manylinux2014_x86_64", "1.8.0", "2.5.0"),
        ("manylinux_2_27_x86_64", "1.8.0", "2.5.0"),
        ("manylinux_2_28_x86_64", "1.8.0", "2.8.0"),
        ("manylinux_2_39_x86_64", "1.8.0", "2.8.0"),
    ],
)
def test_a_platform_is_a_machine(say: Say, platform: str, oldest: str, newest: str) -> None:
    shown = [row["ipex"] for row in data_of(say("--json", "--platform", platform))["matrix"]]
    assert (shown[0], shown[-1]) == (oldest, newest)


@pytest.mark.parametrize("platform", ["linux_aarch64", "win_amd64", "musllinux_1_2_x86_64", "macosx_11_0_arm64"])
def test_no_release_runs_elsewhere(say: Say, platform: str) -> None:
    code, out, err = say("--platform", platform)
    assert (code, out) == (1, "")
    assert err == (
        f"error: no IPEX release matches platform {platform} [nothing-matches]\n"
        f"  because platform {platform} leaves nothing\n"
        "\n"
        "hint: `ipexenv matrix` without filters shows every release\n"
    )


def test_torch_without_ipex_points_to_the_native_stack(say: Say) -> None:
    code, out, err = say("--torch", "2.13")
    assert (code, out) == (1, "")
    assert err == (
        "error: no IPEX release matches torch 2.13 [nothing-matches]\n"
        "  because torch 2.13 leaves nothing\n"
        "\n"
        "hint: `ipexenv resolve --stack native --torch 2.13` takes stock torch without IPEX\n"
    )


def test_what_each_filter_leaves_is_said_where_nothing_is_left(say: Say) -> None:
    code, _, err = say("--torch", "2.8", "--target-python", "3.7")
    assert code == 1
    assert "error: no IPEX release matches torch 2.8 and Python 3.7 [nothing-matches]\n" in err
    assert "  because torch 2.8 leaves 2.8.0\n" in err
    assert "  because Python 3.7 leaves 1.8.0, 1.9.0, 1.10.0" in err


def test_nothing_is_also_an_answer_in_json(say: Say) -> None:
    code, out, err = say("--torch", "2.13", "--json")
    assert (code, err) == (1, "")
    envelope = json.loads(out)
    assert (envelope["status"], envelope["problems"][0]["code"]) == ("no", "nothing-matches")
    assert (envelope["data"]["matrix"], envelope["data"]["torch"][0]["version"]) == ([], "2.13.0")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--torch", "new"), "--torch 'new' is not a version"),
        (("--target-python", "three"), "--target-python 'three' is not a Python version"),
        (("--target-python", "3"), "--target-python '3' is not a Python version"),
        (("--platform", "x86"), "--platform 'x86' is not a platform tag"),
        (("--markdown", "--csv"), "not allowed with argument"),
        (("--json", "--csv"), "--json and --csv are two formats of one answer"),
        (("--json", "--markdown"), "--json and --markdown are two formats of one answer"),
    ],
)
def test_usage_errors_name_the_word(say: Say, words: tuple[str, ...], message: str) -> None:
    code, out, err = say(*words)
    assert code == 2
    assert message in (out if "--json" in words else err)


def test_a_patch_of_python_is_read_as_its_minor(say: Say) -> None:
    assert say("--target-python", "3.12.7", "--csv") == say("--target-python", "3.12", "--csv")


class TestWithVariables:
    @pytest.fixture
    def env(self) -> dict[str, str]:
        return {"COLUMNS": "120", "IPEXENV_TORCH": "2.8"}

    def test_a_filter_that_a_variable_sets_is_shown(self, say: Say) -> None:
        assert say()[1].startswith("IPEX releases for CPU with torch 2.8\n")


def test_tables_of_ones_own(say: Say, tmp_path: Path) -> None:
    shutil.copytree(find_tables(PACKAGE), tmp_path / "mine")
    assert data_of(say("--tables", "mine", "--json"))["origin"] == str(tmp_path / "mine")


def test_a_bad_table_is_a_usage_error_that_names_it(say: Say, tmp_path: Path) -> None:
    shutil.copytree(find_tables(PACKAGE), tmp_path / "mine")
    file = tmp_path / "mine" / "sources.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('kind = "simple"', 'kind = "page"', 1), encoding="utf-8")
    assert say("--tables", "mine") == (
        2,
        "",
        (
            "error: sources.toml [[source]] pytorch-cpu: kind is 'page', expected one of simple, find-links, files "
            "[bad-table]\n"
            f"  because it was read from {tmp_path / 'mine'}\n"
            "\n"
            "hint: correct that row; the keys are described in ipexenv/tables\n"
        ),
    )
