"""A job as Kubeflow's MPIJob (kubeflow.org/v2beta1): mpirun in a launcher pod, sshd in the pods that compute.

Source: mpi-operator's pkg/apis/kubeflow/v2beta1/types.go and pkg/controller/mpi_job_controller.go; a worker without
a command gets ``/usr/sbin/sshd -De`` from the operator, which also writes the hostfile.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ipexenv.launch.emit.kubernetes import container, metadata, pod, replica, run_policy
from ipexenv.launch.emit.manifest import header, yaml_text
from ipexenv.launch.emit.ranks import MASTER_PORT, rank_command

if TYPE_CHECKING:
    from ipexenv.launch.emit.model import EmitJob

_FIRST = "Made by `ipexenv run --emit mpijob`. Submit it with `kubectl apply -f FILE` (MPI operator 0.4 or newer)."
_HOSTFILE = "/etc/mpi/hostfile"


def text(job: EmitJob) -> str:
    """Return the manifest."""
    extra = {"MASTER_PORT": str(MASTER_PORT), **({"I_MPI_PIN": "0"} if job.demand.mpi == "hydra" else {})}
    names = (*(setting.name for setting in job.environment), "MASTER_ADDR", "MASTER_PORT")
    command = ("/bin/sh", "-c", _script(job, names), *rank_command(job))
    launcher = container(job, "launcher", command=command, on_nodes=False, **extra)
    document = {
        "apiVersion": "kubeflow.org/v2beta1",
        "kind": "MPIJob",
        "metadata": metadata(job),
        "spec": {
            "slotsPerWorker": job.ranks_per_node,
            "mpiImplementation": "Intel" if job.demand.mpi == "hydra" else "OpenMPI",
            "launcherCreationPolicy": "WaitForWorkersReady",
            "runPolicy": run_policy(job, clean="Running"),
            "mpiReplicaSpecs": {
                "Launcher": replica(pod(job, launcher, on_nodes=False), 1),
                "Worker": replica(pod(job, container(job, "worker")), job.nodes),
            },
        },
    }
    comments = (*header(job, _FIRST), *_more(job))
    return yaml_text(document, comments)


def _script(job: EmitJob, names: tuple[str, ...]) -> str:
    """Return what the launcher runs: where rank 0 will listen is the first host that the operator lists."""
    if job.demand.mpi == "hydra":
        words = ["mpirun", "-n", str(job.world_size), "-ppn", str(job.ranks_per_node)]
    else:
        words = ["mpirun", "--allow-run-as-root", "-np", str(job.world_size), "--bind-to", "none"]
        words += [word for name in names for word in ("-x", name)]
    return (
        f"IFS=': ' read -r MASTER_ADDR rest < {_HOSTFILE}\n"
        "export MASTER_ADDR\n"
        f'exec {shlex.join(words)} "$0" "$@"\n'
    )  # fmt: skip


def _more(job: EmitJob) -> tuple[str, ...]:
    mpi = "Intel MPI (`ipexenv install --mpi`)" if job.demand.mpi == "hydra" else "Open MPI"
    return (
        f"The image needs {mpi}, ssh and sshd. The operator gives the keys to root: for another user, set",
        "sshAuthMountPath and securityContext.",
    )
