"""What PyTorchJob and MPIJob have in common: pods with cores and memory of their own. Pure.

Sources: Kubernetes' pages "Control CPU Management Policies on the Node" (whole CPUs of a Guaranteed pod are its own),
"Volumes" (emptyDir in memory), "Define Dependent Environment Variables" (``$$(`` for ``$(``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ipexenv.launch.emit.model import EmitJob

_SHM = "shm"
_DATA = "data"


def metadata(job: EmitJob) -> dict[str, str]:
    """Return the metadata of the job."""
    namespace = {"namespace": job.demand.namespace} if job.demand.namespace else {}
    return {"name": job.demand.name, **namespace}


def run_policy(job: EmitJob, *, clean: str) -> dict[str, Any]:
    """Return the policy: no second try, as ``run`` makes none, and the time limit."""
    limit = {"activeDeadlineSeconds": job.demand.time_limit_s} if job.demand.time_limit_s else {}
    return {"cleanPodPolicy": clean, "backoffLimit": 0, **limit}


def replica(template: dict[str, Any], count: int) -> dict[str, Any]:
    """Return one kind of pods of a job."""
    return {"replicas": count, "restartPolicy": "Never", "template": template}


def pod(job: EmitJob, container: dict[str, Any], *, on_nodes: bool = True) -> dict[str, Any]:
    """Return the template of a pod around its container; ``on_nodes`` for those that compute."""
    selector = {"nodeSelector": dict(job.demand.node_selector)} if job.demand.node_selector and on_nodes else {}
    volumes = [*(_shm_volume(job) if on_nodes else ()), *_data_volume(job)]
    return {"spec": {**selector, "containers": [container], **({"volumes": volumes} if volumes else {})}}


def container(
    job: EmitJob, name: str, *, command: Sequence[str] = (), on_nodes: bool = True, **environment: str
) -> dict[str, Any]:
    """Return a container; without a command it is the operator that gives one."""
    mounts = [{"name": _SHM, "mountPath": "/dev/shm"}] if on_nodes else []  # noqa: S108 (the mount point itself)
    if job.demand.volume is not None:
        mounts.append({"name": _DATA, "mountPath": job.demand.volume.path})
    demand = resources(job) if on_nodes else {"cpu": "1", "memory": "1Gi"}
    values = {**{setting.name: setting.value for setting in job.environment}, **environment} if command else {}
    folder = job.demand.working_directory
    return {
        "name": name,
        "image": job.demand.image,
        **({"command": [_escaped(word) for word in command]} if command else {}),
        **({"workingDir": folder} if folder else {}),
        **({"env": [{"name": key, "value": _escaped(value)} for key, value in values.items()]} if values else {}),
        "resources": {"requests": demand, "limits": demand},
        **({"volumeMounts": mounts} if mounts else {}),
    }


def resources(job: EmitJob) -> dict[str, Any]:
    """Return what a node's pod needs, in whole CPUs."""
    memory = job.demand.memory_bytes or 0
    return {"cpu": str(job.cpus_per_node), "memory": f"{memory // 2**20}Mi" if memory % 2**20 == 0 else str(memory)}


def _shm_volume(job: EmitJob) -> list[dict[str, Any]]:
    limit = f"{job.demand.shm_bytes // 2**20}Mi"
    return [{"name": _SHM, "emptyDir": {"medium": "Memory", "sizeLimit": limit}}]


def _data_volume(job: EmitJob) -> list[dict[str, Any]]:
    volume = job.demand.volume
    return [] if volume is None else [{"name": _DATA, "persistentVolumeClaim": {"claimName": volume.claim}}]


def _escaped(text: str) -> str:
    """Keep Kubernetes from putting variables into a text of its own."""
    return text.replace("$(", "$$(")
