from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from packaging.version import Version

from ipexenv.errors import UsageError
from ipexenv.lock.dockerfile import DockerfileOptions, dockerfile_text, pin_warning
from ipexenv.lock.dockerfile_base import BaseImage, named_base, usual_base
from tests.unit.lock.locks import BRIDGE, lock, platform, target, wheel

if TYPE_CHECKING:
    from ipexenv.lock.model import LockedTarget

DIGEST = "sha256:" + "d" * 64
LINUX = "manylinux_2_28_x86_64"


def options(**more: Any) -> DockerfileOptions:
    base = BaseImage(reference="python:3.11-slim-bookworm")
    return DockerfileOptions(**{"lock_name": "pylock.toml", "base": base, "tool_pins": ("packaging==26.0",), **more})


def text_of(made: LockedTarget, **more: Any) -> str:
    return dockerfile_text(lock(made), made, options(**more))


def instructions(text: str) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile: comments left out, lines joined, here-documents as part of theirs."""
    found: list[tuple[str, str]] = []
    lines = iter(text.splitlines())
    for line in lines:
        if not line or line.startswith("#"):
            continue
        whole = line
        while whole.endswith("\\"):
            whole = whole[:-1] + next(lines)
        word, _, rest = whole.partition(" ")
        if "<<'" in rest:
            mark = rest.partition("<<'")[2].partition("'")[0]
            body = iter(lambda: next(lines), mark)
            rest += "\n" + "\n".join(body)
        found.append((word, rest))
    return found


def test_it_is_well_formed_slim_hashed_and_not_root() -> None:
    text = text_of(target())
    assert text.startswith("# syntax=docker/dockerfile:1\n")
    steps = instructions(text)
    words = [word for word, _ in steps]
    assert words[:2] == ["ARG", "FROM"]
    assert steps[0][1] == "BASE=python:3.11-slim-bookworm"
    assert steps[1][1] == "--platform=linux/amd64 ${BASE}"
    (copy,) = [rest for word, rest in steps if word == "COPY" and "REQUIREMENTS" in rest]
    lines = copy.splitlines()[1:]
    assert lines[0] == "--only-binary :all:"
    assert [line.split()[0] for line in lines[1:]] == ["numpy", "torch", "typing-extensions"]
    assert all(" @ https://" in line and "--hash=sha256:" in line for line in lines[1:])
    install = next(rest for word, rest in steps if word == "RUN" and "--require-hashes" in rest)
    assert install.startswith("--mount=type=cache,target=/root/.cache/pip ")
    assert "--without-pip /opt/venv" in install
    assert words[-4:] == ["USER", "WORKDIR", "HEALTHCHECK", "CMD"]
    assert steps[-4][1] != "root"
    assert "pylock.toml" not in "".join(rest for _, rest in steps)


def test_its_health_is_what_verify_says() -> None:
    steps = dict(instructions(text_of(target())))
    before, _, command = steps["HEALTHCHECK"].partition("CMD ")
    assert json.loads(command) == ["/opt/ipexenv/bin/ipexenv", "verify", "--venv", "/opt/venv", "--quiet"]
    given = dict(word.split("=") for word in before.split())
    assert set(given) == {"--interval", "--timeout", "--start-period", "--start-interval", "--retries"}
    assert given["--interval"].endswith("h"), "it trains on all cores: not every half minute"


def test_ipexenv_stands_beside_the_environment_in_known_versions() -> None:
    steps = instructions(text_of(target()))
    (pins,) = [rest for word, rest in steps if word == "COPY" and "TOOL" in rest]
    assert pins.splitlines()[1:] == ["--only-binary :all:", "ipexenv==0.1.0", "packaging==26.0"]
    (install,) = [rest for word, rest in steps if word == "RUN" and "/opt/ipexenv.txt" in rest]
    assert "python -m venv /opt/ipexenv" in install


def test_on_a_python_too_old_for_ipexenv_it_runs_on_debian_s() -> None:
    made = target("3.8")
    steps = instructions(text_of(made))
    assert any(word == "RUN" and "apt-get install" in rest and "python3-venv" in rest for word, rest in steps)
    assert any(word == "RUN" and "/usr/bin/python3 -m venv /opt/ipexenv" in rest for word, rest in steps)
    assert "packaging==26.0" not in text_of(made)
    assert "python3-venv" not in text_of(target())


def test_the_bridge_is_built_before_root_is_given_up() -> None:
    steps = instructions(text_of(target(bridge=BRIDGE)))
    build = next(number for number, (_, rest) in enumerate(steps) if "--ccl bridge" in rest)
    assert steps[build - 1] == ("COPY", '["pylock.toml", "/opt/pylock.toml"]')
    assert "/opt/ipexenv/bin/ipexenv install --ccl bridge" in steps[build][1]
    assert steps[build][1].startswith("--mount=type=cache,target=/root/.cache/ipexenv ")
    assert steps[build + 1][0] == "USER"


def test_what_ipex_needs_of_the_system_is_installed() -> None:
    assert " libxml2 " in text_of(target(), libraries=("libxml2.so.2", "libz.so.1"))
    assert " libxml2 " not in text_of(target())


@pytest.mark.parametrize(
    ("tags", "glibc", "debian"),
    [
        ("cp311-cp311-manylinux2014_x86_64", "2.39", "bookworm"),  # IPEX 2.1 to 2.7 do not load with trixie's glibc
        ("cp311-cp311-manylinux_2_28_x86_64", "2.43", "bookworm"),
        ("cp311-cp311-manylinux_2_35_x86_64.manylinux_2_39_x86_64", "2.43", "bookworm"),
        ("cp311-cp311-manylinux_2_39_x86_64", "2.39", "trixie"),
        ("cp311-cp311-manylinux_2_43_x86_64", "2.43", "trixie"),
        ("py3-none-any", "2.43", "bookworm"),
        ("cp311-cp311-linux_x86_64", "2.39", "trixie"),
        ("cp311-cp311-linux_x86_64", "2.36", "bookworm"),
    ],
)
def test_the_base_is_the_oldest_that_takes_every_wheel(tags: str, glibc: str, debian: str) -> None:
    there = replace(platform(), libc_version=Version(glibc))
    made = target(platform=there, files=(wheel("something", "1.0", tags), wheel("torch", "2.8.0", "py3-none-any")))
    assert usual_base(made).reference == f"python:3.11-slim-{debian}"


def test_wheels_of_intel_s_own_pages_do_not_ask_for_a_new_debian() -> None:
    there = replace(platform(), libc_version=Version("2.39"))
    file = wheel("intel_extension_for_pytorch", "2.1.0+cpu", "cp311-cp311-linux_x86_64")
    assert usual_base(target(platform=there, files=(file,))).reference.endswith("bookworm")


def test_a_digest_pins_the_base_and_its_absence_is_said() -> None:
    pinned = named_base(f"python:3.11-slim-bookworm@{DIGEST}")
    assert f"ARG BASE=python:3.11-slim-bookworm@{DIGEST}\n" in text_of(target(), base=pinned)
    assert pin_warning(pinned) is None
    assert "another image tomorrow" not in text_of(target(), base=pinned)
    loose = named_base("registry.example:5000/team/python:3.11")
    assert "--build-arg BASE=registry.example:5000/team/python:3.11@sha256:" in text_of(target(), base=loose)
    assert "--base registry.example:5000/team/python:3.11@sha256:" in str(pin_warning(loose))


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a b",
        "python:3.11\nRUN evil",
        "python@sha256:short",
        "Python",
        "python:3.11@md5:1",
        "$(x)",
        "${X}",
        "-x",
        "a:",
    ],
)
def test_what_is_no_image_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is no name of an image"):
        named_base(name)


def test_no_name_ends_its_own_line() -> None:
    for made, more in (
        (target(), {"lock_name": "pylock.a\nRUN evil.toml"}),
        (target(files=(wheel("torch", "2.8.0", url="https://files.test/a\nREQUIREMENTS\nRUN evil"),)), {}),
    ):
        with pytest.raises(UsageError) as caught:
            text_of(made, **more)
        assert caught.value.code == "unwritable-name"


def test_a_container_cannot_reach_folders() -> None:
    local = target(files=(wheel("torch", "2.8.0", url="file:///srv/torch-2.8.0-py3-none-any.whl"),))
    with pytest.raises(UsageError) as caught:
        text_of(local)
    assert caught.value.code == "local-files"
