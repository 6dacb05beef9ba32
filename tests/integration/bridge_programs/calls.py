"""What programs do besides plain collectives; prints every answer that torch has. Usage: calls.py BACKEND [CALL...]."""

# Runs in the target: torch and the standard library, Python 3.8 syntax.

import faulthandler
import json
import os
import sys
from datetime import timedelta

import oneccl_bindings_for_pytorch  # noqa: F401 (makes the backend known)
import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import _coalescing_manager


def objects(rank, size):
    """Python objects of different sizes."""
    gathered, scattered = [None] * size, [None]
    dist.all_gather_object(gathered, "x" * (1000 * rank))
    sent = [{"from": 0}, "second"] if rank == 0 else [None, None]
    dist.broadcast_object_list(sent, 0)
    to_root = [None] * size if rank == 0 else None
    dist.gather_object(rank, to_root, 0)
    dist.scatter_object_list(scattered, [10 * other for other in range(size)] if rank == 0 else [None] * size, 0)
    return [[len(text) for text in gathered], sent, to_root, scattered]


def pairs(rank, size):
    """Both directions at once, as pipelines do."""
    received = torch.zeros(5)
    following, before = (rank + 1) % size, (rank - 1) % size
    mine = torch.full((5,), float(rank))
    calls = [dist.P2POp(dist.isend, mine, following), dist.P2POp(dist.irecv, received, before)]
    for work in dist.batch_isend_irecv(calls):
        work.wait()
    return received.tolist()


def futures(rank, size):
    """What is done once a collective has ended; a future may be asked for before and after."""
    del size
    tensor = torch.full((3,), rank + 1.0)
    work = dist.all_reduce(tensor, async_op=True)
    doubled = work.get_future().then(lambda done: (done.value()[0] * 2).tolist()).wait()
    again = work.get_future().wait()[0].tolist()
    work = dist.broadcast(torch.ones(1000000), 0, async_op=True)
    work.wait()
    return [doubled, again, work.is_completed(), work.get_future().done()]


def coalesced(rank, size):
    """Collectives that a program puts together."""
    sums = [torch.ones(3) * (place + 1) for place in range(3)]
    with _coalescing_manager(async_ops=True) as together:
        for tensor in sums:
            dist.all_reduce(tensor)
    together.wait()
    gathered = [torch.zeros(size) for _ in range(2)]
    with _coalescing_manager():
        for tensor in gathered:
            dist.all_gather_into_tensor(tensor, torch.ones(1) * rank)
    kept = [torch.zeros(1) for _ in range(2)]
    with _coalescing_manager():
        for tensor in kept:
            dist.reduce_scatter_tensor(tensor, torch.arange(float(size)))
    return [[tensor.tolist() for tensor in row] for row in (sums, gathered, kept)]


def groups(rank, size):
    """Groups of all kinds, of which some ranks are no members."""
    everyone = list(range(size))
    found = []
    for group in (
        dist.new_group(everyone, use_local_synchronization=True),
        dist.new_group(everyone, backend="gloo"),
        dist.new_group(everyone, backend="ccl", timeout=timedelta(seconds=20)),
        dist.new_subgroups(1)[0],
        dist.new_group([size - 1]),
    ):
        tensor = torch.ones(2)
        dist.all_reduce(tensor, group=group)
        found.append(tensor[0].item() if dist.get_rank(group) >= 0 else None)
    dist.destroy_process_group(group) if rank == size - 1 else None
    return found


def mesh(rank, size):
    """A mesh of two dimensions, one of them of a single rank."""
    from torch.distributed.device_mesh import init_device_mesh

    del rank
    both = init_device_mesh("cpu", (1, size), mesh_dim_names=("outer", "inner"))
    found = []
    for name in ("outer", "inner"):
        tensor = torch.ones(2)
        dist.all_reduce(tensor, group=both.get_group(name))
        found.append(tensor[0].item())
    return found


def kinds(rank, size):
    """Numbers that oneCCL does not know: complex ones are added as pairs; all can be moved."""
    found = {}
    for name in ("complex64", "complex128", "uint16", "uint32", "float8_e4m3fn"):
        if not hasattr(torch, name):
            continue
        kind = getattr(torch, name)
        own = torch.full((size,), rank + 1.0).to(kind)
        gathered = torch.zeros(size * size).to(kind)
        dist.all_gather_into_tensor(gathered, own)
        exchanged = torch.zeros(size).to(kind)
        dist.all_to_all_single(exchanged, own)
        found[name] = [moved.to(torch.complex128).real.tolist() for moved in (gathered, exchanged)]
        if not name.startswith("float8"):
            part = torch.zeros(1).to(kind)
            dist.reduce_scatter_tensor(part, own)
            dist.all_reduce(own)
            found[name] += [summed.to(torch.complex128).real.tolist() for summed in (part, own)]
    return found


def modes(rank, size):
    """Inside and outside of inference mode, on leaves of a graph, and through one."""
    from torch.distributed.nn import functional

    del rank
    found = []
    for _ in range(2):
        with torch.inference_mode():
            inner = torch.ones(4)
            dist.all_reduce(inner)
            found.append(inner[0].item())
        leaf = torch.ones(4, requires_grad=True)
        dist.all_reduce(leaf)
        dist.broadcast(leaf[::2].detach(), 0)
        found.append(leaf[0].item())
    through = torch.ones(4, requires_grad=True)
    functional.all_reduce(through).sum().backward()
    return [*found, through.grad[0].item() == size]


def several_threads(rank, size):
    """Threads with a group each, all at once."""
    import threading

    del rank
    found = []

    def repeat(group):
        for count in (10, 300000):
            tensor = torch.ones(count)
            dist.all_reduce(tensor, group=group)
            found.append(tensor[-1].item())

    threads = [threading.Thread(target=repeat, args=(dist.new_group(list(range(size))),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def names(rank, size):
    """What a program can ask."""
    del rank, size
    dist.barrier(device_ids=[0])
    return [dist.get_backend(), type(dist.group.WORLD).__name__, dist.get_process_group_ranks(dist.group.WORLD)]


CALLS = (objects, pairs, futures, coalesced, groups, mesh, kinds, modes, several_threads, names)
SINCE = {"coalesced": (2, 1), "groups": (2, 1), "mesh": (2, 2), "names": (2, 1)}
"""First torch that has what these call; the others are in every torch from 2.0 on."""


def is_there(call):
    return tuple(int(part) for part in torch.__version__.split(".")[:2]) >= SINCE.get(call.__name__, (2, 0))


def main():
    faulthandler.dump_traceback_later(100, exit=True)
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    backend, *wanted = sys.argv[1:]
    dist.init_process_group(backend, timeout=timedelta(seconds=60))
    rank, size = dist.get_rank(), dist.get_world_size()
    called = [call for call in CALLS if is_there(call) and (not wanted or call.__name__ in wanted)]
    answer = {call.__name__: call(rank, size) for call in called}
    dist.destroy_process_group()
    out.write(json.dumps(answer) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
