"""One rank of the distributed checks: allreduce, ddp; started as ``TARGET -I -u _target_rank.py JSON``.

Standard library and torch only, Python 3.7 syntax. Ends with 1 when a check fails, unlike other scripts of this kind:
the exit code is what makes the parent end the other ranks at once.
"""

import datetime as dt
import hashlib
import importlib
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from _target_records import FailedError, Records, mapped_libraries, prepare

sys.path.pop(0)

ELEMENTS = 1 << 20
SMALL_CALLS, LARGE_CALLS = 20, 5
STEPS = 8
GRADIENT_TOLERANCE = 1e-5
LIBRARIES = ("libccl.so", "libmpi.so", "libfabric.so")


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
        records.stage("init_process_group " + self.request["backend"])
        self.dist.init_process_group(
            self.request["backend"],
            init_method="file://" + self.request["meeting_file"],
            rank=self.rank,
            world_size=self.size,
            timeout=dt.timedelta(seconds=self.request["limit_s"]),
        )
        self.joined = {
            "provider_version": str(getattr(self.provider, "__version__", "")) or None,
            "pid": os.getpid(),
        }
        return self.joined

    def identity(self):
        """Say what really moves the data: the backend's name, its class, and the libraries that are mapped."""
        group = self.dist.distributed_c10d._get_default_group()  # noqa: SLF001 (torch has no public way to ask)
        backend = group
        if hasattr(group, "_get_backend"):
            try:
                backend = group._get_backend(self.torch.device("cpu"))  # noqa: SLF001
            except RuntimeError:
                backend = group
        gloo = getattr(self.dist, "ProcessGroupGloo", None)
        return {
            "backend": self.dist.get_backend(),
            "implementation": type(backend).__name__,
            "is_gloo": gloo is not None and isinstance(backend, gloo),
            "libraries": mapped_libraries(*LIBRARIES),
        }

    def prove_allreduce(self, records):
        told = dict(self.join(records))
        torch = self.torch
        index = torch.arange(ELEMENTS)
        size, rank = self.size, self.rank
        # Sums that each dtype can hold exactly; the int64 ones are out of reach of any detour through floats.
        cases = (
            (
                "fp32",
                ((rank + 1) * 0.5 + index % 1024).float(),
                (size * (size + 1) * 0.25 + size * (index % 1024)).float(),
            ),
            ("bf16", (index % 2 + (rank == 0)).bfloat16(), (size * (index % 2) + 1).bfloat16()),
            ("int64", index + (1 << 54 if rank == 0 else 1), size * index + (1 << 54) + size - 1),
        )
        for name, values, expected in cases:
            records.stage("allreduce " + name)
            self.dist.all_reduce(values)
            if not torch.equal(values, expected):
                wrong = int((values != expected).nonzero()[0])
                raise FailedError(
                    "%s: element %d is %s on rank %d, expected %s"
                    % (name, wrong, values[wrong].item(), rank, expected[wrong].item())
                )
        told.update(self.identity())
        records.stage("measure")
        told["latency_microseconds"] = 1e6 * self.median_seconds(torch.ones(1), SMALL_CALLS)
        told["milliseconds_4mib"] = 1e3 * self.median_seconds(torch.ones(ELEMENTS), LARGE_CALLS)
        return told

    def median_seconds(self, values, calls):
        times = []
        for _ in range(calls):
            started = time.perf_counter()
            self.dist.all_reduce(values)
            times.append(time.perf_counter() - started)
        return sorted(times)[calls // 2]

    def model(self, seed):
        self.torch.manual_seed(seed)
        nn = self.torch.nn
        return nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))

    def batch(self, rank):
        generator = self.torch.Generator().manual_seed(100 + rank)
        inputs = self.torch.randn(32, 16, generator=generator)
        return inputs, self.torch.randint(0, 4, (32,), generator=generator)

    def loss(self, model, rank):
        inputs, targets = self.batch(rank)
        return self.torch.nn.functional.cross_entropy(model(inputs), targets)

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
        told.update(self.identity())
        told.update(
            losses=losses,
            gradient_digest=digest,
            gradient_difference=difference,
            gradient_tolerance=GRADIENT_TOLERANCE,
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
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors])


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
