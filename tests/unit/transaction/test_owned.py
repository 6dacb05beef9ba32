from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.transaction.owned import owned_files
from tests.unit.transaction.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path


def owned(site: Path, project: str) -> set[str]:
    return {path.removeprefix(f"{site.parent}/") for path in owned_files([str(site), str(site / "absent")], project)}


def test_what_the_record_names_and_all_of_the_metadata(tmp_path: Path) -> None:
    site = tmp_path / "site"
    record = (
        b'torch/__init__.py,sha256=x,3\n"torch/a,b.py",,\n../bin/torchrun,,\n\ntorch-2.8.0+cpu.dist-info/RECORD,,\n'
    )
    write_tree(
        site,
        {
            "torch-2.8.0+cpu.dist-info/RECORD": record,
            "torch-2.8.0+cpu.dist-info/licenses/LICENSE": b"",
            "torch_ipex-1.9.0.dist-info/RECORD": b"torch_ipex/__init__.py,,\n",
        },
    )
    assert owned(site, "torch") == {
        "site/torch/__init__.py",
        "site/torch/a,b.py",
        "bin/torchrun",
        "site/torch-2.8.0+cpu.dist-info/RECORD",
        "site/torch-2.8.0+cpu.dist-info/licenses/LICENSE",
    }


def test_older_records(tmp_path: Path) -> None:
    site = tmp_path / "site"
    write_tree(site, {"Old_Package-1.0-py3.8.egg-info/installed-files.txt": b"../old/__init__.py\nPKG-INFO\n"})
    write_tree(site, {"single-1.0.egg-info": b"a file"})
    assert owned(site, "old-package") == {
        "site/old/__init__.py",
        "site/Old_Package-1.0-py3.8.egg-info/PKG-INFO",
        "site/Old_Package-1.0-py3.8.egg-info/installed-files.txt",
    }
    assert owned(site, "single") == {"site/single-1.0.egg-info"}


def test_nothing_and_no_records(tmp_path: Path) -> None:
    site = tmp_path / "site"
    write_tree(site, {"conda-1.dist-info/METADATA": b""})
    assert owned(site, "absent") == set()
    assert owned(site, "conda") == {"site/conda-1.dist-info/METADATA"}
