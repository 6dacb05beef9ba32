"""A job as Kubeflow's PyTorchJob (kubeflow.org/v1): one pod for each node, torchrun in each.

Source: the models of the package kubeflow-training 1.9; since training operator 1.7 the operator tells torchrun its
place in variables of torchrun's own (``PET_NNODES``, ``PET_NODE_RANK``, ``PET_MASTER_ADDR`` and so on).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.launch.emit.kubernetes import container, metadata, pod, replica, run_policy
from ipexenv.launch.emit.manifest import header, yaml_text
from ipexenv.launch.emit.ranks import torchrun_command

if TYPE_CHECKING:
    from ipexenv.launch.emit.model import EmitJob

_CONTAINER = "pytorch"
"""The operator looks for a container of this name."""

_FIRST = (
    "Made by `ipexenv run --emit pytorchjob`. Submit it with `kubectl apply -f FILE` (training operator 1.7 or newer)."
)


def text(job: EmitJob) -> str:
    """Return the manifest."""
    template = pod(job, container(job, _CONTAINER, command=torchrun_command(job)))
    workers = {"Worker": replica(template, job.nodes - 1)} if job.nodes > 1 else {}
    document = {
        "apiVersion": "kubeflow.org/v1",
        "kind": "PyTorchJob",
        "metadata": metadata(job),
        "spec": {
            "nprocPerNode": str(job.ranks_per_node),
            "runPolicy": run_policy(job, clean="None"),
            "pytorchReplicaSpecs": {"Master": replica(template, 1), **workers},
        },
    }
    return yaml_text(document, tuple(header(job, _FIRST)))
