"""What ``ipexrun`` and ``torch.backends.xeon.run_cpu`` choose: runs in a target that has both, JSON in and out.

Each order holds ``lscpu`` (extended), ``parsable`` and ``workers``; an answer of ``ipexrun`` may be its complaint.
"""

from __future__ import annotations

import json
import sys
from typing import Any

ANSWER = "@settings "


def ipexrun(lscpu: str, workers: int) -> dict[str, Any]:
    """Follow DistributedTrainingLauncher.launch as far as the settings, with its own functions."""
    from intel_extension_for_pytorch.cpu.launch.launcher_distributed import (  # noqa: PLC0415 (in the target alone)
        DistributedTrainingLauncher,
    )

    launcher = DistributedTrainingLauncher(lscpu_txt=lscpu)
    launcher.verbose = lambda *_, **__: None
    ranks = len({core.node for core in launcher.cpuinfo.pool_all})
    launcher.cpuinfo.gen_pools_ondemand(ninstances=ranks, use_logical_cores=True, strategy="scatter")
    pools = launcher.cpuinfo.pools_ondemand
    threads = min(len([core for core in pool if core.is_physical_core]) for pool in pools) - workers
    try:
        chosen = launcher.get_pin_domain_affinity(pools, workers)
    except AssertionError as error:
        return {"refusal": str(error)}
    return {"ranks": ranks, "threads": threads, "domain": chosen["pin_domain"], "affinity": chosen["affinity"]}


def run_cpu(parsable: str) -> list[list[int]]:
    """Return the CPUs of each instance in the throughput mode of ``run_cpu``, one for each NUMA node."""
    from torch.backends.xeon.run_cpu import _CPUinfo  # noqa: PLC0415 (as above)

    info = _CPUinfo(parsable)
    cores = sorted(info.get_all_physical_cores())
    size = len(cores) // info.node_nums
    return [cores[index * size : (index + 1) * size] for index in range(info.node_nums)]


def main() -> None:
    """Answer the orders on stdin."""
    answers = [
        {
            "ipexrun": {str(count): ipexrun(order["lscpu"], count) for count in order["workers"]},
            "run_cpu": run_cpu(order["parsable"]),
        }
        for order in json.load(sys.stdin)
    ]
    print(ANSWER + json.dumps(answers))  # noqa: T201 (how it answers)


if __name__ == "__main__":
    main()
