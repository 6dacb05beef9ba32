"""Programs that need no file on the host where they run: source and orders travel in the command line. Pure.

The texts are plain words of letters, digits, ``+/=`` and a little punctuation, so that every shell on the way leaves
them as they are, and compressed: Linux takes at most 128 KiB for one argument (execve(2)).
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import TYPE_CHECKING, Any

from ipexenv.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_BYTES = 120_000
"""Of all arguments together: through ssh they arrive as one."""

_BOOTSTRAP = "import sys,zlib,base64;exec(zlib.decompress(base64.b64decode(sys.argv[1])))"


def shipped(python: str, source: str, order: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the command line that runs ``source`` with ``order`` as its JSON, packed, in ``sys.argv[2]``.

    Raises UsageError where it is longer than a command line may be, which only an enormous environment can cause.
    """
    argv = (python, "-I", "-u", "-c", _BOOTSTRAP, _packed(source), _packed(json.dumps(order)))
    if sum(len(word) + 3 for word in argv) > MOST_BYTES:
        raise UsageError(
            f"the command for the other hosts takes more than {MOST_BYTES} bytes",
            code="command-too-long",
            hint="run this again with a smaller environment, as `env -i PATH=$PATH HOME=$HOME ipexenv ...`",
        )
    return argv


def _packed(text: str) -> str:
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


# What steers torch, oneCCL, MPI, libfabric and the kernels below them, as mpirun would pass it on.
_TRAVELLING = (
    "CCL_", "FI_", "I_MPI_", "UCX_", "PSM", "GLOO_", "TORCH_", "DNNL_", "ONEDNN_", "ATEN_", "IPEX", "OMP_", "KMP_",
    "MKL_", "LD_LIBRARY_PATH", "LD_PRELOAD", "MALLOC_", "TMPDIR", "PYTHONWARNINGS", "TRITON_",
)  # fmt: skip
_LOCAL = ("I_MPI_HYDRA_", "I_MPI_MPIRUN", "I_MPI_INFO", "I_MPI_PIN_INFO", "I_MPI_PIN_MAPPING", "IPEXENV_ANSWER_FD")


def travelling(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that mean the same on every host."""
    return {name: value for name, value in env.items() if name.startswith(_TRAVELLING) and not name.startswith(_LOCAL)}
