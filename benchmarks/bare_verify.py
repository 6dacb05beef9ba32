"""What a careful user would run by hand instead of ``ipexenv verify``: the same work with no checks and no report.

Imports torch (and IPEX where it is installed), trains the small model a few steps in fp32 and in bf16, then starts two
ranks that do one DDP step over gloo. Runs in the Python under test, with nothing but torch.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys

STEPS = 10


def train() -> None:
    """Train in fp32 and in bf16, through ``ipex.optimize`` where there is one."""
    import torch  # noqa: PLC0415 (the ranks below must not pay for IPEX)

    try:
        import intel_extension_for_pytorch as ipex  # noqa: PLC0415
    except ImportError:
        ipex = None
    inputs, targets = torch.randn(128, 64), torch.randint(0, 16, (128,))
    for dtype in (torch.float32, torch.bfloat16):
        model = torch.nn.Sequential(torch.nn.Linear(64, 256), torch.nn.ReLU(), torch.nn.Linear(256, 16)).train()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        if ipex is not None:
            try:
                model, optimizer = ipex.optimize(model, dtype=dtype, optimizer=optimizer)
            except AssertionError:
                model, optimizer = ipex.optimize(model, dtype=dtype, optimizer=optimizer, weights_prepack=False)
        for _ in range(STEPS):
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype is torch.bfloat16):
                outputs = model(inputs)
            torch.nn.functional.cross_entropy(outputs.float(), targets).backward()
            optimizer.step()


def rank() -> None:
    """Do one DDP step over gloo as the rank that the environment names."""
    import torch  # noqa: PLC0415

    torch.distributed.init_process_group("gloo")
    model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(64, 16))
    model(torch.randn(8, 64)).sum().backward()
    torch.distributed.destroy_process_group()


def main() -> int:
    """Do it all, one after the other."""
    if "RANK" in os.environ:
        rank()
        return 0
    train()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    ranks = [
        subprocess.Popen(
            [sys.executable, __file__],
            env={**os.environ, "RANK": str(n), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port},
        )
        for n in range(2)
    ]
    return max(process.wait() for process in ranks)


if __name__ == "__main__":
    sys.exit(main())
