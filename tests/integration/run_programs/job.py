"""A training script as people write it: its backend comes first, then perhaps a misfortune."""

import json
import os
import socket
import sys
import time

import torch
import torch.distributed as dist


def train(model):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    losses = []
    torch.manual_seed(1 + dist.get_rank())
    inputs = torch.randn(16, 8)
    targets = inputs.sum(1, keepdim=True)
    for _ in range(4):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = torch.nn.functional.mse_loss(model(inputs), targets)
        loss.backward()
        optimizer.step()
        shared = loss.detach().float().clone()
        dist.all_reduce(shared)
        losses.append(round(float(shared), 4))
    return losses


def main():
    backend, misfortune = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    rank = int(os.environ["RANK"])
    if backend == "ccl":
        import oneccl_bindings_for_pytorch  # noqa: F401
    if misfortune == "never joins" and rank == 1:
        time.sleep(3600)
    dist.init_process_group(backend)
    total = torch.tensor([rank + 1.0])
    dist.all_reduce(total)
    if misfortune == "exit" and rank == 1:
        print("the disk is full", file=sys.stderr)
        sys.exit(9)
    while misfortune == "goes on":
        dist.all_reduce(torch.ones(1))
        time.sleep(0.05)
    torch.manual_seed(0)
    losses = train(torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(8, 1)))
    told = {
        "rank": rank,
        "size": int(os.environ["WORLD_SIZE"]),
        "local": int(os.environ["LOCAL_RANK"]),
        "host": socket.gethostname(),
        "meet": os.environ["MASTER_ADDR"],
        "interfaces": [os.environ.get(name) for name in ("CCL_KVS_IFACE", "GLOO_SOCKET_IFNAME")],
        "cpus": sorted(os.sched_getaffinity(0)),
        "threads": torch.get_num_threads(),
        "sum": float(total),
        "losses": losses,
    }
    os.write(1, f"{json.dumps(told)}\n".encode())  # whole: a launcher passes on what comes, from all ranks
    if backend == "gloo":
        # On a single CPU for each rank gloo's threads (torch 2.13) now and then abort a process that takes it down.
        os._exit(0)
    dist.destroy_process_group()


main()
