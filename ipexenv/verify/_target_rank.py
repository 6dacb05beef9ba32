"""One rank of the distributed checks: allreduce, ddp; started as ``TARGET -I -u _target_rank.py JSON``.

Standard library and torch only, Python 3.7 syntax. Ends with 1 when a check fails, unlike other scripts of this kind:
the exit code is what makes the parent end the other ranks at once.
"""

import datetime as dt
import hashlib
import importlib
import json
import os
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import _target_allreduce as allreduce
from _target_records import Records, prepare

sys.path.pop(0)

STEPS = 8
GRADIENT_TOLERANCE = 1e-5
BF16_TOLERANCE = 0.02
"""Part of the largest gradient: bfloat16 has 8 bits, and a sum over ranks rounds once for each."""


class Rank:
    """One process of the group."""

    def __init__(self, request):
        self.request = request
        self.rank = request["rank"]
        self.size = request["size"]
        self.torch = None
        self.dist = None
        self.provider = None
        self.joined = None

    def join(self, records):
        """Import torch and the bindings, and meet the other ranks; return what kind of group it became."""
        if self.joined is not None:
            return self.joined
        for name in self.request["import_names"]:
            records.stage("import " + name)
            module = importlib.import_module(name)
            if name == "torch":
                self.torch = module
            elif name == self.request["provider"]:
                self.provider = module
        self.dist = importlib.import_module("torch.distributed")
        os.environ["IPEXENV_BRIDGE_NEAR_BYTES"] = "0"  # oneCCL itself is to be proven, not the bridge's way around it
        records.stage("init_process_group " + self.request["backend"])
        meeting = self.request["meeting_file"]
        self.dist.init_process_group(
            self.request["backend"],
            init_method="env://" if meeting is None else "file://" + meeting,
            rank=self.rank,
            world_size=self.size,
            timeout=dt.timedelta(seconds=self.request["limit_s"]),
        )
        self.joined = {
            "provider_version": str(getattr(self.provider, "__version__", "")) or None,
            "pid": os.getpid(),
            "hostname": socket.gethostname(),
            "torch": self.torch.__version__,
        }
        return self.joined

    def prove_allreduce(self, records):
        told = dict(self.join(records))
        place = (self.rank, self.size)
        told["proven"] = allreduce.prove(self.torch, self.dist, place, self.request["averages"], records)
        told.update(allreduce.identity(self.torch, self.dist))
        told["seconds_by_bytes"] = allreduce.measure(self.torch, self.dist, records)
        return told

    def model(self, seed):
        self.torch.manual_seed(seed)
        nn = self.torch.nn
        return nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4)).to(self.dtype)

    def batch(self, rank):
        generator = self.torch.Generator().manual_seed(100 + rank)
        inputs = self.torch.randn(32, 16, generator=generator)
        return inputs, self.torch.randint(0, 4, (32,), generator=generator)

    def loss(self, model, rank):
        inputs, targets = self.batch(rank)
        return self.torch.nn.functional.cross_entropy(model(inputs.to(self.dtype)).float(), targets)

    @property
    def dtype(self):
        return self.torch.bfloat16 if self.request["dtype"] == "bf16" else self.torch.float32

    def prove_ddp(self, records):
        told = dict(self.join(records))
        records.stage("DistributedDataParallel")
        # Every rank starts from other weights: only rank 0's broadcast makes them the same.
        model = self.torch.nn.parallel.DistributedDataParallel(self.model(self.rank))
        expected = self.expected_gradients()
        optimizer = self.torch.optim.SGD(model.parameters(), lr=0.5)
        losses = []
        digest = None
        difference = 0.0
        for step in range(STEPS):
            records.stage("step %d" % (step + 1))
            optimizer.zero_grad()
            loss = self.loss(model, self.rank)
            loss.backward()
            if step == 0:
                gradients = flat(self.torch, [value.grad for value in model.parameters()])
                digest = digest_of(gradients)
                difference = float((gradients - expected).abs().max())
            optimizer.step()
            losses.append(loss.item())
        told.update(allreduce.identity(self.torch, self.dist))
        exact = self.dtype == self.torch.float32
        told.update(
            dtype=self.request["dtype"],
            losses=losses,
            gradient_digest=digest,
            gradient_difference=difference,
            gradient_tolerance=GRADIENT_TOLERANCE if exact else BF16_TOLERANCE * float(expected.abs().max()),
            parameter_digest=digest_of(flat(self.torch, list(model.parameters()))),
        )
        return told

    def expected_gradients(self):
        """Return the mean of all ranks' gradients at rank 0's weights, computed here without any communication."""
        total = None
        for rank in range(self.size):
            model = self.model(0)
            self.loss(model, rank).backward()
            gradients = flat(self.torch, [value.grad for value in model.parameters()])
            total = gradients if total is None else total + gradients
        return total / self.size

    def leave(self):
        if self.dist is not None and self.dist.is_initialized():
            self.dist.destroy_process_group()


def flat(torch, tensors):
    return torch.cat([tensor.detach().float().reshape(-1) for tensor in tensors])


def digest_of(tensor):
    """Return a hash of the exact values; tolist() needs no numpy, and repr tells every bit of a float."""
    return hashlib.sha256(repr(tensor.tolist()).encode()).hexdigest()


def main():
    request = json.loads(sys.argv[1])
    prepare(request["site_packages"])
    records = Records(request["limit_s"])
    rank = Rank(request)
    proofs = {"allreduce": rank.prove_allreduce, "ddp": rank.prove_ddp}
    for check in request["checks"]:
        if not records.run(check, proofs[check]):
            # Not sys.exit: what the backend does at shutdown could hang, and must not hide what happened.
            os._exit(1)
    rank.leave()


if __name__ == "__main__":
    main()
