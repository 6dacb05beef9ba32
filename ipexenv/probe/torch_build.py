"""Tell builds of torch apart by its files alone: CPU or CUDA, old or new C++ ABI."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, NamedTuple

from packaging.version import InvalidVersion, Version

from ipexenv.facts import TorchPackage
from ipexenv.system.files import map_bytes, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from mmap import mmap

    from ipexenv.facts import Package
    from ipexenv.probe.learnt import Learnt

_ASSIGNMENT = re.compile(r"^(__version__|cuda|hip|rocm|xpu)\s*(?::[^=]*)?=\s*(.+?)\s*$", re.MULTILINE)
_KNOWN_BUILD = re.compile(r"^(cpu|cu\d+|rocm[\d.]*\d|xpu)(?=\.|$)")
_CHECK_FAIL = b"torchCheckFailEPKcS2_jRK"
"""``c10::detail::torchCheckFail(const char*, const char*, uint32_t, const std::string&)``: in libc10.so of every torch
from 1.8 to 2.13, mangled with the string class of the ABI."""
_NEW_STRING = b"NSt7__cxx1112basic_string"
_OLD_STRING = b"Ss"


class VersionFile(NamedTuple):
    """What torch/version.py says."""

    version: Version | None = None
    cuda: str | None = None
    hip: str | None = None
    xpu: str | None = None
    says_device: bool = False
    """Whether it speaks of ``cuda`` at all, be it None."""


def torch_of(package: Package | None, path: tuple[str, ...], learnt: Learnt) -> TorchPackage | None:
    """Return the installed torch with its build; ``package`` is its distribution, None where no metadata is.

    Without metadata a torch that can be imported counts all the same: pip does not see it, IPEX would load it.
    """
    folder = package.location if package else next((f for f in path if read_text(f"{f}/torch/version.py")), None)
    if folder is None:
        return None
    file = parse_version_file(read_text(f"{folder}/torch/version.py") or "")
    version = _version_of(package, file, learnt)
    if version is None:
        learnt.note("installed.torch", f"{folder}/torch has no metadata and no version, and does not count")
        return None
    if package is None:
        learnt.note("installed.torch", f"{folder}/torch/version.py alone: it has no metadata, so pip does not see it")
    installer = package.installer if package else None
    return TorchPackage(
        name=package.name if package else "torch",
        version=version,
        installer=installer,
        location=folder,
        build=build_of(version, file, installer=installer),
        cxx11_abi=_look_at_abi(f"{folder}/torch/lib/libc10.so", learnt),
    )


def parse_version_file(text: str) -> VersionFile:
    """Read torch/version.py without running it. Pure; what cannot be read counts as not said."""
    values: dict[str, str | None] = {}
    for name, expression in _ASSIGNMENT.findall(text):
        try:
            value = ast.literal_eval(expression)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        values[name] = value if isinstance(value, str) and value else None
    return VersionFile(
        version=_parsed(values),
        cuda=values.get("cuda"),
        hip=values.get("hip") or values.get("rocm"),
        xpu=values.get("xpu"),
        says_device="cuda" in values,
    )


def build_of(version: Version, file: VersionFile, *, installer: str | None) -> str | None:
    """Name the build by its local label where that is a known one, else as conda's, else by version.py's devices."""
    known = _KNOWN_BUILD.match(version.local or "")
    if known:
        return known[1]
    if installer == "conda":
        return "conda"
    if file.cuda:
        return "cu" + "".join(file.cuda.split(".")[:2])
    if file.hip:
        return "rocm" + ".".join(file.hip.split(".")[:2])
    if file.xpu:
        return "xpu"
    return "cpu" if file.says_device else None


def cxx11_abi_of(data: bytes | mmap) -> bool | None:
    """Return whether a libc10.so was built with libstdc++'s new ABI; None where the symbol is not there."""
    start = data.find(_CHECK_FAIL)
    while start >= 0:
        rest = data[start + len(_CHECK_FAIL) : start + len(_CHECK_FAIL) + len(_NEW_STRING)]
        if rest == _NEW_STRING:
            return True
        if rest.startswith(_OLD_STRING):
            return False
        start = data.find(_CHECK_FAIL, start + 1)
    return None


def _look_at_abi(path: str, learnt: Learnt) -> bool | None:
    data = map_bytes(path)
    if data is None:
        learnt.note("installed.torch.cxx11_abi", f"{path} cannot be read")
        return None
    learnt.note("installed.torch.cxx11_abi", f"symbols of {path}")
    return cxx11_abi_of(data)


def _version_of(package: Package | None, file: VersionFile, learnt: Learnt) -> Version | None:
    """Take the metadata's word, with the local label that only version.py has for wheels of the public index.

    Where the two disagree (an upgrade that was cut off, two metadata directories), version.py is what will run.
    """
    if package is None or file.version is None:
        return package.version if package else file.version
    if file.version.public != package.version.public:
        learnt.note("installed.torch", f"its metadata says {package.version}, torch/version.py {file.version}")
        return file.version
    return package.version if package.version.local else file.version


def _parsed(values: Mapping[str, str | None]) -> Version | None:
    try:
        return Version(values.get("__version__") or "")
    except InvalidVersion:
        return None
