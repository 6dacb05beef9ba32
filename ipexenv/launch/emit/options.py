"""The options of ``ipexenv run --emit``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.launch.emit.model import KINDS

if TYPE_CHECKING:
    import argparse


def add_emit_options(parser: argparse.ArgumentParser) -> None:
    """Declare which job file to write and what it should say; values are checked by ``job_of``."""
    group = parser.add_argument_group("job files", "write a job file for a cluster instead of running (--emit)")
    group.add_argument("--emit", choices=KINDS, metavar="KIND", help=f"the kind of file: {', '.join(KINDS)}")
    group.add_argument("--output", metavar="FILE", help="write it to FILE and not to stdout")
    group.add_argument("--name", metavar="NAME", help="of the job (the script's name)")
    group.add_argument("--cpus-per-rank", type=int, metavar="N", help="cores of a rank (as on this machine)")
    group.add_argument("--memory", metavar="SIZE", help="of each node, as 64Gi; needed for Kubernetes")
    group.add_argument("--time", metavar="LIMIT", help="in Slurm's spelling: minutes, H:MM:SS or D-HH:MM:SS")
    group.add_argument("--workdir", metavar="DIR", help="where the script is found, on the nodes or in the image")
    group.add_argument("--partition", metavar="NAME", help="of Slurm")
    group.add_argument("--account", metavar="NAME", help="of Slurm")
    group.add_argument("--image", metavar="IMAGE", help="of the containers")
    group.add_argument("--namespace", metavar="NAME", help="of Kubernetes")
    group.add_argument("--pvc", metavar="NAME:PATH", help="the volume claim to mount, and where")
    group.add_argument("--node-selector", action="append", metavar="K=V", help="label of the nodes (repeatable)")
