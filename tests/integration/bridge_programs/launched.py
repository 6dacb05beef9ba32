"""What a rank finds under its launcher, and a little work with the others. Usage: launched.py FOLDER [END] [CODE].

Every rank writes its answer to FOLDER/<rank>.json, for launchers mix what ranks print. END is how the last rank ends:
with exit code CODE after all is done (``late``), or while the others wait for it (``amid``).
"""

# Runs in the target: torch and the standard library, Python 3.8 syntax.

import faulthandler
import json
import os
import sys
from datetime import timedelta

import oneccl_bindings_for_pytorch
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


def reduced(value, group=None):
    tensor = torch.full((1000,), float(value))
    dist.all_reduce(tensor, group=group)
    return tensor[-1].item()


def trained(rank):
    """Do two steps of DDP and return what every rank has for parameters, as one number each."""
    torch.manual_seed(rank)  # DDP starts from rank 0's
    model = DistributedDataParallel(nn.Linear(8, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        model(torch.randn(16, 8)).pow(2).mean().backward()
        optimizer.step()
    mine = torch.cat([parameter.detach().flatten() for parameter in model.parameters()]).sum().reshape(1)
    everybody = [torch.zeros(1) for _ in range(dist.get_world_size())]
    dist.all_gather(everybody, mine)
    return [one.item() for one in everybody]


def work():
    before = [name for name in VARIABLES if name in os.environ]
    dist.init_process_group("ccl", timeout=timedelta(seconds=60))
    rank, size = dist.get_rank(), dist.get_world_size()
    outer = dist.new_group([0, size - 1])
    return {
        "backend": dist.get_backend(),
        "rank": rank,
        "size": size,
        "set before": before,
        "set": {name: os.environ.get(name) for name in VARIABLES},
        "all": reduced(rank + 1),
        "outer": reduced(rank + 1, outer) if rank in {0, size - 1} else None,
        "parameters": trained(rank),
        "in use": oneccl_bindings_for_pytorch.in_use(),
    }


def main():
    faulthandler.dump_traceback_later(100, exit=True)
    folder, end, code = [*sys.argv[1:], "well", "0"][:3]
    answer = work()
    rank, size = answer["rank"], answer["size"]
    with open(os.path.join(folder, f"{rank}.json"), "w") as file:
        json.dump(answer, file)
    if end == "amid" and rank == size - 1:
        os._exit(int(code))
    if end == "amid":
        reduced(1)
    dist.destroy_process_group()
    sys.exit(int(code) if rank == size - 1 else 0)


if __name__ == "__main__":
    main()
