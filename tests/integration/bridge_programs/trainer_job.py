"""A tiny language model trained by transformers' Trainer; every rank writes what it saw to OUTPUT_DIR/<rank>.json.

Usage: trainer_job.py --output_dir FOLDER [options of TrainingArguments].
"""

# Runs in the target: torch, transformers and the standard library. Nothing here imports the bridge before training.

import faulthandler
import json
import os
import sys

import torch
import torch.distributed as dist
from transformers import GPT2Config, GPT2LMHeadModel, HfArgumentParser, Trainer, TrainingArguments

WORDS, LENGTH, SAMPLES = 32, 16, 64


class Counting(torch.utils.data.Dataset):
    """Sequences that count upwards from different numbers."""

    def __len__(self):
        return SAMPLES

    def __getitem__(self, index):
        words = (torch.arange(LENGTH) + index) % WORDS
        return {"input_ids": words, "labels": words}


def model():
    torch.manual_seed(0)
    still = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    return GPT2LMHeadModel(GPT2Config(vocab_size=WORDS, n_positions=LENGTH, n_embd=32, n_layer=2, n_head=2, **still))


def said():
    """Say what is in use, where the bridge came with the training."""
    bridge = sys.modules.get("ipexenv_oneccl_bridge")
    return bridge.in_use() if bridge is not None else ""


def main():
    faulthandler.dump_traceback_later(200, exit=True)
    (settings,) = HfArgumentParser(TrainingArguments).parse_args_into_dataclasses()
    trainer = Trainer(model=model(), args=settings, train_dataset=Counting())
    trainer.train()
    answer = {
        "backend": dist.get_backend(),
        "size": dist.get_world_size(),
        "ranks": [settings.process_index, settings.world_size, settings.local_process_index],
        "losses": [row["loss"] for row in trainer.state.log_history if "loss" in row],
        "parameters": sum(parameter.detach().double().sum().item() for parameter in trainer.model.parameters()),
        "in use": said(),
    }
    with open(os.path.join(settings.output_dir, f"{dist.get_rank()}.json"), "w") as file:
        json.dump(answer, file)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
