"""One rank of the benchmark of training steps, run by the target: prints the median step on the slowest rank.

    ddp_rank.py BACKEND TYPE,TYPE...

Two models of 25 million parameters: a perceptron of three layers, whose step is mostly communication, and the layers of
ResNet-50 on small pictures, whose step is mostly computing. Their parameters, and with them the gradients that travel,
have the type. Same output as ``rank.py``, with 0 bytes.
"""

from __future__ import annotations

import json
import statistics
import sys
import time

import torch
import torch.distributed as dist
from rank import start  # type: ignore[import-not-found] # it lies beside this file
from torch import nn
from torch.nn.functional import cross_entropy, relu
from torch.nn.parallel import DistributedDataParallel

STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
"""Of each stage: width, blocks, stride of the first block."""

WIDENING = 4
EXAMPLES, PIXELS, CLASSES = 8, 32, 1000
WIDTHS = (1024, 4096, 4096, 1024)
WARM_UP, STEPS = 3, 10


class Block(nn.Module):  # type: ignore[misc] # torch lives in the target
    """Three convolutions with a way around them."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        after = width * WIDENING
        self.inner = nn.Sequential(
            nn.Conv2d(before, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, stride, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, after, 1, bias=False),
            nn.BatchNorm2d(after),
        )
        around = before != after or stride != 1
        self.around = (
            nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))
            if around
            else nn.Identity()
        )

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        """Add what the convolutions find to what was given."""
        return relu(self.inner(given) + self.around(given))


def perceptron() -> nn.Module:
    """Return three layers with 25.2 million weights."""
    layers: list[nn.Module] = []
    for before, after in zip(WIDTHS, WIDTHS[1:]):  # noqa: B905, RUF007 (targets are older than that)
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers)


def resnet() -> nn.Module:
    """Return the layers of ResNet-50, 25.6 million parameters."""
    layers: list[nn.Module] = [
        nn.Conv2d(3, 64, 7, 2, 3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
    ]
    before = 64
    for width, blocks, stride in STAGES:
        for index in range(blocks):
            layers.append(Block(before, width, stride if index == 0 else 1))
            before = width * WIDENING
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, CLASSES))


MODELS = {
    "step of a perceptron": (perceptron, (8 * EXAMPLES, WIDTHS[0])),
    "step of a ResNet-50": (resnet, (EXAMPLES, 3, PIXELS, PIXELS)),
}
"""What makes the model, and the shape of what every rank shows it in a step."""


def step_s(what: str, dtype: torch.dtype) -> float:
    """Return the median time of a step on the slowest rank."""
    torch.manual_seed(0)
    make, shape = MODELS[what]
    module = DistributedDataParallel(make().to(dtype))
    optimizer = torch.optim.SGD(module.parameters(), lr=1e-3)
    examples = torch.randn(*shape).to(dtype)
    labels = torch.arange(shape[0])
    times = []
    for _ in range(WARM_UP + STEPS):
        began = time.perf_counter()
        optimizer.zero_grad()
        cross_entropy(module(examples).float(), labels).backward()
        optimizer.step()
        times.append(time.perf_counter() - began)
    slowest = torch.tensor([statistics.median(times[WARM_UP:])], dtype=torch.float64)
    dist.all_reduce(slowest, op=dist.ReduceOp.MAX)
    return float(slowest.item())


def main() -> None:
    """Time a step of every model in every type."""
    backend, types = sys.argv[1:3]
    said = start(backend)
    rows = [(what, name, 0, step_s(what, getattr(torch, name))) for what in MODELS for name in types.split(",")]
    if dist.get_rank() == 0:
        print(json.dumps({"said": said, "rows": rows}), flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
