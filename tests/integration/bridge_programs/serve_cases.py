"""A rank that does the collectives it is told, one JSON document a line, and answers with what it got."""

# Runs in the target: torch and the standard library, Python 3.8 syntax.

import faulthandler
import json
import os
import sys
import traceback
from datetime import timedelta

import oneccl_bindings_for_pytorch  # noqa: F401 (makes the backend known)
import torch
import torch.distributed as dist
from values import values

GROUPS = {}


def tensor_of(numbers, dtype, layout):
    """Make a tensor that holds the numbers in its order of elements, whatever its strides."""
    kind = getattr(torch, dtype)
    dense = torch.tensor(numbers, dtype=torch.float64).to(kind) if numbers else torch.empty(0, dtype=kind)
    if layout == "strided":
        wide = torch.zeros(2 * len(numbers), dtype=kind)
        wide[::2] = dense
        return wide[::2]
    if layout == "transposed" and len(numbers) % 2 == 0 and numbers:
        return dense.view(2, -1).t().contiguous().t()
    return dense


def blank(count, dtype, layout):
    return tensor_of([1] * count, dtype, layout)


def group_of(ranks):
    """Return the group of these ranks; every rank makes every group, as torch demands."""
    key = tuple(ranks)
    if key not in GROUPS:
        GROUPS[key] = dist.group.WORLD if len(key) == dist.get_world_size() else dist.new_group(list(key))
    return GROUPS[key]


def listed(tensor):
    kind = torch.float64 if tensor.dtype.is_floating_point else torch.int64
    return tensor.to(kind).flatten().tolist()


class Doer:
    """Does one case; ``mine`` is this rank's place in the group."""

    def __init__(self, case):
        self.case = case
        self.group = group_of(case["group"])
        self.ranks = case["group"]
        self.mine = self.ranks.index(dist.get_rank()) if dist.get_rank() in self.ranks else -1
        self.dtype, self.layout = case["dtype"], case["layout"]
        self.options = {"group": self.group, "async_op": case["async"]}

    def own(self, count, place=None):
        place = self.mine if place is None else place
        return tensor_of(values(self.case["seed"], place, count, self.dtype), self.dtype, self.layout)

    def split(self, numbers, counts):
        parts, start = [], 0
        for count in counts:
            parts.append(tensor_of(numbers[start : start + count], self.dtype, self.layout))
            start += count
        return parts

    def op(self):
        return getattr(dist.ReduceOp, self.case["reduce"])

    def root(self):
        return self.ranks[self.case["root"]]

    def finish(self, work, outputs):
        if self.case["async"] and work is not None:
            assert work.wait()
            assert getattr(work, "is_completed", work.wait)()  # all_reduce_coalesced returns a future in its stead
        return [listed(output) for output in outputs]

    def all_reduce(self):
        tensor = self.own(self.case["count"])
        return self.finish(dist.all_reduce(tensor, op=self.op(), **self.options), [tensor])

    def all_reduce_coalesced(self):
        tensors = [self.own(count) for count in self.case["counts"]]
        return self.finish(dist.all_reduce_coalesced(tensors, op=self.op(), **self.options), tensors)

    def reduce(self):
        tensor = self.own(self.case["count"])
        return self.finish(dist.reduce(tensor, self.root(), op=self.op(), **self.options), [tensor])

    def broadcast(self):
        tensor = self.own(self.case["count"])
        return self.finish(dist.broadcast(tensor, self.root(), **self.options), [tensor])

    def all_gather(self):
        counts = self.case["counts"]
        outputs = [blank(count, self.dtype, self.layout) for count in counts]
        return self.finish(dist.all_gather(outputs, self.own(counts[self.mine]), **self.options), outputs)

    def all_gather_into_tensor(self):
        output = blank(self.case["count"] * len(self.ranks), self.dtype, self.layout).flatten()
        return self.finish(
            dist.all_gather_into_tensor(output, self.own(self.case["count"]).contiguous(), **self.options), [output]
        )

    def gather(self):
        counts = self.case["counts"]
        outputs = [blank(count, self.dtype, self.layout) for count in counts] if self.mine == self.case["root"] else []
        work = dist.gather(self.own(counts[self.mine]), outputs or None, self.root(), **self.options)
        return self.finish(work, outputs)

    def scatter(self):
        counts = self.case["counts"]
        given = None
        if self.mine == self.case["root"]:
            given = self.split(values(self.case["seed"], self.mine, sum(counts), self.dtype), counts)
        output = blank(counts[self.mine], self.dtype, self.layout)
        return self.finish(dist.scatter(output, given, self.root(), **self.options), [output])

    def reduce_scatter(self):
        counts = self.case["counts"]
        given = self.split(values(self.case["seed"], self.mine, sum(counts), self.dtype), counts)
        output = blank(counts[self.mine], self.dtype, self.layout)
        return self.finish(dist.reduce_scatter(output, given, op=self.op(), **self.options), [output])

    def reduce_scatter_tensor(self):
        output = blank(self.case["count"], self.dtype, self.layout)
        given = self.own(self.case["count"] * len(self.ranks)).flatten()
        return self.finish(dist.reduce_scatter_tensor(output, given, op=self.op(), **self.options), [output])

    def all_to_all(self):
        table = self.case["table"]
        sent = table[self.mine]
        given = self.split(values(self.case["seed"], self.mine, sum(sent), self.dtype), sent)
        outputs = [blank(row[self.mine], self.dtype, self.layout) for row in table]
        return self.finish(dist.all_to_all(outputs, given, **self.options), outputs)

    def all_to_all_single(self):
        table = self.case["table"]
        sent, received = table[self.mine], [row[self.mine] for row in table]
        output = blank(sum(received), self.dtype, self.layout).flatten()
        given = self.own(sum(sent)).flatten()
        even = self.case["even"]
        splits = (None, None) if even else (received, sent)
        return self.finish(dist.all_to_all_single(output, given, *splits, **self.options), [output])

    def barrier(self):
        return self.finish(dist.barrier(**self.options), [])

    def ring(self):
        """Send to the next rank and receive from the last, two messages each, in the other order."""
        after = self.ranks[(self.mine + 1) % len(self.ranks)]
        before = self.ranks[(self.mine - 1) % len(self.ranks)]
        count = self.case["count"]
        first, second = blank(count, self.dtype, self.layout), blank(count + 1, self.dtype, self.layout)
        works = [
            dist.isend(self.own(count), after, group=self.group, tag=1),
            dist.isend(self.own(count + 1), after, group=self.group, tag=2),
            dist.irecv(second, before, group=self.group, tag=2),
            dist.irecv(first, before, group=self.group, tag=1),
        ]
        for work in works:
            work.wait()
        return [listed(first), listed(second)]


def answer(line):
    try:
        case = json.loads(line)
        doer = Doer(case)
        if doer.mine < 0:
            return {"outputs": None}
        return {"outputs": getattr(doer, case["op"])()}
    except Exception:
        return {"error": traceback.format_exc()}


def main():
    faulthandler.enable()
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever prints, answers stay alone on stdout
    dist.init_process_group("ccl", timeout=timedelta(seconds=60))
    for line in sys.stdin:
        out.write(json.dumps(answer(line)) + "\n")
        out.flush()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
