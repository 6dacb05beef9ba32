from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from ipexenv import toml
from ipexenv.reading import MalformedError
from ipexenv.tables.bridge import BridgeRelease, is_bridge

ROW: dict[str, Any] = toml.loads((Path(__file__).parents[3] / "compat" / "bridge.toml").read_text("utf-8"))["bridge"][0]


def read(row: dict[str, Any]) -> BridgeRelease:
    return BridgeRelease.from_mapping(row, where="bridge.toml [[bridge]] 2022.2.0")


def test_the_version_is_marked_as_the_bridge_s() -> None:
    release = read(ROW)
    assert str(release.version) == "2022.2.0+ipexenv.bridge.1"
    assert release.projects == ("oneccl", "oneccl-cpu", "impi-rt")
    assert is_bridge(release.version)
    assert not is_bridge(Version("2.7.0+cpu"))


def test_everything_that_the_backend_loads_is_in_it() -> None:
    places = {file.to for part in read(ROW).parts for file in part.files}
    assert {"lib/libccl.so.2", "lib/libccl.so.1", "lib/libccl_legacy_cpu.so", "lib/libfabric.so.1"} <= places
    assert {place.partition("/")[0] for place in places} == {"lib", "licenses"}


def test_it_stays_small() -> None:
    release = read(ROW)
    assert sum(file.size_bytes for part in release.parts for file in part.files) < 40_000_000


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda row: row.update(revision=0), "revision is 0, expected a number from 1 on"),
        (lambda row: row.update(payload_sha256="abc"), "payload_sha256 is 'abc', expected 64 lower-case"),
        (lambda row: row.update(platform="linux x86"), "platform is 'linux x86', expected a platform tag"),
        (lambda row: row.update(part=[]), "part is \\[\\], expected the wheels that the bridge is made of"),
        (lambda row: row.update(extra=1), "extra"),
        (lambda row: row["part"][0].update(sha256="abc"), "sha256 is 'abc', expected 64 lower-case"),
        (lambda row: row["part"][0].update(sha256="A" * 64), "sha256 is 'AAAA"),
        (lambda row: row["part"][0].update(size_bytes=0), "size_bytes is 0, expected a number of bytes"),
        (lambda row: row["part"][0].update(size_bytes=-1), "size_bytes is -1"),
        (
            lambda row: row["part"][0].update(filename="../x.whl"),
            "filename is '../x.whl', expected the name of a wheel",
        ),
        (lambda row: row["part"][0].update(project="other"), "expected the name of a wheel of other 2022.2.0"),
        (lambda row: row["part"][0].update(version="1.0"), "expected the name of a wheel of oneccl 1.0"),
        (lambda row: row["part"][0]["file"][0].update(to="lib/../../evil"), "to is 'lib/../../evil', expected a place"),
        (lambda row: row["part"][0]["file"][0].update(to="/etc/passwd"), "to is '/etc/passwd', expected a place"),
        (
            lambda row: row["part"][0]["file"][0].update(to="engine.py"),
            "to is 'engine.py', expected a place below lib/",
        ),
        (lambda row: row["part"][0]["file"][0].update(to="lib/a\nb"), "expected a place below lib/"),
        (
            lambda row: row["part"][1]["file"][0].update(to="lib/libccl.so.2"),
            "to is 'lib/libccl.so.2', expected a place",
        ),
        (lambda row: row["mpi"].pop("filename"), "filename"),
    ],
)
def test_a_row_of_which_no_wheel_could_be_made_is_refused(change: Any, words: str) -> None:
    row = copy.deepcopy(ROW)
    change(row)
    with pytest.raises(MalformedError, match=words):
        read(row)
