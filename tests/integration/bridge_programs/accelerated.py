"""A training loop with accelerate's Accelerator; every rank writes what it saw to FOLDER/<rank>.json.

Usage: accelerated.py FOLDER.
"""

# Runs in the target: torch, accelerate and the standard library. Nothing here imports the bridge before training.

import faulthandler
import json
import os
import sys

import torch
import torch.distributed as dist
from accelerate import Accelerator
from torch import nn


def main():
    faulthandler.dump_traceback_later(200, exit=True)
    accelerator = Accelerator(cpu=True)
    torch.manual_seed(0)
    inputs = torch.randn(64, 8)
    samples = torch.utils.data.TensorDataset(inputs, inputs.sum(dim=1, keepdim=True))
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    model, optimizer, loader = accelerator.prepare(model, optimizer, torch.utils.data.DataLoader(samples, batch_size=8))
    losses = []
    for _ in range(10):
        for given, wanted in loader:
            loss = nn.functional.mse_loss(model(given).float(), wanted)
            optimizer.zero_grad()
            accelerator.backward(loss)
            optimizer.step()
            losses.append(accelerator.reduce(loss.detach(), "mean").item())
    answer = {
        "backend": dist.get_backend(),
        "size": accelerator.num_processes,
        "ranks": [accelerator.process_index, accelerator.num_processes, accelerator.local_process_index],
        "batches": len(loader),
        "mixed": accelerator.mixed_precision,
        "losses": losses,
        "in use": sys.modules["ipexenv_oneccl_bridge"].in_use(),
    }
    with open(os.path.join(sys.argv[1], f"{accelerator.process_index}.json"), "w") as file:
        json.dump(answer, file)
    accelerator.end_training()  # destroys the group


if __name__ == "__main__":
    main()
