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


def bundle(modules: Mapping[str, str], main: str) -> str:
    """Return one source of several modules by name, in the order in which they import each other; ``main`` is called.

    ``main`` names the module whose ``main()`` begins.
    """
    loader = """\
import json, sys, types
for name, text in json.loads({texts!r}).items():
    module = types.ModuleType(name)
    module.__file__ = "/ipexenv/" + name + ".py"
    sys.modules[name] = module
    exec(compile(text, module.__file__, "exec"), module.__dict__)
sys.modules[{main!r}].main()
"""
    return loader.format(texts=json.dumps(dict(modules)), main=main)


def _packed(text: str) -> str:
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


# What steers torch, oneCCL, MPI, libfabric and the kernels below them, as mpirun would pass it on.
_TRAVELLING = (
    "CCL_", "FI_", "I_MPI_", "UCX_", "PSM", "GLOO_", "TORCH_", "DNNL_", "ONEDNN_", "ATEN_", "IPEX", "OMP_", "KMP_",
    "MKL_", "LD_LIBRARY_PATH", "LD_PRELOAD", "MALLOC_", "TMPDIR", "PYTHONWARNINGS", "TRITON_",
)  # fmt: skip
_LOCAL = ("I_MPI_HYDRA_", "I_MPI_MPIRUN", "I_MPI_INFO", "I_MPI_PIN_INFO", "I_MPI_PIN_MAPPING", "IPEXENV_ANSWER_FD")


# What belongs to the host or the session where it was set, and to a job around this one.
_STAYING = (
    "SSH_", "XDG_", "DBUS_", "DISPLAY", "HOSTNAME", "PWD", "OLDPWD", "SHLVL", "_", "TERM", "LS_COLORS", "LESS", "MAIL",
    "WINDOWID", "COLORTERM", "SLURM_", "SLURMD_", "PMI_", "PMIX_", "OMPI_", "PRTE_", "HYDRA_", "HYDI_", "MPI_LOCAL",
    "TORCHELASTIC_",
)  # fmt: skip
_PLACE = frozenset({"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"})


def carried(env: Mapping[str, str]) -> dict[str, str]:
    """Return the user's variables that a training script on another host expects to find, as Hydra and srun pass on."""
    return {
        name: value
        for name, value in env.items()
        if not name.startswith((*_STAYING, *_LOCAL)) and name not in _PLACE and name not in {"LINES", "COLUMNS"}
    }


def travelling(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that mean the same on every host."""
    return {name: value for name, value in env.items() if name.startswith(_TRAVELLING) and not name.startswith(_LOCAL)}
