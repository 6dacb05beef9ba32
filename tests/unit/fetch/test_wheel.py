"""Sound wheels are understood, and every way to deceive an installer is refused with its reason."""

from __future__ import annotations

import dataclasses
import hashlib
import zipfile
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest
from packaging.tags import Tag
from packaging.utils import parse_wheel_filename
from packaging.version import Version

from ipexenv.errors import OutsideError
from ipexenv.fetch.cache import Cache
from ipexenv.fetch.job import Fetched
from ipexenv.fetch.wheel import read_wheel, read_wheels
from ipexenv.ruling import Offer
from tests.unit.fetch import evil_wheels as evil
from tests.unit.fetch.evil_wheels import INFO, Entry, Recipe
from tests.wheels import fake_bindings, fake_ipex, fake_torch

if TYPE_CHECKING:
    from pathlib import Path

    from ipexenv.fetch.wheel import WheelContents

SOUND = Recipe()


def offer_for(filename: str, **parts: object) -> Offer:
    project, version, _build, _tags = parse_wheel_filename(filename)
    offer = Offer(project=project, version=version, filename=filename, url="https://x.invalid/x", source="here")
    return dataclasses.replace(offer, **parts)  # type: ignore[arg-type]  # fields of Offer


def read(folder: Path, wheel: bytes, filename: str = evil.FILENAME, **more: object) -> WheelContents:
    path = folder / filename
    path.write_bytes(wheel)
    return read_wheel(path, offer_for(filename), **more)  # type: ignore[arg-type]  # options of read_wheel


def reason(
    folder: Path, wheel: bytes, filename: str = evil.FILENAME, *, code: str = "bad-wheel", deep: bool = True
) -> str:
    with pytest.raises(OutsideError) as caught:
        read(folder, wheel, filename, deep=deep)
    assert caught.value.code == code
    assert caught.value.message == f"{filename} from here is refused"
    (cause,) = caught.value.causes
    return cause


def test_what_a_wheel_brings(tmp_path: Path) -> None:
    found = read(tmp_path, SOUND.build())
    assert (found.project, found.version) == ("demo", Version("1.0"))
    assert found.tags == {Tag("py3", "none", "any")}
    assert found.purelib
    assert found.scripts == ("demo", "demo-tool")
    assert (found.requires, found.requires_python) == (("numpy<2",), ">=3.8")
    assert [(point.group, point.name) for point in found.entry_points] == [
        ("console_scripts", "demo"),
        ("torch.backends", "ccl"),
    ]
    places = {(file.destination.scheme, file.destination.path): file for file in found.files}
    assert places["purelib", "demo/__init__.py"].size_bytes == len(evil.CODE)
    assert places["purelib", "demo/__init__.py"].record.digest == hashlib.sha256(evil.CODE).digest()
    assert places["purelib", "demo/run.sh"].executable
    assert ("scripts", "demo-tool") in places
    assert ("purelib", f"{INFO}/RECORD") in places
    assert found.unpacked_bytes > found.packed_bytes / 10


def test_wheels_with_true_names_are_read(tmp_path: Path) -> None:
    wheels = (fake_torch(tmp_path, "2.8.0", "3.11"), fake_ipex(tmp_path, "2.8.0", "3.11"))
    for wheel in (*wheels, fake_bindings(tmp_path, "1.12.0", "3.8")):
        found = read_wheel(wheel, offer_for(wheel.name))
        assert (found.filename, found.purelib) == (wheel.name, False)


@pytest.mark.parametrize(
    "platform", ["manylinux1_x86_64", "manylinux_2_28_x86_64", "manylinux_2_17_x86_64.manylinux2014_x86_64"]
)
def test_a_linux_wheel_that_was_renamed_to_manylinux_is_taken(tmp_path: Path, platform: str) -> None:
    """As released: torch 1.12.1, IPEX 2.8.0."""
    recipe = dataclasses.replace(SOUND, wheel=evil.WHEEL.replace("py3-none-any", "cp310-cp310-linux_x86_64"))
    assert len(read(tmp_path, recipe.build(), f"demo-1.0-cp310-cp310-{platform}.whl").files) == 7


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ("py3-none-any", "cp310-cp310-linux_x86_64"),
        ("cp310-cp310-linux_x86_64", "cp311-cp311-linux_x86_64"),
        ("cp310-cp310-linux_aarch64", "cp310-cp310-manylinux2014_x86_64"),
        ("cp310-cp310-manylinux2014_x86_64", "cp310-cp310-linux_x86_64"),
        ("cp310-cp310-win_amd64", "cp310-cp310-linux_x86_64"),
        ("", "py3-none-any"),
    ],
)
def test_other_tags_than_the_name_has_are_refused(tmp_path: Path, inside: str, outside: str) -> None:
    wheel = evil.WHEEL.replace("Tag: py3-none-any\n", f"Tag: {inside}\n" if inside else "")
    text = reason(tmp_path, dataclasses.replace(SOUND, wheel=wheel).build(), f"demo-1.0-{outside}.whl")
    assert text == f"its WHEEL is for {inside or 'nothing'}, and its file name for {outside}"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../evil.py", "leads out of its folder"),
        ("demo/../../evil.py", "leads out of its folder"),
        ("demo/./x.py", "leads out of its folder"),
        ("demo//x.py", "leads out of its folder"),
        ("/etc/cron.d/evil", "is an absolute path"),
        ("C:/evil.py", "is an absolute path"),
        ("..\\evil.py", "holds a backslash"),
        ("demo/a\nb.py", "holds control characters"),
        ("demo/a\x1b[31m.py", "holds control characters"),
        ("demo/" + "a" * 300, "a path of 305 bytes is too long"),
        ("demo-1.0.data/scripts/../../evil", "leads out of its folder"),
        ("demo-1.0.data/scripts/sub/evil", "the script sub/evil lies in a folder"),
        ("demo-1.0.data/platform/evil", "is of no known installation scheme"),
        ("demo-1.0.data/evil", "is of no known installation scheme"),
        ("other-1.0.data/scripts/evil", "other-1.0.data is not of demo 1.0"),
        ("torch-9.0.dist-info/METADATA", "it has 2 .dist-info folders, and must have one"),
        ("demo-1.0.data/purelib/torch-9.0.dist-info/METADATA", "metadata of another distribution"),
        ("demo-1.0.data/data/lib/python3.11/site-packages/Torch-9.0.DIST-INFO/METADATA", "metadata of another"),
        ("demo-1.0.data/platlib/demo/__init__.py", "demo/__init__.py would be installed twice"),
        ("demo/__init__.py", "demo/__init__.py is there twice"),
        ("demo/__INIT__.py", "demo/__INIT__.py and demo/__init__.py are one file where case does not count"),
        ("demo/__init__.py/x", "is a file, and demo/__init__.py/x takes it for a folder"),
        ("demo/__init__.py/", "is a file, and demo/__init__.py/ takes it for a folder"),
    ],
)
@pytest.mark.parametrize("deep", [True, False])
def test_names_that_no_installer_may_follow(tmp_path: Path, name: str, words: str, *, deep: bool) -> None:
    data = b"" if name.endswith("/") else b"x = 1\n"
    with pytest.warns(UserWarning, match="Duplicate") if name == "demo/__init__.py" else nullcontext():
        wheel = SOUND.adding(Entry(name=name, data=data, recorded=name != "demo/__init__.py")).build()
    assert words in reason(tmp_path, wheel, deep=deep)


def test_a_name_with_a_null_byte_is_not_what_it_seems(tmp_path: Path) -> None:
    wheel = SOUND.build().replace(b"demo/run.sh", b"demo/ru\0.sh")
    assert "holds control characters" in reason(tmp_path, wheel)


@pytest.mark.parametrize(
    ("mode", "words"), [(0o120777, "a symbolic link"), (0o020644, "a special file"), (0o010644, "a special file")]
)
def test_links_and_devices_are_refused(tmp_path: Path, mode: int, words: str) -> None:
    wheel = SOUND.adding(Entry(name="demo/link", data=b"/etc/passwd", mode=mode)).build()
    assert reason(tmp_path, wheel) == f"demo/link is {words}"


def test_folders_are_let_be(tmp_path: Path) -> None:
    wheel = SOUND.adding(Entry(name="demo/sub/", data=b"", mode=0o040755, recorded=False)).build()
    assert "demo/sub/" not in {file.name for file in read(tmp_path, wheel).files}


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"record": f"{INFO}/RECORD,,\n"}, "its RECORD does not list "),
        ({"record_extra": f"demo/ghost.py,{evil.hashed(b'')},0"}, "its RECORD lists demo/ghost.py, which is not there"),
        ({"record_extra": f"../../ghost.py,{evil.hashed(b'')},0"}, "which is not there"),
        ({"record_extra": "demo/run.sh,,"}, "its RECORD lists demo/run.sh twice"),
        ({"record_extra": "too,many,columns,here"}, "its RECORD has a line of 4 columns"),
        ({"record_extra": '"'}, "its RECORD cannot be read"),
        ({"stamps": {"demo/run.sh": "demo/run.sh,,"}}, "its RECORD gives no hash for demo/run.sh"),
        (
            {"stamps": {"demo/run.sh": f"demo/run.sh,{evil.hashed(b'x = 1' + bytes(1))},6"}},
            "another hash for demo/run.sh",
        ),
        ({"stamps": {"demo/run.sh": f"demo/run.sh,{evil.hashed(b'x')},7"}}, "gives demo/run.sh 7 bytes, and it has 6"),
        ({"stamps": {"demo/run.sh": "demo/run.sh,md5=AAAAAAAAAAAAAAAAAAAAAA,6"}}, "which is none of SHA-256 or better"),
        ({"stamps": {"demo/run.sh": "demo/run.sh,sha256=!!!,6"}}, "which is none of SHA-256 or better"),
        ({"stamps": {"demo/run.sh": f"demo/run.sh,{evil.hashed(b'x')},-6"}}, "the size '-6'"),
    ],
)
def test_a_record_that_lies_is_refused(tmp_path: Path, record: dict[str, object], words: str) -> None:
    assert words in reason(tmp_path, dataclasses.replace(SOUND, **record).build())  # type: ignore[arg-type]  # fields of Recipe


def test_a_version_that_lost_its_label_after_record_was_written_is_taken(tmp_path: Path) -> None:
    """As in every IPEX wheel on the public index; the recorded hash proves that nothing else differs."""
    name = f"{INFO}/METADATA"
    built = evil.METADATA.replace("Version: 1.0\n", "Version: 1.0+cpu\n")
    stamp = f"{name},{evil.hashed(built.encode())},{len(built)}"
    found = read(tmp_path, dataclasses.replace(SOUND, stamps={name: stamp}).build())
    assert found.relabelled == (name,)
    more = dataclasses.replace(SOUND, stamps={name: stamp}, metadata=evil.METADATA.replace("numpy<2", "numpy<3"))
    assert reason(tmp_path, more.build()) == f"its RECORD gives {name} {len(built)} bytes, and it has {len(built) - 4}"


def test_a_file_that_record_does_not_list_is_refused(tmp_path: Path) -> None:
    wheel = SOUND.adding(Entry(name="demo/stowaway.py", recorded=False)).build()
    assert reason(tmp_path, wheel) == "its RECORD does not list demo/stowaway.py"


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (
            {"metadata": evil.METADATA.replace("demo", "torch")},
            "its METADATA is of torch 1.0, and its file name of demo 1.0",
        ),
        ({"metadata": evil.METADATA.replace("1.0", "2.0")}, "its METADATA is of demo 2.0"),
        ({"metadata": evil.METADATA + "Name: torch\n"}, "its METADATA has 2 lines 'Name'"),
        ({"metadata": "hello"}, "its METADATA has 0 lines"),
        ({"metadata": evil.METADATA.replace("1.0", "one")}, "which is none"),
        ({"wheel": evil.WHEEL.replace("1.0", "2.0")}, "it is of wheel version '2.0', and only 1.* is known"),
        ({"wheel": evil.WHEEL.replace("true", "perhaps")}, "Root-Is-Purelib 'perhaps'"),
        ({"wheel": evil.WHEEL + "Tag: nonsense\n"}, "its WHEEL has tags that are none"),
        ({"info": "torch-1.0.dist-info"}, "has 2 .dist-info folders"),
    ],
)
def test_metadata_that_contradicts_the_name_is_refused(tmp_path: Path, parts: dict[str, str], words: str) -> None:
    assert words in reason(tmp_path, dataclasses.replace(SOUND, **parts).build())  # type: ignore[arg-type]  # fields of Recipe


def test_a_dist_info_of_another_name_is_refused(tmp_path: Path) -> None:
    entries = (Entry(name="demo/__init__.py"),)
    wheel = Recipe(entries=entries, info="torch-1.0.dist-info").build()
    assert reason(tmp_path, wheel) == "torch-1.0.dist-info is not of demo 1.0"
    assert "must have one" in reason(tmp_path, Recipe(entries=entries, info="metadata").build())


@pytest.mark.parametrize("name", ["METADATA", "WHEEL", "RECORD"])
def test_what_every_wheel_has_must_be_there(tmp_path: Path, name: str) -> None:
    other = name.lower()
    wheel = SOUND.build().replace(f"{INFO}/{name}".encode(), f"{INFO}/{other}".encode())
    assert reason(tmp_path, wheel) == f"{INFO}/{name} is missing"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[console_scripts]\n../../evil = demo:main\n", "the script ../../evil is a path"),
        ("[console_scripts]\n.. = demo:main\n", "leads out of its folder"),
        ("[console_scripts\n", "its entry_points.txt cannot be read"),
        ("[console_scripts]\na = b\na = c\n", "its entry_points.txt cannot be read"),
    ],
)
def test_scripts_that_are_paths_are_refused(tmp_path: Path, text: str, words: str) -> None:
    entries = (Entry(name=f"{INFO}/entry_points.txt", data=text.encode()),)
    assert words in reason(tmp_path, Recipe(entries=entries).build())


@pytest.mark.parametrize("deep", [True, False])
def test_bombs_are_refused_before_they_are_unpacked(tmp_path: Path, *, deep: bool) -> None:
    assert "as a ZIP bomb does" in reason(tmp_path, evil.bomb(70), code="too-large", deep=deep)
    assert "overlaps another member" in reason(tmp_path, evil.overlapping(), deep=deep)
    path = tmp_path / evil.FILENAME
    path.write_bytes(evil.bomb(10))
    with pytest.raises(OutsideError) as caught:
        read_wheel(path, offer_for(evil.FILENAME), max_bytes=1 << 20, deep=deep)
    assert caught.value.code == "too-large"


def test_a_member_that_unpacks_to_more_than_it_says_is_refused(tmp_path: Path) -> None:
    name = "demo/__init__.py"
    stamped = dataclasses.replace(SOUND, stamps={name: f"{name},{evil.hashed(evil.CODE)},"}).build()
    wheel = evil.local_field(evil.directory_field(stamped, name, 24, "<L", 12), name, 22, "<L", 12)
    assert reason(tmp_path, wheel, code="too-large") == f"{name} unpacks to more than 12 bytes"


NAME = "demo/run.sh"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda wheel: evil.directory_field(wheel, NAME, 8, "<H", 1), "is encrypted"),
        (lambda wheel: evil.directory_field(wheel, NAME, 10, "<H", 12), "is packed by method 12"),
        (lambda wheel: evil.local_field(wheel, NAME, 6, "<H", 1), "in its own header"),
        (lambda wheel: evil.local_field(wheel, NAME, 8, "<H", 0), "in its own header"),
        (lambda wheel: evil.local_field(wheel, NAME, 14, "<L", 7), "in its own header"),
        (lambda wheel: evil.local_field(wheel, NAME, 22, "<L", 7), "in its own header"),
        (lambda wheel: wheel.replace(b"demo/run.sh", b"demo/RUN.sh", 1), "has another name in its own header"),
        (
            lambda wheel: evil.directory_field(evil.local_field(wheel, NAME, 14, "<L", 7), NAME, 16, "<L", 7),
            "is damaged",
        ),
        (lambda wheel: b"#!/bin/sh\n" + wheel, "something precedes the archive"),
        (lambda wheel: wheel + b"more", "something follows the end of the archive"),
        (lambda wheel: wheel + wheel, "something precedes the archive"),
        (lambda wheel: evil.end_field(wheel, 20, "<H", 4) + b"more", "comment"),
        (lambda wheel: evil.end_field(wheel, 10, "<H", 3), "its end record counts 3 members"),
        (
            lambda wheel: evil.end_field(evil.end_field(wheel, 8, "<H", 0xFFFF), 10, "<H", 0xFFFF),
            "ZIP64 end record lies",
        ),
        (lambda wheel: wheel[: len(wheel) // 2], "not a ZIP archive that can be read"),
        (lambda wheel: b"", "not a ZIP archive that can be read"),
        (lambda wheel: b"<html>", "not a ZIP archive that can be read"),
    ],
)
def test_archives_that_contradict_themselves_are_refused(tmp_path: Path, change: object, words: str) -> None:
    wheel = change(SOUND.build())  # type: ignore[operator]  # a function
    assert words in reason(tmp_path, wheel)


def test_a_member_that_the_directory_hides_is_found(tmp_path: Path) -> None:
    path = tmp_path / evil.FILENAME
    path.write_bytes(SOUND.adding(Entry(name="demo/hidden.py", recorded=False)).build())
    with zipfile.ZipFile(path, "a") as archive:
        archive.filelist.remove(archive.getinfo("demo/hidden.py"))
        archive._didModify = True  # type: ignore[attr-defined]  # makes zipfile write the directory anew
    assert "something is hidden before it" in reason(tmp_path, path.read_bytes())


def test_a_wheel_written_as_a_stream_is_read(tmp_path: Path) -> None:
    """Sizes then follow the data (flag bit 3), as some build tools write them."""

    class Pipe:
        def __init__(self) -> None:
            self.data = b""

        def write(self, data: bytes) -> int:
            self.data += data
            return len(data)

        def flush(self) -> None: ...

    source, pipe = tmp_path / "source.whl", Pipe()
    source.write_bytes(SOUND.build())
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as copy:  # type: ignore[call-overload]  # zipfile writes to what cannot seek
        for info in archive.infolist():
            copy.writestr(info, archive.read(info))
    assert read(tmp_path, pipe.data).project == "demo"


def test_a_wheel_with_zip64_fields_is_read(tmp_path: Path) -> None:
    path = tmp_path / evil.FILENAME
    path.write_bytes(SOUND.adding().build())
    with zipfile.ZipFile(path) as archive:
        contents = [(info, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, data in contents:
            with archive.open(zipfile.ZipInfo(info.filename), "w", force_zip64=True) as member:
                member.write(data)
    assert read_wheel(path, offer_for(evil.FILENAME)).project == "demo"


def test_other_bytes_than_the_offer_names_are_refused(tmp_path: Path) -> None:
    path = tmp_path / evil.FILENAME
    path.write_bytes(SOUND.build())
    with pytest.raises(OutsideError) as caught:
        read_wheel(path, offer_for(evil.FILENAME, sha256="0" * 64))
    assert caught.value.code == "hash-mismatch"
    with pytest.raises(OutsideError) as caught:
        read_wheel(path, offer_for(evil.FILENAME, version=Version("2.0")))
    assert caught.value.causes == ("its file name is of demo 1.0, not of demo 2.0",)
    with pytest.raises(OutsideError) as caught:
        read_wheel(tmp_path / "absent.whl", offer_for(evil.FILENAME))
    assert caught.value.code == "unreadable"


def test_a_wheel_that_was_found_sound_is_not_unpacked_again(tmp_path: Path) -> None:
    wheel = dataclasses.replace(SOUND, stamps={NAME: f"{NAME},{evil.hashed(b'other')},6"}).build()
    path, sha256 = tmp_path / evil.FILENAME, hashlib.sha256(wheel).hexdigest()
    path.write_bytes(wheel)
    fetched = Fetched(offer=offer_for(path.name), path=path, sha256=sha256, size_bytes=len(wheel), from_cache=True)
    cache = Cache(folder=tmp_path / "cache")
    cache.prepare()
    with pytest.raises(OutsideError):
        read_wheels([fetched], cache=cache)
    assert not cache.is_checked(sha256)
    cache.mark_checked(sha256)
    assert [found.project for found in read_wheels([fetched], cache=cache)] == ["demo"]


def test_the_bridge_may_bring_the_metadata_that_transformers_looks_for(tmp_path: Path) -> None:
    name, version = "ipexenv_oneccl_bridge", "2022.2.0+ipexenv.bridge.1"
    metadata = evil.METADATA.replace("demo", "ipexenv-oneccl-bridge").replace("1.0\n", f"{version}\n", 1)
    recipe = Recipe(
        entries=(Entry(name=f"{name}-{version}.data/purelib/oneccl_bind_pt-{version}.dist-info/METADATA"),),
        info=f"{name}-{version}.dist-info",
        metadata=metadata,
    )
    assert read(tmp_path, recipe.build(), f"{name}-{version}-py3-none-any.whl").files
