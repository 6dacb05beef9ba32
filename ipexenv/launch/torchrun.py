"""Command line of torchrun, on one host. Pure.

Source: torch/distributed/run.py of PyTorch 1.9 to 2.8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

RANKS = ("RANK",)
LOCAL_RANKS = ("LOCAL_RANK",)
LOCAL_SIZES = ("LOCAL_WORLD_SIZE",)


def torchrun_command(python: str, size: int, address: str, port: int, argv: Sequence[str]) -> tuple[str, ...]:
    """Return the command that runs ``argv`` so many times, told where they meet."""
    words = ("--no-python", "--nproc_per_node", str(size), "--master_addr", address, "--master_port", str(port))
    return (python, "-m", "torch.distributed.run", *words, *argv)
