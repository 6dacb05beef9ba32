"""Finding and loading Intel's oneCCL, and its C functions as Python callables.

The declarations follow the C API that oneCCL 2022 documents (``oneapi/ccl.h``, ``oneapi/ccl/v2/types.h``).
"""

from __future__ import annotations

import ctypes
import os
from typing import Any, Dict, Mapping, Optional, Tuple

from .elf import flaw
from .errors import CclError

FOLDER_VARIABLE = "IPEXENV_BRIDGE_LIB"
"""Names another folder to take the libraries from; for tests and for trying another oneCCL."""

FILES = ("libccl.so.2", "libccl.so.1", "libccl_legacy_cpu.so", "libfabric.so.1", "libtcp-fi.so")

FURTHER_FILES = ("libshm-fi.so",)
"""Done without where they are not there."""

UNIQUE_ID_BYTES = 4096

A_DATUM_OF_ONECCL = "_ZN3ccl2v122default_allreduce_attrE"
"""A symbol that every oneCCL of the last years has (2021.11 to 2022.2 were looked at), to see whose is found first."""

_POINTER, _SIZE, _INT = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int


class UniqueId(ctypes.Structure):
    """What rank 0 makes and all ranks of a communicator start from."""

    _fields_ = [("data", ctypes.c_char * UNIQUE_ID_BYTES)]


# Arguments after the buffers; every function returns a result code, 0 for success.
SIGNATURES: Dict[str, Tuple[Any, ...]] = {
    "onecclGetVersion": (ctypes.POINTER(_INT),),
    "onecclGetUniqueId": (ctypes.POINTER(UniqueId),),
    "onecclCommInitRank": (ctypes.POINTER(_POINTER), _SIZE, UniqueId, _INT),
    "onecclCommDestroy": (_POINTER,),
    "onecclAllReduce": (_POINTER, _POINTER, _SIZE, _INT, _INT, _POINTER, _POINTER),
    "onecclReduce": (_POINTER, _POINTER, _SIZE, _INT, _INT, _INT, _POINTER, _POINTER),
    "onecclBroadcast": (_POINTER, _POINTER, _SIZE, _INT, _INT, _POINTER, _POINTER),
    "onecclAllGather": (_POINTER, _POINTER, _SIZE, _INT, _POINTER, _POINTER),
    "onecclReduceScatter": (_POINTER, _POINTER, _SIZE, _INT, _INT, _POINTER, _POINTER),
    "onecclAllToAllV": (_POINTER, _POINTER, _POINTER, _POINTER, _INT, _POINTER, _POINTER),
}


def folder(environ: Mapping[str, str]) -> str:
    """Return where the libraries are: where ``IPEXENV_BRIDGE_LIB`` points, else beside this module."""
    return environ.get(FOLDER_VARIABLE) or os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib")


def missing(path: str) -> Tuple[str, ...]:
    """Return the library files that the folder lacks."""
    return tuple(name for name in FILES if not os.path.isfile(os.path.join(path, name)))


def mapped(name: str) -> Tuple[str, ...]:
    """Return the files of that base name that this process has loaded."""
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
        paths = {_path_of(line) for line in file}
    return tuple(sorted(path for path in paths if os.path.basename(path) == name))


def mpi_library(path: str, environ: Mapping[str, str], prefix: str) -> Optional[str]:
    """Return Intel MPI's library: the user's, the one beside oneCCL, under ``I_MPI_ROOT``, or installed by pip."""
    named = environ.get("CCL_MPI_LIBRARY_PATH")
    root = environ.get("I_MPI_ROOT", "")
    places = [path]
    if root:
        places += [os.path.join(root, "lib"), os.path.join(root, "lib", "release")]
    places += [os.path.join(prefix, "lib"), *environ.get("LD_LIBRARY_PATH", "").split(":")]
    candidates = [named] if named else [os.path.join(place, "libmpi.so.12") for place in places if place]
    return next((candidate for candidate in candidates if candidate and os.path.isfile(candidate)), None)


class Library:
    """oneCCL's C functions, ready to call; calling one releases Python's lock until it returns."""

    def __init__(self, path: str) -> None:
        """Load the libraries in the folder ``path``; raise ``CclError`` naming the file that cannot be loaded."""
        lacking = missing(path)
        if lacking:
            raise CclError(f"{path} lacks {', '.join(lacking)}: install the bridge again with `ipexenv install`")
        _refuse_flaws(path)
        self.path = path
        self.foreign = tuple(other for other in mapped("libccl.so.1") if not _same(other, path))
        self._handle = _open(os.path.join(path, "libccl.so.2"), os.RTLD_NOW)
        if self.foreign:
            self._stand_beside()
        for name, arguments in SIGNATURES.items():
            function = getattr(self._handle, name)
            function.argtypes = arguments
            function.restype = _INT
            setattr(self, name, function)
        for name in ("onecclGetErrorString", "onecclGetLastError"):
            getattr(self._handle, name).restype = ctypes.c_char_p
        self._handle.onecclGetErrorString.argtypes = (_INT,)
        self._handle.onecclGetLastError.argtypes = (_POINTER,)

    def __getattr__(self, name: str) -> Any:
        """Raise for a C function that was not declared (the declared ones are attributes)."""
        raise AttributeError(name)

    def _stand_beside(self) -> None:
        """Load this oneCCL although another ``libccl.so.1`` is there already (IPEX 2.3 to 2.7 bring one).

        The loader would satisfy the plugin's need for ``libccl.so.1`` with the other one. Loaded by its path and
        globally, this one's symbols are found first by what is loaded later; the other stays with those that have it.
        """
        own = os.path.join(self.path, "libccl.so.1")
        handle = _open(own, os.RTLD_NOW | os.RTLD_GLOBAL | os.RTLD_DEEPBIND)
        if _datum_in(ctypes.CDLL(None)) != _datum_in(handle):
            raise CclError(
                f"{', '.join(self.foreign)} was loaded before {own} in a way that hides it; call "
                "init_process_group before importing what brings the other, or take it out of LD_PRELOAD"
            )

    def describe(self) -> str:
        """Return version and path of the library in use, and of any other that is loaded beside it."""
        beside = f"; {', '.join(self.foreign)} is loaded beside it and is not used" if self.foreign else ""
        return f"oneCCL {self.version()} from {self.path}{beside}"

    def version(self) -> str:
        """Return oneCCL's version, such as ``2022.2.0``."""
        number = _INT()
        self.check(self.onecclGetVersion(ctypes.byref(number)), "onecclGetVersion", None)
        return f"{number.value // 10000}.{number.value // 100 % 100}.{number.value % 100}"

    def check(self, code: int, what: str, communicator: Any) -> None:
        """Raise ``CclError`` with oneCCL's own words unless ``code`` is success."""
        if code:
            name = (self._handle.onecclGetErrorString(code) or b"").decode(errors="replace")
            last = (
                (self._handle.onecclGetLastError(communicator) or b"").decode(errors="replace") if communicator else ""
            )
            raise CclError(f"{what}: oneCCL answered {code} ({'; '.join(filter(None, (name, last)))})")


def _path_of(line: str) -> str:
    """Return the path in a line of ``/proc/self/maps`` (proc(5)), empty where the mapping has none."""
    return "".join(line.split(maxsplit=5)[5:]).strip()


def _same(path: str, folder_path: str) -> bool:
    own = os.path.join(folder_path, os.path.basename(path))
    return os.path.exists(path) and os.path.samefile(path, own)


def _refuse_flaws(path: str) -> None:
    for name in (*FILES, *FURTHER_FILES):
        file = os.path.join(path, name)
        reason = flaw(file) if os.path.exists(file) else ""
        if reason:
            raise CclError(f"{file} cannot be loaded: {reason}; install the bridge again with `ipexenv install`")


def _open(path: str, mode: int) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(path, mode=mode)
    except OSError as error:
        raise CclError(f"{path} cannot be loaded: {error}") from error


def _datum_in(library: ctypes.CDLL) -> int:
    """Return where a lookup in ``library`` ends; it lies in memory that no file is mapped to, so addresses must do."""
    return ctypes.addressof(ctypes.c_char.in_dll(library, A_DATUM_OF_ONECCL))
