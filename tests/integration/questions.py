"""Questions in the format of SQuAD and a vocabulary for them, made up here and learnt in seconds."""

from __future__ import annotations

import itertools
import json
import random
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ANIMALS = ("fox", "owl", "bear", "hare", "wolf", "goat", "crow", "seal")
_COLOURS = ("red", "grey", "white", "black", "brown", "tawny")
_PLACES = ("forest", "old tower", "cave", "green meadow", "valley", "barn", "harbour", "cold bay")
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_SPLIT = ("##s", "##ing", "##ed")


def write_questions(folder: Path, *, count: int = 256) -> tuple[str, ...]:
    """Write both files to ``folder``; return the options of question_answering.py that name them.

    The same ``count`` gives the same questions.
    """
    paragraphs = list(itertools.islice(_paragraphs(random.Random(0)), count))  # noqa: S311 (made-up texts, the same ones each time)
    squad = {"version": "1.1", "data": [{"title": "animals", "paragraphs": paragraphs}]}
    (folder / "train.json").write_text(json.dumps(squad), encoding="utf-8")
    texts = [f"{paragraph['context']} {paragraph['qas'][0]['question']}" for paragraph in paragraphs]
    words = sorted({word for text in texts for word in re.findall(r"\w+|[^\w\s]", text.lower())})
    (folder / "vocab.txt").write_text("\n".join((*_SPECIAL, *_SPLIT, *words)) + "\n", encoding="utf-8")
    return ("--train_file", str(folder / "train.json"), "--vocab_file", str(folder / "vocab.txt"))


def _paragraphs(chance: random.Random) -> Iterator[dict[str, Any]]:
    """Yield contexts about several animals with a question about one of them."""
    for number in itertools.count():
        animals, places = chance.sample(_ANIMALS, 3), chance.sample(_PLACES, 3)
        told = [
            f"The {chance.choice(_COLOURS)} {animal} lives in the {place}."
            for animal, place in zip(animals, places, strict=True)
        ]
        context, asked = " ".join(told), chance.randrange(3)
        start = len(" ".join(told[:asked])) + bool(asked) + told[asked].index(places[asked])
        answer = {"text": places[asked], "answer_start": start}
        yield {
            "context": context,
            "qas": [{"id": str(number), "question": f"Where does the {animals[asked]} live?", "answers": [answer]}],
        }
