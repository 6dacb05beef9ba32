"""Run as a program in an environment with kubeflow-training: take manifests to its models and back again.

Standard input holds a JSON list of ``[name of the model, document]``; the answer is the list of the documents as the
models give them back, in which whatever they do not know is missing.
"""

from __future__ import annotations

import importlib
import json
import sys
import types


def main() -> None:
    """Answer on standard output."""
    kubeflow = importlib.import_module("kubeflow.training")
    client = kubeflow.ApiClient()
    answers = []
    for model, document in json.load(sys.stdin):
        answer = types.SimpleNamespace(data=json.dumps(document))
        answers.append(client.sanitize_for_serialization(client.deserialize(answer, model)))
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
