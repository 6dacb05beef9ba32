"""Failures of Intel's own parts, brought about for real: IPEX beside another torch, oneCCL and Intel MPI.

IPEX 2.7 brings the oneCCL and the Intel MPI that the bindings up to 2.7 have, too; what they say needs no torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.provocation import Provocation, each_rank, python

if TYPE_CHECKING:
    from collections.abc import Mapping

ALONE = Path(__file__).parent / "bridge_programs" / "oneccl_alone.py"

_IMPORT = python("import intel_extension_for_pytorch")
_CONNECT = f"$PY -I {ALONE}"
_MPI = "$PACKAGE/opt/mpi"
_LIBFABRIC = f"{_MPI}/libfabric/lib"
SET_UP: Mapping[str, str] = {
    "ONECCL": "$PACKAGE/lib/libccl.so.1",
    "LD_LIBRARY_PATH": f"{_MPI}/lib:{_LIBFABRIC}",
    "FI_PROVIDER_PATH": f"{_LIBFABRIC}/prov",
    "CCL_KVS_IFACE": "lo",
}
"""What setvars.sh sets, but for I_MPI_ROOT and PATH."""
_TODAY = {
    "VERSION": "2022",
    "ONECCL": "$LIBRARIES/lib/libccl.so.2",
    "CCL_PLUGIN": "ONECCL_LEGACY_CPU",
    "CCL_KVS_IFACE": "lo",
}
_WITH_MPI = {**SET_UP, "I_MPI_ROOT": _MPI}
_MPIRUN = f"export PATH={_MPI}/bin:$PATH; mpirun -n 2 {_CONNECT}"

_IN_TORCH = (
    "import ctypes, faulthandler, os, torch.distributed as dist; from oneccl_alone import connect_2021; "
    'connect = lambda store, rank, size, timeout: connect_2021(ctypes.CDLL(os.environ["ONECCL"]), rank, size); '
    'dist.Backend.register_backend("ccl", connect, devices=["cpu"]); faulthandler.dump_traceback_later(3, exit=True); '
    'dist.init_process_group("ccl", init_method="file://" + os.environ["TMP"] + "/store", rank=0, world_size=2)'
)
"""The way that the bindings take; and where it stands, as who waits in vain lets Python tell."""

PAIRS = (
    *(
        Provocation(
            cause="ipex-wrong-torch", command=_IMPORT, where=f"ipex {version} over native213", name=f"IPEX {version}"
        )
        for version in ("2.8.0", "2.6.0", "2.5.0", "1.12.0")
    ),
    Provocation(
        cause="ipex-other-library", command=_IMPORT, where="ipex 1.11.0 over torch1121-bare", name="IPEX 1.11.0"
    ),
    Provocation(
        cause="ipex-os-exit",
        command=f"{_IMPORT} > /dev/null",
        where="ipex 2.8.0 over native213",
        name="on stderr alone",
    ),
    Provocation(
        cause="ipex-exit-undefined",
        command=f"PYTHONPATH=$SITE_PACKAGES:$BASE_PACKAGES {_IMPORT.replace('$PY', '$PY -S')} > /dev/null",
        where="ipex 2.5.0 over native213",
        name="on stderr alone",
    ),
    Provocation(
        cause="cxx11-abi",  # IPEX has the C++ ABI of old, this torch the new one
        command=_IMPORT,
        where="ipex 2.5.0 over torch27-bare without its guard",
    ),
    Provocation(
        cause="numpy-2", command=python("import torch; torch.ones(1).numpy()"), where="numpy 2.2.6 over torch1121-bare"
    ),
)


def _oneccl(cause: str, *, started: int | None = None, without: str = "", name: str = "", **env: str) -> Provocation:
    """Return what connects two ranks, or starts the first alone, in an environment that is set up but for ``env``."""
    kept = {key: value for key, value in SET_UP.items() if key != without}
    return Provocation(
        cause=cause,
        command=each_rank(_CONNECT, started=started),
        where="torch27",
        env={**kept, **env},
        name=f"oneCCL 2021.12 {name}".strip(),
    )


ONECCL = (
    _oneccl("libfabric-missing", started=1, without="LD_LIBRARY_PATH"),
    _oneccl("libmpi-missing-quietly", LD_LIBRARY_PATH=_LIBFABRIC),
    _oneccl("i-mpi-root-unset", CCL_ATL_TRANSPORT="mpi"),
    _oneccl("fi-provider", FI_PROVIDER="nonesuch"),
    _oneccl("fi-provider", FI_PROVIDER_PATH="/nowhere/prov", name="FI_PROVIDER_PATH"),
    _oneccl("ccl-no-interface", started=1, CCL_KVS_IFACE="nowhere9"),
    _oneccl("worker-affinity-refused", CCL_WORKER_AFFINITY="4000,4001"),
    _oneccl("mpi-without-mpirun", CCL_ATL_TRANSPORT="mpi", I_MPI_ROOT=_MPI),
    Provocation(
        cause="hang-at-start",
        command=f"PYTHONPATH={ALONE.parent} RANK=0 WORLD_SIZE=2 {python(_IN_TORCH)}",
        where="torch27",
        env={**SET_UP, "CCL_ATL_TRANSPORT": "mpi", "I_MPI_ROOT": _MPI},
        name="CCL_ATL_TRANSPORT=mpi without mpirun",
    ),
    Provocation(
        cause="worker-affinity-refused",
        command=each_rank(_CONNECT),
        where="torch27",
        env={**SET_UP, "CCL_WORKER_AFFINITY": "$OTHER_CPU,$OTHER_CPU"},
        around="one cpu",
        name="outside the cpuset",
    ),
    Provocation(
        cause="mpi-without-mpirun",
        command=each_rank(_CONNECT),
        env={**_TODAY, "CCL_ATL_TRANSPORT": "mpi", "I_MPI_ROOT": "$LIBRARIES/opt/mpi"},
        name="oneCCL 2022.2",
    ),
)

INTEL_MPI = (
    Provocation(
        cause="mpirun-missing", command=f"{_MPI}/bin/mpirun -n 2 true", where="torch27", name="a part of it on PATH"
    ),
    Provocation(cause="i-mpi-root-unset", command=_MPIRUN, where="torch27", env={**SET_UP}, name="under mpirun"),
    Provocation(
        cause="fi-provider",
        command=_MPIRUN,
        where="torch27",
        env={**_WITH_MPI, "FI_PROVIDER": "nonesuch"},
        name="of Intel MPI",
    ),
    Provocation(
        cause="workers-exceed-cores",
        command=f"export CCL_WORKER_COUNT=$(($(nproc) + 1)); {_MPIRUN}",
        where="torch27",
        env=_WITH_MPI,
    ),
    Provocation(
        cause="shm-too-small",
        command=_MPIRUN,
        where="torch27",
        env=_WITH_MPI,
        around="small shared memory",
        name="Intel MPI",
    ),
)

ALL = (*PAIRS, *ONECCL, *INTEL_MPI)

HEALTHY: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "oneCCL 2021.12": (each_rank(_CONNECT), SET_UP),
    "oneCCL 2021.12 under mpirun": (_MPIRUN, {**_WITH_MPI, "I_MPI_DEBUG": "5"}),
    "oneCCL 2022.2": (each_rank(_CONNECT), {**_TODAY, "FI_PROVIDER_PATH": "$LIBRARIES/lib"}),
}
"""Commands that work, and their variables: what they print is no failure, at any level of talkativeness."""
