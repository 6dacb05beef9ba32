from __future__ import annotations

from pathlib import Path

import pytest

from ipexenv.install.addresses import host_of, is_local, is_web, last_segment, local_path, without_credentials


@pytest.mark.parametrize("address", ["https://host/x", "HTTP://host", "http://user:pw@host:8080/x?y#z"])
def test_web_addresses(address: str) -> None:
    assert is_web(address)
    assert not is_local(address)


@pytest.mark.parametrize("address", ["/opt/wheels", "wheels", "~/wheels", "file:///opt/wheels", "FILE:/opt", "a:b"])
def test_local_addresses(address: str) -> None:
    assert is_local(address)
    assert not is_web(address)


def test_other_schemes_are_neither() -> None:
    assert not is_local("s3://bucket/x")
    assert not is_web("s3://bucket/x")


def test_paths_start_at_the_working_directory() -> None:
    here = Path("/home/me")
    assert local_path("wheels", here) == Path("/home/me/wheels")
    assert local_path("/opt/wheels", here) == Path("/opt/wheels")
    assert local_path("file:///opt/my%20wheels", here) == Path("/opt/my wheels")


def test_credentials_and_signatures_are_not_shown() -> None:
    assert without_credentials("https://me:pw@host:8080/a/b?X-Signature=1#f") == "https://host:8080/a/b"
    assert without_credentials("/opt/wheels?") == "/opt/wheels?"
    assert host_of("https://me:pw@host:8080/a") == "host:8080"


def test_the_file_name_of_an_address() -> None:
    assert last_segment("https://host/a/x-1%2Bcpu-py3-none-any.whl?q=/z") == "x-1+cpu-py3-none-any.whl"
