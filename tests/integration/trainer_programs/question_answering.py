"""A small BERT, randomly initialised, fine-tuned for question answering by transformers' Trainer.

Usage: question_answering.py --train_file SQUAD.json --vocab_file VOCAB.txt [shape of the model] [TrainingArguments].

The files are the caller's: questions in the format of SQuAD, and a WordPiece vocabulary. Every rank writes what it saw
to OUTPUT_DIR/<rank>.json.
"""

# Runs in the target: torch, transformers and the standard library, and whatever versions of them are there. How it is
# to train (device, precision, backend) comes from the command line alone.

import dataclasses
import faulthandler
import json
import os
import sys
import time

import torch
import torch.distributed as dist
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import BertProcessing
from transformers import (
    BertConfig,
    BertForQuestionAnswering,
    HfArgumentParser,
    PreTrainedTokenizerFast,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    default_data_collator,
)

WARM_UP_STEPS = 3


@dataclasses.dataclass
class Task:
    """What is learnt, and by how large a model."""

    train_file: str
    vocab_file: str
    sequence_length: int = 64
    hidden_size: int = 64
    layers: int = 2
    heads: int = 2
    limit_s: int = 300


class Watch(TrainerCallback):
    """Takes the time of every step."""

    def __init__(self):
        self.began = 0.0
        self.seconds = []

    def on_step_begin(self, args, state, control, **more):
        self.began = time.perf_counter()

    def on_step_end(self, args, state, control, **more):
        self.seconds.append(time.perf_counter() - self.began)


class Witness:
    """Sees in which precision a layer computes, and who calls ipex.optimize."""

    def __init__(self, layer):
        self.precisions = set()
        self.optimized = []
        layer.register_forward_hook(self._computed)
        try:
            import intel_extension_for_pytorch as ipex
        except ImportError:
            return
        self._optimize, ipex.optimize = ipex.optimize, self._called

    def _computed(self, _layer, _inputs, output):
        self.precisions.add(str(output.dtype).replace("torch.", ""))

    def _called(self, *arguments, **more):
        self.optimized.append(sys._getframe(1).f_globals["__name__"])
        return self._optimize(*arguments, **more)


def tokenizer(vocab_file):
    with open(vocab_file) as file:
        words = {word.rstrip("\n"): number for number, word in enumerate(file)}
    model = Tokenizer(WordPiece(words, unk_token="[UNK]"))
    model.normalizer = BertNormalizer(lowercase=True)
    model.pre_tokenizer = BertPreTokenizer()
    model.post_processor = BertProcessing(("[SEP]", words["[SEP]"]), ("[CLS]", words["[CLS]"]))
    return PreTrainedTokenizerFast(tokenizer_object=model, pad_token="[PAD]")


def questions(train_file):
    """Yield question, context, and the answer's first and last character."""
    with open(train_file) as file:
        articles = json.load(file)["data"]
    for article in articles:
        for paragraph in article["paragraphs"]:
            for asked in paragraph["qas"]:
                answer = asked["answers"][0]
                start = answer["answer_start"]
                yield asked["question"], paragraph["context"], start, start + len(answer["text"]) - 1


def features(task):
    """Return one mapping of tensors for each question, padded to the length of all."""
    encode = tokenizer(task.vocab_file)
    found = []
    for question, context, first, last in questions(task.train_file):
        row = encode(question, context, truncation="only_second", max_length=task.sequence_length, padding="max_length")
        start, end = (row.char_to_token(0, place, sequence_index=1) for place in (first, last))
        assert start is not None and end is not None, (question, context)  # noqa: PT018 (one thing)
        names = ("input_ids", "attention_mask", "token_type_ids")
        tensors = {name: torch.tensor(row[name]) for name in names if name in row}
        found.append({**tensors, "start_positions": torch.tensor(start), "end_positions": torch.tensor(end)})
    return found, len(encode)


def model(task, words):
    torch.manual_seed(0)
    return BertForQuestionAnswering(
        BertConfig(
            vocab_size=words,
            hidden_size=task.hidden_size,
            num_hidden_layers=task.layers,
            num_attention_heads=task.heads,
            intermediate_size=4 * task.hidden_size,
            max_position_embeddings=task.sequence_length,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
    )


def in_use():
    """Say what the ccl backend runs on, where the bridge came with the training."""
    bridge = sys.modules.get("ipexenv_oneccl_bridge")
    return bridge.in_use() if bridge is not None else ""


def tokens_per_second(seconds, tokens):
    """Return how many tokens all ranks together trained on per second, by the median step; None for a short run."""
    counted = sorted(seconds[WARM_UP_STEPS:])
    return tokens / counted[len(counted) // 2] if counted else None


def main():
    task, settings = HfArgumentParser((Task, TrainingArguments)).parse_args_into_dataclasses()
    faulthandler.dump_traceback_later(task.limit_s, exit=True)
    rows, words = features(task)
    network = model(task, words)
    witness, watch = Witness(network.qa_outputs), Watch()
    trainer = Trainer(
        model=network, args=settings, train_dataset=rows, data_collator=default_data_collator, callbacks=[watch]
    )
    trainer.train()
    joined = dist.is_available() and dist.is_initialized()
    tokens = settings.world_size * settings.per_device_train_batch_size * task.sequence_length
    answer = {
        "backend": dist.get_backend() if joined else None,
        "ranks": [settings.process_index, settings.world_size, settings.local_process_index],
        "device": str(settings.device),
        "losses": [row["loss"] for row in trainer.state.log_history if "loss" in row],
        "parameters": sum(parameter.detach().double().sum().item() for parameter in trainer.model.parameters()),
        "precisions": sorted(witness.precisions),
        "optimized by": sorted(set(witness.optimized)),
        "threads": torch.get_num_threads(),
        "cpus": sorted(os.sched_getaffinity(0)),
        "tokens per second": tokens_per_second(watch.seconds, tokens),
        "in use": in_use(),
    }
    with open(os.path.join(settings.output_dir, f"{settings.process_index}.json"), "w") as file:
        json.dump(answer, file)
    if joined:
        dist.destroy_process_group()
        # What DDP leaves is not taken down: with torch 2.13 and gloo the end of this function was seen to hang over it.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


if __name__ == "__main__":
    main()
