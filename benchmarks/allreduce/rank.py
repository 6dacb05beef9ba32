"""One rank of the benchmark, run by the target: times allreduces on one backend and prints them, on rank 0.

    rank.py BACKEND TYPE,TYPE... BYTES,BYTES...

BACKEND is ``ccl`` or ``gloo``. One JSON document: rows of operation, type, bytes and seconds, and what oneCCL says of
itself.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time

import torch
import torch.distributed as dist

PMI = {
    "RANK": "PMI_RANK",
    "WORLD_SIZE": "PMI_SIZE",
    "LOCAL_RANK": "MPI_LOCALRANKID",
    "LOCAL_WORLD_SIZE": "MPI_LOCALNRANKS",
}

LARGE_BYTES = 1 << 20


def start(backend: str) -> str:
    """Join the group; return what the backend says it is."""
    for name, launched in PMI.items():
        if launched in os.environ:
            os.environ.setdefault(name, os.environ[launched])
    said = f"torch {torch.__version__}"
    if backend == "ccl":
        import oneccl_bindings_for_pytorch as bindings  # type: ignore[import-not-found] # noqa: PLC0415 (gloo does without)

        dist.init_process_group("ccl")
        dist.all_reduce(torch.ones(1))
        in_use = getattr(bindings, "in_use", None)
        said += f", oneccl_bindings_for_pytorch {bindings.__version__}"
        return f"{said}, {in_use()}" if in_use else said
    dist.init_process_group(backend)
    return said


def repetitions(size_bytes: int) -> int:
    """Return how often an allreduce is timed: about as long for every size, as far as that goes."""
    if size_bytes < LARGE_BYTES:
        return 300
    return max(3, min(60, (240 << 20) // size_bytes))


def median_s(tensor: torch.Tensor, count: int) -> float:
    """Return the median time of an allreduce on the slowest rank, after a few that are not counted."""
    for _ in range(2 + count // 10):
        dist.all_reduce(tensor)
    times = []
    for _ in range(count):
        began = time.perf_counter()
        dist.all_reduce(tensor)
        times.append(time.perf_counter() - began)
    slowest = torch.tensor([statistics.median(times)], dtype=torch.float64)
    dist.all_reduce(slowest, op=dist.ReduceOp.MAX)
    return float(slowest.item())


def main() -> None:
    """Time every type and size."""
    backend, types, sizes = sys.argv[1:4]
    said = start(backend)
    rows = []
    for size_bytes in map(int, sizes.split(",")):
        for name in types.split(","):
            dtype = getattr(torch, name)
            tensor = torch.ones(size_bytes // torch.empty(0, dtype=dtype).element_size(), dtype=dtype)
            dist.all_reduce(tensor)
            if not bool((tensor == dist.get_world_size()).all()):
                raise SystemExit(f"{backend} added up {size_bytes} bytes of {name} wrongly")
            rows.append(("allreduce", name, size_bytes, median_s(tensor.zero_(), repetitions(size_bytes))))
    if dist.get_rank() == 0:
        print(json.dumps({"said": said, "rows": rows}), flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
