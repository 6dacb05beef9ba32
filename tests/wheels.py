"""Small wheels with true names and tags. What is inside says clearly that it is a fake."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from typing import TYPE_CHECKING

from packaging.version import Version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SUMMARY = "FAKE made by ipexenv's tests: only the name, version and tags are those of a real package"
LINUX = "linux_x86_64"
MANYLINUX = "manylinux_2_17_x86_64.manylinux2014_x86_64"


def build_wheel(
    folder: Path,
    name: str,
    version: str,
    tag: str = "py3-none-any",
    *,
    requires: Sequence[str] = (),
    files: Mapping[str, str] | None = None,
    claimed_version: str | None = None,
) -> Path:
    """Write ``name-version-tag.whl`` into ``folder``; ``claimed_version`` makes its metadata contradict its name."""
    inside = claimed_version or version
    info = f"{name}-{inside}.dist-info"
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {inside}\nSummary: {SUMMARY}"]
    metadata += [f"Requires-Dist: {requirement}" for requirement in requires]
    contents = (
        {f"{name}/__init__.py": f'"""{SUMMARY}"""\n\n__version__ = "{inside}"\n'} if files is None else dict(files)
    )
    contents[f"{info}/METADATA"] = "\n".join(metadata) + "\n"
    contents[f"{info}/WHEEL"] = _wheel_file(tag)
    record = "".join(f"{path},{_digest(text)},{len(text.encode())}\n" for path, text in contents.items())
    contents[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(target, "w") as archive:
        for path, text in contents.items():
            # A fixed date keeps the bytes, and with them the hash, the same in every run.
            archive.writestr(zipfile.ZipInfo(path, date_time=(2020, 1, 1, 0, 0, 0)), text)
    return target


def fake_torch(folder: Path, version: str, python: str) -> Path:
    """Write a torch that holds nothing but its version; like the public index's, a plain one says +cu128 inside."""
    tag = python.replace(".", "")
    local = "" if "+" in version else "+cu128"
    files = {
        "torch/__init__.py": f'"""{SUMMARY}"""\n\nfrom torch.version import __version__\n',
        "torch/distributed.py": "def is_available():\n    return False\n",
        "torch/version.py": f'__version__ = "{version}{local}"\ncuda = None\nhip = None\nxpu = None\n',
    }
    return build_wheel(folder, "torch", version, f"cp{tag}-cp{_abi(tag)}-{MANYLINUX}", files=files)


def fake_ipex(folder: Path, version: str, python: str, *, platform: str = MANYLINUX) -> Path:
    """Write an IPEX that holds nothing but its version."""
    tag = python.replace(".", "")
    return build_wheel(folder, "intel_extension_for_pytorch", version, f"cp{tag}-cp{_abi(tag)}-{platform}")


def fake_bindings(folder: Path, version: str, python: str) -> Path:
    """Write oneCCL bindings as Intel names them: ``oneccl_bind_pt-1.12.0+cpu-cp38-cp38-linux_x86_64.whl``.

    Their module was called ``torch_ccl`` before 1.12.
    """
    tag = python.replace(".", "")
    module = "torch_ccl" if Version(version) < Version("1.12") else "oneccl_bindings_for_pytorch"
    files = {f"{module}/__init__.py": f'"""{SUMMARY}"""\n\n__version__ = "{version}+cpu"\n'}
    return build_wheel(folder, "oneccl_bind_pt", f"{version}+cpu", f"cp{tag}-cp{_abi(tag)}-{LINUX}", files=files)


def _abi(tag: str) -> str:
    return f"{tag}m" if tag in {"36", "37"} else tag


def _wheel_file(tag: str) -> str:
    interpreter, abi, platforms = tag.split("-")
    tags = "".join(f"Tag: {interpreter}-{abi}-{platform}\n" for platform in platforms.split("."))
    return f"Wheel-Version: 1.0\nGenerator: ipexenv tests\nRoot-Is-Purelib: {str(abi == 'none').lower()}\n{tags}"


def _digest(text: str) -> str:
    raw = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(raw).decode().rstrip("=")
