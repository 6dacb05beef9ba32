"""What goes wrong on purpose, one way a run; prints what every rank saw. Usage: misfortune.py WAY [TIMEOUT_S].

TOGETHER=FOLDER and so many TOGETHER_RANKS have these begin at the same time, however long each took to import torch:
for the sake of time-outs that are shorter than that. PATIENCE_S shortens how long destroying a broken group waits for
others. Every rank writes its process id into the file OWNERS.
"""

# Runs in the target: torch and the standard library, Python 3.8 syntax.

import faulthandler
import json
import os
import signal
import socket
import sys
import threading
import time
from datetime import timedelta
from functools import partial

import oneccl_bindings_for_pytorch
import torch
import torch.distributed as dist

OUT = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def tell(answer):
    OUT.write(json.dumps(answer) + "\n")
    OUT.flush()


def caught(call):
    """Return what a call raises: the names of its classes, and its text."""
    began = time.monotonic()
    try:
        call()
    except Exception as error:
        return {
            "kinds": [kind.__name__ for kind in type(error).__mro__],
            "text": str(error),
            "seconds": round(time.monotonic() - began, 1),
        }
    return None


def sum_of_ones():
    dist.all_reduce(torch.ones(1000))


def killed(rank, size):
    """The last rank is killed; the others notice, and can use the group no more."""
    sum_of_ones()
    if rank == size - 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return [caught(sum_of_ones), caught(sum_of_ones)]


def absent(rank, size):
    """The last rank lives, and takes no part; what hangs on the failed work still runs when its process ends."""
    store = dist.distributed_c10d._get_default_store()
    sum_of_ones()
    if rank == size - 1:
        store.wait(["seen"], timedelta(seconds=60))
        return []
    work = dist.all_reduce(torch.ones(3), async_op=True)
    future = work.get_future()
    future.then(lambda _: time.sleep(0.3))
    seen = [caught(work.wait), caught(future.wait), caught(sum_of_ones)]
    store.set("seen", "1")
    return seen


def impatient(rank, size):
    """wait() with a time of its own gives up, and the group goes on."""
    store = dist.distributed_c10d._get_default_store()
    first = None
    if rank == 0:
        work = dist.all_reduce(torch.ones(3), async_op=True)
        first = caught(lambda: work.wait(timedelta(seconds=0.3)))
        store.set("go", "1")
        work.wait()
    else:
        store.get("go")
        dist.all_reduce(torch.ones(3))
    tensor = torch.ones(3)
    dist.all_reduce(tensor)
    return [first, tensor.tolist() == [float(size)] * 3]


def different(rank, size):
    """The ranks call different collectives."""
    del size
    if rank == 0:
        return [caught(sum_of_ones)]
    return [caught(lambda: dist.all_gather_into_tensor(torch.ones(200), torch.ones(100)))]


def unequal(rank, size):
    """The ranks call alike and with other sizes, each time in a group of their own: it cannot be used afterwards."""
    mine = torch.ones(size * 1000 * (1 + rank))
    part = torch.ones(1000 * (1 + rank))
    calls = {
        "allreduce": lambda group: dist.all_reduce(mine, group=group),
        "one way or the other": lambda group: dist.all_reduce(torch.ones(10 + (rank << 22)), group=group),
        "broadcast": lambda group: dist.broadcast(mine, 0, group=group),
        "all_gather": lambda group: dist.all_gather([part] * size, part, group=group),
        "all_to_all": lambda group: dist.all_to_all_single(mine.clone(), mine, group=group),
        "scatter": lambda group: dist.scatter(part, [torch.ones(1000)] * size if rank == 0 else None, group=group),
        "reductions": lambda group: dist.reduce(
            mine[:1000], 0, op=dist.ReduceOp.MAX if rank else dist.ReduceOp.SUM, group=group
        ),
    }
    found = {}
    for name, call in calls.items():
        group = dist.new_group(list(range(size)))
        found[name] = caught(partial(call, group))
    sum_of_ones()
    return found


def unanswered(rank, size):
    """A receive without its send: from a rank that never speaks to this one, and from one that did before."""
    tensor = torch.ones(5)
    if rank == 0:
        dist.recv(tensor, 1)
        return [caught(lambda: dist.recv(tensor, size - 1)), caught(lambda: dist.recv(tensor, 1)), tensor.tolist()]
    if rank == 1:
        dist.send(tensor * 3, 0)
    return [None]


def bad_input(rank, size):
    """Every rank is refused the same, so that nobody waits for anybody."""
    del rank
    ones = torch.ones(4)
    calls = {
        "device": lambda: dist.all_reduce(torch.ones(4, device="meta")),
        "layout": lambda: dist.all_reduce(torch.eye(3).to_sparse()),
        "type": lambda: dist.all_reduce(torch.quantize_per_tensor(ones, 1.0, 0, torch.qint8)),
        "operation": lambda: dist.all_reduce(torch.ones(4, dtype=torch.int32), op=dist.ReduceOp.BXOR),
        "average": lambda: dist.all_reduce(torch.ones(4, dtype=torch.bool), op=dist.ReduceOp.AVG),
        "output size": lambda: dist.all_gather_into_tensor(torch.ones(3 * size), ones),
        "list length": lambda: dist.all_gather([torch.ones(4)] * (size + 1), ones),
        "mixed list": lambda: dist.all_gather([torch.ones(4).int()] * size, torch.ones(4)),
        "own part": lambda: dist.all_gather([torch.ones(3)] * size, ones),
        "splits": lambda: dist.all_to_all_single(torch.ones(4), ones, [4] * size, [4] * size),
        "any source": lambda: dist.recv(torch.ones(4)),
        "itself": lambda: dist.distributed_c10d._get_default_group().send([ones], dist.get_rank(), 0),
    }
    found = {name: caught(call) for name, call in calls.items()}
    sum_of_ones()
    return found


def undestroyed(rank, size):
    """The program ends without destroying anything, and at different times."""
    sum_of_ones()
    dist.new_group([0, 1])
    time.sleep(rank)
    tell(size)
    sys.exit(0)


def apart(rank, size):
    """The ranks destroy their groups further apart than they wait for each other."""
    sum_of_ones()
    time.sleep(4.0 * rank)
    began = time.monotonic()
    dist.destroy_process_group()
    return [size, round(time.monotonic() - began, 1)]


def again(rank, size):
    """Groups come and go in one process."""
    sums = []
    for turn in range(3):
        store = dist.distributed_c10d._get_default_store()
        if rank == 0:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                store.set(f"port {turn}", str(probe.getsockname()[1]))
        port = store.get(f"port {turn}").decode()
        dist.destroy_process_group()
        dist.init_process_group("ccl", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=size)
        tensor = torch.full((3,), float(turn))
        dist.all_reduce(tensor)
        sums.append(tensor[0].item())
    dist.destroy_process_group()
    return [sums, len(os.listdir("/proc/self/fd")), threading.active_count()]


def forked(rank, size):
    """A child that is forked from a rank ends well, and is told that the group is not its own."""
    del size
    sum_of_ones()
    faulthandler.cancel_dump_traceback_later()  # a forked child would wait for its thread for ever, with any backend
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, json.dumps(caught(sum_of_ones)).encode())
        os.close(writing)
        sys.exit(rank)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = json.load(pipe)
    _, status = os.waitpid(child, 0)
    sum_of_ones()
    return [said, status]


def terminated(rank, size):
    """All ranks are told to end in the middle of a collective, as launchers do."""
    sum_of_ones()
    if rank == size - 1:
        time.sleep(1)
        os.kill(os.getppid(), 0)
        os.kill(os.getpid(), signal.SIGTERM)
    threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()
    sum_of_ones()
    return []


def crossed(rank, size):
    """Two groups, used by two threads, or asynchronously, in another order on every rank."""
    groups = [dist.new_group(list(range(size)), timeout=timedelta(seconds=20)) for _ in range(2)]
    order = groups if rank % 2 else groups[::-1]
    tensors = [torch.ones(50000) for _ in order]
    works = [dist.all_reduce(tensor, group=group, async_op=True) for tensor, group in zip(tensors, order)]
    for work in works:
        work.wait()
    found = [tensor[-1].item() for tensor in tensors]

    def repeat(group):
        for _ in range(50):
            tensor = torch.ones(100)
            dist.all_reduce(tensor, group=group)
            assert tensor[0].item() == size

    threads = [threading.Thread(target=repeat, args=(group,)) for group in groups]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def overlapping(rank, size):
    """A collective goes on while its caller does something else: the others come only after it said so."""
    store = dist.distributed_c10d._get_default_store()
    tensors = [torch.ones(1 << 20) for _ in range(3)]
    if rank == 0:
        works = [dist.all_reduce(tensor, async_op=True) for tensor in tensors]
        before = [work.is_completed() for work in works]
        store.set("free", "1")
        for work in reversed(works):
            work.wait()
    else:
        store.get("free")
        before = []
        for tensor in tensors:
            dist.all_reduce(tensor)
    return [before, [tensor[-1].item() == size for tensor in tensors]]


def deserted(rank, size):
    """A rank is killed while the other receives from it."""
    if rank == 0:
        tensor = torch.ones(5)
        dist.recv(tensor, size - 1)
        return [caught(lambda: dist.recv(tensor, size - 1))]
    dist.send(torch.ones(5), 0)
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGKILL)
    return []


def foreign(rank, size):
    """IPEX 2.3 to 2.7 bring a libccl of their own, here after the bridge's."""
    said = in_use(rank, size)
    import intel_extension_for_pytorch  # noqa: F401 (loads it)

    dist.all_reduce(torch.ones(1 << 20))
    return [said, in_use(rank, size)]


def in_use(rank, size):
    """Say what is in use, after a collective."""
    del rank, size
    sum_of_ones()
    return oneccl_bindings_for_pytorch.in_use()


def together():
    """Wait for the others."""
    folder = os.environ.get("TOGETHER")
    if folder:
        with open(os.path.join(folder, os.environ["RANK"]), "w"):
            pass
        while len(os.listdir(folder)) < int(os.environ["TOGETHER_RANKS"]):
            time.sleep(0.01)


def main():
    with open(os.environ.get("OWNERS", os.devnull), "a") as owners:
        owners.write(f"{os.getpid()}\n")
    faulthandler.enable()
    faulthandler.dump_traceback_later(100, exit=True)
    if os.environ.get("IPEX_FIRST"):
        import intel_extension_for_pytorch  # noqa: F401 (brings an oneCCL of its own)
    way, timeout_s = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 30.0
    place = {"rank": int(os.environ["RANK"]), "world_size": int(os.environ["WORLD_SIZE"])}
    where = os.environ.get("MEET_AT", "env://")
    if os.environ.get("PATIENCE_S"):
        from ipexenv_oneccl_bridge.engine import Engine

        Engine._patience_s = float(os.environ["PATIENCE_S"])
    together()
    refused = caught(
        lambda: dist.init_process_group("ccl", init_method=where, timeout=timedelta(seconds=timeout_s), **place)
    )
    if refused is not None:
        tell(refused)
        sys.exit(3)
    tell(globals()[way](dist.get_rank(), dist.get_world_size()))
    if dist.is_initialized():
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
