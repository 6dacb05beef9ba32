"""What one rank does to prove and to time allreduce, and what it can tell of the library that does it.

Standard library and torch only, Python 3.7 syntax; loaded by ``_target_rank.py``.
"""

import ctypes
import os
import sys
import time

from _target_records import FailedError, mapped_libraries

ELEMENTS = 1 << 20
LATENCY_BYTES = (8, 1024)
BANDWIDTH_BYTES = (16 << 20, 64 << 20)
WARM_UP_CALLS, LATENCY_CALLS, BANDWIDTH_CALLS = 10, 50, 5
LONG_S = 1.0
SETTINGS = (
    "CCL_ATL_TRANSPORT",
    "CCL_ATL_SHM",
    "CCL_KVS_IFACE",
    "CCL_WORKER_OFFLOAD",
    "CCL_WORKER_AFFINITY",
    "FI_PROVIDER",
    "FI_TCP_IFACE",
    "I_MPI_FABRICS",
    "I_MPI_OFI_PROVIDER",
)
BRIDGE = "ipexenv_oneccl_bridge"


def cases(torch, dist, place, averages):
    """Return name, reduction, input, expected result and relative tolerance of what is tried.

    Each dtype can hold every intermediate sum exactly, so 0 is the tolerance but for averages; the int64 sums are out
    of reach of any detour through floats.
    """
    rank, size = place
    index = torch.arange(ELEMENTS)
    small = index % 1024
    total, largest = dist.ReduceOp.SUM, dist.ReduceOp.MAX
    found = [
        ("fp32 sum", total, ((rank + 1) * 0.5 + small).float(), (size * (size + 1) * 0.25 + size * small).float(), 0),
        ("fp64 sum", total, (rank + 1) * 0.25 + small.double(), size * (size + 1) * 0.125 + size * small.double(), 0),
        ("bf16 sum", total, (index % 2 + (rank == 0)).bfloat16(), (size * (index % 2) + 1).bfloat16(), 0),
        ("int64 sum", total, index + (1 << 54 if rank == 0 else 1), size * index + (1 << 54) + size - 1, 0),
        ("fp32 max", largest, (small + rank).float(), (small + size - 1).float(), 0),
        ("int32 max", largest, ((rank + 1) * small).int(), (size * small).int(), 0),
    ]
    if averages:
        mean = dist.ReduceOp.AVG
        tiny = index % 16
        found += [
            ("fp32 avg", mean, (2 * rank + small).float(), (size - 1 + small).float(), 1e-6),
            ("bf16 avg", mean, (2 * rank + tiny).bfloat16(), (size - 1 + tiny).bfloat16(), 0.02),
        ]
    return found


def prove(torch, dist, place, averages, records):
    """Try every case; return their names. Raises FailedError that names element, value and expectation.

    ``place`` holds rank and size.
    """
    proven = []
    for name, reduction, values, expected, tolerance in cases(torch, dist, place, averages):
        records.stage("allreduce " + name)
        dist.all_reduce(values, reduction)
        off = (values != expected) if tolerance == 0 else far(values, expected, tolerance)
        if bool(off.any()):
            wrong = int(off.nonzero()[0])
            raise FailedError(
                "%s: element %d is %s on rank %d, expected %s"
                % (name, wrong, values[wrong].item(), place[0], expected[wrong].item())
            )
        proven.append(name)
    return proven


def far(values, expected, tolerance):
    """Say of each element whether it is off; NaN is."""
    near = (values.double() - expected.double()).abs() <= tolerance * expected.double().abs().clamp(min=1)
    return ~near


def measure(torch, dist, records):
    """Return median seconds of one allreduce by bytes: small ones for the latency, large ones for the bandwidth."""
    seconds = {}
    for size_bytes in LATENCY_BYTES + BANDWIDTH_BYTES:
        records.stage("measure %d bytes" % size_bytes)
        values = torch.zeros(size_bytes // 4)
        calls = LATENCY_CALLS
        if size_bytes in LATENCY_BYTES:
            timed(dist, values, WARM_UP_CALLS)
        else:
            # All ranks must do the same number of calls: the slowest one's first call decides.
            first = torch.tensor([timed(dist, values, 1)[0]])
            dist.all_reduce(first, dist.ReduceOp.MAX)
            calls = 1 if float(first) > LONG_S else BANDWIDTH_CALLS
        seconds[str(size_bytes)] = sorted(timed(dist, values, calls))[calls // 2]
    return seconds


def timed(dist, values, calls):
    """Return the seconds of each call; zeros stay zeros, however often they are summed."""
    times = []
    for _ in range(calls):
        started = time.perf_counter()
        dist.all_reduce(values)
        times.append(time.perf_counter() - started)
    return times


def identity(torch, dist):
    """Say what really moves the data: the backend's name and class, the mapped libraries, oneCCL's own version."""
    group = dist.distributed_c10d._get_default_group()  # noqa: SLF001 (torch has no public way to ask)
    backend = group
    if hasattr(group, "_get_backend"):
        try:
            backend = group._get_backend(torch.device("cpu"))  # noqa: SLF001
        except RuntimeError:
            backend = group
    gloo = getattr(dist, "ProcessGroupGloo", None)
    libraries = [path for path in mapped_libraries("lib") if is_telling(os.path.basename(path))]
    return {
        "backend": dist.get_backend(),
        "implementation": type(backend).__name__,
        "implementation_module": type(backend).__module__,
        "is_gloo": gloo is not None and isinstance(backend, gloo),
        "libraries": libraries,
        "c_api_version": c_api_version(libraries),
        "settings": {name: os.environ[name] for name in SETTINGS if name in os.environ},
        "bridge": bridge(),
    }


def is_telling(name):
    return name.startswith(("libccl.so", "libccl_", "libmpi.so", "libfabric.so")) or name.endswith("-fi.so")


def c_api_version(libraries):
    """Return what the mapped oneCCL itself answers, as ``2022.2.0``; None where it has no C API (before 2022)."""
    for path in libraries:
        if os.path.basename(path).startswith("libccl.so.2"):
            number = ctypes.c_int()
            ask = getattr(ctypes.CDLL(path), "onecclGetVersion", None)
            if ask is not None and ask(ctypes.byref(number)) == 0:
                return "%d.%d.%d" % (number.value // 10000, number.value // 100 % 100, number.value % 100)
    return None


def bridge():
    """Return where the bridge's libraries are and its own words on them; None where it is not imported."""
    module = sys.modules.get(BRIDGE)
    if module is None:
        return None
    folder = os.environ.get("IPEXENV_BRIDGE_LIB") or os.path.join(os.path.dirname(module.__file__), "lib")
    return {"folder": os.path.realpath(folder), "version": module.__version__, "in_use": module.in_use()}
