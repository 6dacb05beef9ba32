"""Small allreduces within a host, one way a run; prints what every rank found. Usage: near.py WAY."""

# Runs in the target: torch and the standard library, Python 3.8 syntax.

import faulthandler
import itertools
import json
import os
import signal
import sys
import time
from datetime import timedelta

import oneccl_bindings_for_pytorch  # noqa: F401 (makes the backend known)
import torch
import torch.distributed as dist

OUT = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

BYTES = (2, 30, 32 << 10, (32 << 10) + 16, 64 << 10, (64 << 10) + 24, 256 << 10, 300_008, 1 << 20, (1 << 20) + 8)
"""Around every size at which the way changes, and some that no number of ranks divides."""

TYPES = ("float32", "bfloat16", "float64", "int64", "int32", "float16", "uint8")
REDUCTIONS = {"SUM": torch.add, "PRODUCT": torch.mul, "MAX": torch.maximum, "MIN": torch.minimum, "AVG": torch.add}


def given(rank, turn, count, dtype):
    """Return what a rank gives: small whole numbers, exact in every type."""
    numbers = (torch.arange(count) * 7 + rank * 3 + turn) % 4
    return numbers.to(dtype)


def wanted(size, turn, count, dtype, name):
    """Return what all of them make together."""
    total = given(0, turn, count, dtype)
    for rank in range(1, size):
        total = REDUCTIONS[name](total, given(rank, turn, count, dtype))
    if name == "AVG":
        rounding = None if dtype.is_floating_point else "trunc"
        total = torch.div(total, size, rounding_mode=rounding)
    return total


def laid(tensor, layout):
    """Return the same elements, laid out in memory in another way."""
    if layout == "strided":
        wide = torch.zeros(2 * tensor.numel(), dtype=tensor.dtype)
        wide[::2] = tensor
        return wide[::2]
    if layout == "rows" and tensor.numel() % 2 == 0:
        return tensor.view(2, -1)
    if layout == "gradient" and tensor.dtype.is_floating_point:
        return tensor.requires_grad_()
    return tensor


def every_size(rank, size):
    """Every size, type, reduction and layout, each in turn at once or in the background."""
    wrong = []
    layouts = itertools.cycle(("plain", "strided", "rows", "gradient"))
    for turn, (size_bytes, type_name, name) in enumerate(itertools.product(BYTES, TYPES, REDUCTIONS)):
        dtype = getattr(torch, type_name)
        count = max(1, size_bytes // torch.empty(0, dtype=dtype).element_size())
        tensor = laid(given(rank, turn, count, dtype), next(layouts))
        work = dist.all_reduce(tensor, op=getattr(dist.ReduceOp, name), async_op=bool(turn % 3))
        if work is not None:
            assert work.wait()
            assert work.is_completed()
        if not torch.equal(tensor.detach().reshape(-1), wanted(size, turn, count, dtype, name)):
            wrong.append([type_name, name, size_bytes])
    return wrong


def same_bits(rank, size):
    """Sums whose rounding depends on the order have the same bits on every rank."""
    found = []
    for dtype in (torch.float32, torch.bfloat16):
        for count in (1000, 100_000):
            torch.manual_seed(rank)
            tensor = torch.randn(count).to(dtype)
            dist.all_reduce(tensor)
            others = [torch.empty_like(tensor) for _ in range(size)]
            dist.all_gather(others, tensor)
            found.append(all(torch.equal(other, tensor) for other in others))
    return found


def queued(rank, size):
    """Many in flight, small and large, on two groups, waited for in another order; then at once."""
    other = dist.new_group(list(range(size)))
    counts = [10, 500_000, 1000, 20, 200_000, 5] * 5
    tensors = [torch.full((count,), float(index)) for index, count in enumerate(counts)]
    groups = [dist.group.WORLD, other]
    if rank % 2:
        time.sleep(0.05)
    works = [dist.all_reduce(tensor, group=groups[index % 2], async_op=True) for index, tensor in enumerate(tensors)]
    futures = [work.get_future() for work in works]
    for work in reversed(works):
        work.wait()
    now = torch.ones(10)
    dist.all_reduce(now)
    right = [bool((tensor == size * index).all()) for index, tensor in enumerate(tensors)]
    return [all(right), now[0].item(), all(future.done() for future in futures)]


def inference(rank, size):
    """Tensors that were made in inference mode, used within it and outside of it."""
    with torch.inference_mode():
        inside = torch.full((1000,), float(rank))
        dist.all_reduce(inside)
    outside = torch.full((1000,), float(rank))
    dist.all_reduce(outside)
    dist.all_reduce(inside, async_op=True).wait()
    return [inside[0].item(), outside[0].item(), size]


def mismatched(rank, size):
    """Ranks that give different sizes, types or reductions are told so, and may go on."""
    calls = [
        lambda: dist.all_reduce(torch.ones(10 + rank)),
        lambda: dist.all_reduce(torch.ones(10, dtype=(torch.float32, torch.int64)[rank % 2])),
        lambda: dist.all_reduce(torch.ones(10), op=(dist.ReduceOp.SUM, dist.ReduceOp.MAX)[rank % 2]),
        lambda: dist.all_reduce(torch.ones((10, 100_000)[rank % 2])),
        lambda: dist.all_reduce(torch.ones(10 + rank), async_op=True).wait(),
        lambda: dist.all_reduce(torch.ones((65_536, 131_072)[rank % 2])),  # as if one came to its second piece
    ]
    told = []
    for call in calls:
        try:
            call()
        except Exception as error:
            told.append([[kind.__name__ for kind in type(error).__mro__], str(error)])
        else:
            told.append(None)
        tensor = torch.ones(10)
        dist.all_reduce(tensor)
        assert tensor[0].item() == size
    return told


def threads(rank, size):
    """What torch does with many elements stays on one thread meanwhile, and goes back to as many as before."""
    torch.set_num_threads(3)
    found = []
    for count in (10, 100_000, 250_000):
        tensor = torch.ones(count)
        for _ in range(3):
            dist.all_reduce(tensor)
        work = dist.all_reduce(tensor, async_op=True)
        work.wait()
        found.append([torch.get_num_threads(), tensor[-1].item() == size**4])
    return found


def interrupted(rank, size):
    """A rank that is interrupted while it waits is told later that its group is out of step."""
    if rank == size - 1:
        time.sleep(5)
        return []

    def stop(number, frame):
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(1)
    told = []
    for _ in range(2):
        try:
            dist.all_reduce(torch.ones(10))
        except KeyboardInterrupt:
            told.append("KeyboardInterrupt")
        except Exception as error:
            told.append(str(error))
    return told


def main():
    faulthandler.enable()
    dist.init_process_group("ccl", timeout=timedelta(seconds=60))
    answer = globals()[sys.argv[1]](dist.get_rank(), dist.get_world_size())
    OUT.write(json.dumps(answer) + "\n")
    OUT.flush()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
