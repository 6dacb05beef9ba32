"""A job as a compose file: one service for each node, all of them on this machine, each on CPUs of its own.

Source: the Compose Specification, "Services" (cpuset, shm_size, mem_limit) and "Interpolation" (``$$`` for ``$``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ipexenv.launch.emit.manifest import header, yaml_text
from ipexenv.launch.emit.ranks import MASTER_PORT, torchrun_command
from ipexenv.launch.masks import cpu_list

if TYPE_CHECKING:
    from ipexenv.launch.emit.model import EmitJob

_NETWORK = "ranks"


def text(job: EmitJob) -> str:
    """Return the compose file."""
    names = [f"{job.demand.name}-{node}" for node in range(job.nodes)]
    volume = job.demand.volume
    document = {
        "name": job.demand.name,
        "services": {name: _service(job, node, names) for node, name in enumerate(names)},
        "networks": {_NETWORK: {"driver": "bridge"}},
        **({"volumes": {"data": {"name": volume.claim}}} if volume else {}),
    }
    first = (
        f"Made by `ipexenv run --emit compose`. Run it with `docker compose -f FILE up --exit-code-from {names[0]}`."
    )
    return yaml_text(document, tuple(header(job, first)))


def _service(job: EmitJob, node: int, names: list[str]) -> dict[str, Any]:
    demand = job.demand
    place = (f"--nnodes={job.nodes}", f"--nproc-per-node={job.ranks_per_node}", f"--node-rank={node}")
    meet = (f"--master-addr={names[0]}", f"--master-port={MASTER_PORT}")
    ranks = job.cpusets[node * job.ranks_per_node : (node + 1) * job.ranks_per_node]
    return {
        "image": demand.image,
        "hostname": names[node],
        "command": [_escaped(word) for word in torchrun_command(job, *place, *meet)],
        **({"working_dir": demand.working_directory} if demand.working_directory else {}),
        "environment": {setting.name: _escaped(setting.value) for setting in job.environment},
        **({"cpuset": cpu_list(cpu for cpus in ranks for cpu in cpus)} if ranks else {}),
        **({"mem_limit": f"{demand.memory_bytes // 2**20}m"} if demand.memory_bytes else {}),
        "shm_size": f"{demand.shm_bytes // 2**20}m",
        "networks": [_NETWORK],
        **({"volumes": [f"data:{demand.volume.path}"]} if demand.volume else {}),
        "restart": "no",
    }


def _escaped(text: str) -> str:
    return text.replace("$", "$$")
