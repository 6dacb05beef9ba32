from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

from ipexenv.install.installed import Distribution, installed_distributions

if TYPE_CHECKING:
    from pathlib import Path

URL = "https://files.test/torch-2.8.0%2Bcpu-cp311-cp311-linux_x86_64.whl"


def put(folder: Path, name: str, version: str, origin: object = None) -> None:
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n", encoding="utf-8")
    if origin is not None:
        text = origin if isinstance(origin, str) else json.dumps(origin)
        (info / "direct_url.json").write_text(text, encoding="utf-8")


def test_names_are_normalised_and_versions_those_of_the_metadata(tmp_path: Path) -> None:
    put(tmp_path, "Typing_Extensions", "4.16.0")
    (tmp_path / "broken-1.0.dist-info").mkdir()
    (tmp_path / "numpy").mkdir()
    put(tmp_path, "odd", "one two")
    assert installed_distributions(str(tmp_path)) == {
        "typing-extensions": Distribution(name="typing-extensions", version=Version("4.16.0"))
    }
    assert installed_distributions(None) == {}
    assert installed_distributions(str(tmp_path / "absent")) == {}


@pytest.mark.parametrize(
    ("origin", "url", "sha256"),
    [
        ({"url": URL, "archive_info": {"hashes": {"sha256": "A" * 64}}}, URL, "a" * 64),
        ({"url": URL, "archive_info": {"hash": f"sha256={'b' * 64}"}}, URL, "b" * 64),
        ({"url": URL, "archive_info": {}}, URL, None),
        ({"url": URL, "archive_info": {"hashes": {"sha256": 7}}}, URL, None),
        (
            {"url": "file:///w/torch-2.8.0-py3-none-any.whl", "archive_info": {}},
            "file:///w/torch-2.8.0-py3-none-any.whl",
            None,
        ),
        ({"url": "https://files.test/torch.tar.gz", "archive_info": {}}, None, None),
        ({"url": "https://git.test/torch", "vcs_info": {"vcs": "git"}}, None, None),
        ({"url": "file:///src/torch", "dir_info": {"editable": True}}, None, None),
        ({"url": 7, "archive_info": {}}, None, None),
        ([], None, None),
        ("no JSON", None, None),
        ("[" * 100_000, None, None),
    ],
)
def test_the_file_that_it_came_from_is_known_where_it_was_a_wheel(
    tmp_path: Path, origin: object, url: str | None, sha256: str | None
) -> None:
    put(tmp_path, "torch", "2.8.0+cpu", origin)
    found = installed_distributions(str(tmp_path))["torch"]
    assert (found.url, found.sha256) == (url, sha256)
