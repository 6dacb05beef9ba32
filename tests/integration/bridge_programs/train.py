"""A few training steps on every rank, in several ways; prints the losses of each that torch has.

Usage: train.py BACKEND WAY...
"""

# Runs in the target: torch and the standard library, Python 3.8 syntax.

import faulthandler
import json
import os
import sys
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

STEPS = 5
VERSION = tuple(int(part) for part in torch.__version__.split(".")[:2])
SINCE = {"fsdp": (2, 2), "functional": (2, 2), "dtensor": (2, 2), "fully_sharded": (2, 7)}
"""First torch that has what these need on the CPU, whatever the backend; the others are in all from 2.0 on."""
SINCE_OVER_GLOO = {"ddp_bf16": (2, 2), "ddp_hook": (2, 2)}
"""First torch whose gloo knows bfloat16."""


def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 8))


def batch(rank, step):
    generator = torch.Generator().manual_seed(100 * rank + step)
    return torch.randn(16, 32, generator=generator), torch.randn(16, 8, generator=generator)


def train(wrapped, rank, dtype=torch.float32):
    optimizer = torch.optim.SGD(wrapped.parameters(), lr=0.1)
    losses = []
    for step in range(STEPS):
        inputs, targets = (tensor.to(dtype) for tensor in batch(rank, step))
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(wrapped(inputs).float(), targets.float())  # older torch has none in bfloat16
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    together = torch.stack(losses)
    dist.all_reduce(together)
    return together.tolist()


def ddp(rank):
    return train(DistributedDataParallel(model(), bucket_cap_mb=0.01), rank)


def ddp_bf16(rank):
    return train(DistributedDataParallel(model().bfloat16()), rank, torch.bfloat16)


def ddp_hook(rank):
    """Send the gradients as bfloat16; torch's own hook for that demands a GPU."""

    def shrink(state, bucket):
        sent = bucket.buffer().div(dist.get_world_size()).bfloat16()
        future = dist.all_reduce(sent, async_op=True).get_future()
        return future.then(lambda done: bucket.buffer().copy_(done.value()[0]))

    wrapped = DistributedDataParallel(model())
    wrapped.register_comm_hook(None, shrink)
    return train(wrapped, rank)


def ddp_unused(rank):
    class Forked(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.other = model(), nn.Linear(3, 3)

        def forward(self, inputs):
            return self.one(inputs)

    return train(DistributedDataParallel(Forked(), find_unused_parameters=True), rank)


def fsdp(rank):
    from torch.distributed.fsdp import FullyShardedDataParallel

    return train(FullyShardedDataParallel(model(), device_id=torch.device("cpu")), rank)


def fully_sharded(rank):
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    whole = model()
    for layer in whole:
        if isinstance(layer, nn.Linear):
            fully_shard(layer, mesh=mesh)
    fully_shard(whole, mesh=mesh)
    return train(whole, rank)


def dtensor(rank):
    """Shard a product both ways over a mesh, and gather it again."""
    from torch.distributed.device_mesh import init_device_mesh

    if VERSION >= (2, 5):
        from torch.distributed.tensor import Replicate, Shard, distribute_tensor
    else:
        from torch.distributed._tensor import Replicate, Shard, distribute_tensor

    del rank
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    torch.manual_seed(0)
    left, right = torch.randn(8, 12), torch.randn(12, 6)
    rows = distribute_tensor(left, mesh, [Shard(0)])
    columns = distribute_tensor(right, mesh, [Shard(1)])
    product = (rows.redistribute(mesh, [Replicate()]) @ columns).redistribute(mesh, [Shard(0)])
    difference = (product.full_tensor() - left @ right).abs().max()
    summed = distribute_tensor(left, mesh, [Shard(1)]).sum(dim=1).full_tensor()
    return [difference.item(), (summed - left.sum(dim=1)).abs().max().item()]


def functional(rank):
    """Call the functional collectives, which tracing compilers use."""
    from torch.distributed import _functional_collectives as functions

    group = dist.group.WORLD
    size = dist.get_world_size()
    own = torch.arange(4.0 * size) + rank
    found = [
        functions.all_reduce(own, "sum", group),
        functions.all_gather_tensor(own, 0, group),
        functions.reduce_scatter_tensor(own, "sum", 0, group),
        functions.all_to_all_single(own, None, None, group),
        functions.broadcast(own, 0, group) if hasattr(functions, "broadcast") else own,
        *functions.all_reduce_coalesced([own, own + 1], "sum", group),
        *functions.all_gather_into_tensor_coalesced([own], group),
        *functions.reduce_scatter_tensor_coalesced([own], "sum", [0], group),
    ]
    return [float(tensor.sum()) for tensor in found]


def main():
    faulthandler.dump_traceback_later(100, exit=True)
    backend, *ways = sys.argv[1:]
    if backend == "ccl":
        import oneccl_bindings_for_pytorch  # noqa: F401 (makes the backend known)
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    dist.init_process_group(backend, timeout=timedelta(seconds=60))
    since = {**SINCE, **(SINCE_OVER_GLOO if backend == "gloo" else {})}
    there = [way for way in ways if since.get(way, (2, 0)) <= VERSION]
    answer = {way: globals()[way](dist.get_rank()) for way in there}
    out.write(json.dumps(answer) + "\n")
    out.flush()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
