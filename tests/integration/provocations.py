"""How to bring about the failures of the catalogue for real: small programs that fail as users' programs do.

Each is a shell command; ``$PY`` is the Python of the environment that it names, ``$PIP`` a pip, ``$SITE`` the address
of a server of the test's own, ``$TMP`` a folder of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True, slots=True)
class Provocation:
    """One failure, and how to have it."""

    cause: str
    """Id of the row that has to be named first."""
    command: str
    where: str | None = None
    """Recipe of the environment, None where any Python will do; ``bridge`` has torch 2.13 and the bridge."""
    env: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    """Tells two provocations of one cause apart."""

    @property
    def label(self) -> str:
        """Return the name of its test."""
        return f"{self.cause} {self.name}".strip()


def python(code: str) -> str:
    """Return the command that runs ``code``, which holds no single quotes, in the environment's Python."""
    assert "'" not in code, code
    return f"$PY -c '{code}'"


def ranks(code: str, *, count: int = 2) -> str:
    """Return the command that runs ``code`` as ranks that find each other by a file; it ends with the first failure."""
    start = f"RANK=$rank WORLD_SIZE={count} {python(code)} &"
    return f"for rank in $(seq 0 {count - 1}); do {start} done; wait"


_GROUP = (
    "import os, datetime, torch, torch.distributed as dist; "
    'rank = int(os.environ["RANK"]); '
    'dist.init_process_group("{backend}", init_method="file://" + os.environ["TMP"] + "/store", rank=rank, '
    "world_size=2, timeout=datetime.timedelta(seconds={seconds})); "
)
_CCL = _GROUP.format(backend="ccl", seconds=20)
_GLOO = _GROUP.format(backend="gloo", seconds=20)
_PARSE = (
    "import sys; from transformers import HfArgumentParser, TrainingArguments; "
    'HfArgumentParser(TrainingArguments).parse_args_into_dataclasses(["--output_dir", "x", *sys.argv[1:]])'
)

PIP = (
    Provocation(cause="no-matching-distribution", command="$NO_CONFIG $PIP install --no-index nonesuch==9.9"),
    Provocation(cause="bindings-not-on-index", command="$NO_CONFIG $PIP install --no-index oneccl_bind_pt==2.7.0"),
    Provocation(cause="local-version-suffix", command="$NO_CONFIG $PIP install --no-index torch==2.1.0+cpu"),
    Provocation(cause="ipex-no-wheel-here", command="$NO_CONFIG $PIP install --no-index intel-extension-for-pytorch"),
    Provocation(
        cause="http-forbidden", command="$PIP install --no-cache-dir --index-url $SITE/forbidden/simple some-package"
    ),
    Provocation(
        cause="read-timeout",
        command="$PIP --timeout 1 --retries 0 install --no-cache-dir $SITE/stalled/some_package-1.0-py3-none-any.whl",
    ),
    Provocation(
        cause="hash-mismatch",
        command="echo some-package==1.0 --hash=sha256:$(printf %064d 0) > $TMP/r.txt;"
        " $PIP install --no-cache-dir --require-hashes --index-url $SITE/simple -r $TMP/r.txt",
    ),
    Provocation(
        cause="dependency-conflict",
        command="$PIP install --dry-run --no-cache-dir --index-url $SITE/simple some-package==1.0 needs-two",
    ),
    Provocation(
        cause="uv-no-solution",
        command="$UV pip install --python $PY --dry-run --no-cache --default-index $SITE/simple"
        " some-package==1.0 needs-two",
    ),
    Provocation(
        cause="wheel-not-supported",
        command="touch $TMP/torch-2.3.0-cp36-cp36m-win_amd64.whl;"
        " $PIP install --no-index $TMP/torch-2.3.0-cp36-cp36m-win_amd64.whl",
    ),
    Provocation(cause="pip-check-is-blind", command="$PIP --python $PY check", where="native213"),
    Provocation(
        cause="yanked-versions-ignored",
        command="$PIP install --dry-run --no-deps 'intel-extension-for-pytorch==2.5.*'",
    ),
    Provocation(
        cause="tls-certificate",
        command="$PIP --retries 0 install --no-cache-dir --index-url $TLS_SITE/simple some-package",
    ),
)

SYSTEM = (
    Provocation(cause="disk-full", command="$PY -c 'print(1)' > /dev/full"),
    Provocation(cause="preload-missing", command="true | cat", env={"LD_PRELOAD": "/nowhere/libiomp5.so"}),
    Provocation(cause="libmpi-missing", command=python('import ctypes; ctypes.CDLL("libmpi.so.12")')),
    Provocation(cause="libccl-missing", command=python('import ctypes; ctypes.CDLL("libccl.so.1")')),
    Provocation(cause="libccl-sycl-build", command=python('import ctypes; ctypes.CDLL("libsvml.so")')),
    Provocation(cause="mpirun-missing", command="PATH=/nowhere; mpirun -n 2 true"),
    Provocation(cause="numactl-missing", command="PATH=/nowhere; numactl -C 0 true"),
    Provocation(cause="script-missing", command="$PY nowhere/train.py"),
    Provocation(
        cause="too-many-files",
        command="ulimit -n 32; " + python('files = [open("/dev/null") for _ in range(64)]'),
    ),
    Provocation(cause="name-resolution", command=python('import socket; socket.getaddrinfo("nonesuch.invalid", 1)')),
    Provocation(cause="torch-not-installed", command="$BARE -c 'import torch'"),
    Provocation(cause="segmentation-fault", command="(sh -c 'kill -SEGV $$'); true"),
    Provocation(cause="illegal-instruction", command="(sh -c 'kill -ILL $$'); true"),
)

TORCH = (
    Provocation(cause="ipex-not-installed", command=python("import intel_extension_for_pytorch"), where="native213"),
    Provocation(
        cause="bindings-not-installed", command=python("import oneccl_bindings_for_pytorch"), where="native213"
    ),
    Provocation(
        cause="cuda-not-compiled", command=python('import torch; torch.ones(1, device="cuda")'), where="native213"
    ),
    Provocation(cause="ccl-unknown-backend", command=f"RANK=0 {python(_CCL)}", where="native213"),
    Provocation(
        cause="rank-variables-missing",
        command=python('import torch.distributed as dist; dist.init_process_group("gloo")'),
        where="native213",
    ),
    Provocation(
        cause="group-not-initialized",
        command=python("import torch, torch.distributed as dist; dist.all_reduce(torch.ones(1))"),
        where="native213",
    ),
    Provocation(
        cause="store-timeout",
        command=python(
            "import datetime; from torch.distributed import TCPStore; "
            'TCPStore("127.0.0.1", 0, 2, True, timeout=datetime.timedelta(seconds=1))'
        ),
        where="native213",
    ),
    Provocation(
        cause="port-taken",
        command=python(
            'import socket; from torch.distributed import TCPStore; taken = socket.socket(); taken.bind(("", 0)); '
            'taken.listen(); TCPStore("127.0.0.1", taken.getsockname()[1], 1, True)'
        ),
        where="native213",
    ),
    Provocation(
        cause="half-not-implemented", command=python("import torch; torch.ones(2, 2).half().geqrf()"), where="native213"
    ),
    Provocation(
        cause="out-of-memory",
        command=python("import torch; torch.empty(1 << 50, dtype=torch.uint8)"),
        where="native213",
    ),
    Provocation(
        cause="ddp-unfinished-reduction",
        command=ranks(
            f"{_GLOO} from torch.nn import Linear, ModuleList, parallel; "
            "both = ModuleList([Linear(2, 2), Linear(2, 2)]); both.forward = both[0].forward; "
            "model = parallel.DistributedDataParallel(both); "
            "[model(torch.ones(1, 2)).sum().backward() for _ in range(2)]"
        ),
        where="native213",
    ),
    Provocation(
        cause="gloo-no-interface", command=ranks(_GLOO), where="native213", env={"GLOO_SOCKET_IFNAME": "nowhere9"}
    ),
    Provocation(
        cause="elastic-child-failed",
        command="echo 'raise SystemExit(3)' > $TMP/s.py; $PY -m torch.distributed.run --nproc-per-node 1 $TMP/s.py",
        where="native213",
    ),
    Provocation(
        cause="bf16-prepack",
        command=python(
            "import torch, intel_extension_for_pytorch as ipex; model = torch.nn.Linear(64, 64); "
            "ipex.optimize(model, optimizer=torch.optim.SGD(model.parameters(), lr=0.1), dtype=torch.bfloat16)"
        ),
        where="torch28",
        env={"ONEDNN_MAX_CPU_ISA": "AVX2", "DNNL_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"},
    ),
    Provocation(
        cause="kernel-overridden", command=python("import intel_extension_for_pytorch"), where="torch28", name="benign"
    ),
)

BRIDGE = (
    Provocation(
        cause="ccl-no-interface",
        command=ranks(_CCL + "dist.all_reduce(torch.ones(1))"),
        where="bridge",
        env={"CCL_KVS_IFACE": "nowhere9"},
    ),
    Provocation(
        cause="bridge-timeout",
        command=f"RANK=0 {python(_GROUP.format(backend='ccl', seconds=3) + 'dist.all_reduce(torch.ones(1))')}",
        where="bridge",
    ),
    Provocation(
        cause="bridge-difference",
        command=ranks(_CCL + "tensor = torch.ones(4); dist.all_reduce(tensor) if rank else dist.broadcast(tensor, 0)"),
        where="bridge",
    ),
    Provocation(
        cause="bridge-peer-died",
        command=ranks(
            f"{_CCL} import signal; dist.barrier(); "
            "os.kill(os.getpid(), signal.SIGKILL) if rank else dist.all_reduce(torch.ones(1 << 22))"
        ),
        where="bridge",
    ),
    Provocation(
        cause="worker-affinity-refused",
        command=ranks(_CCL + "dist.all_reduce(torch.ones(1 << 22))"),
        where="bridge",
        env={"CCL_WORKER_AFFINITY": "4000,4001"},
    ),
    Provocation(
        cause="worker-affinity-short",
        command=ranks(_CCL + "dist.all_reduce(torch.ones(1 << 22))"),
        where="bridge",
        env={"CCL_WORKER_AFFINITY": "0"},
    ),
    Provocation(
        cause="fi-provider",
        command=ranks(_CCL + "dist.all_reduce(torch.ones(1 << 22))"),
        where="bridge",
        env={"FI_PROVIDER": "nonesuch"},
    ),
)

TRAINER = (
    Provocation(cause="use-ipex-removed", command=f"{python(_PARSE)} --use_ipex", where="trainer213"),
    Provocation(cause="no-cuda-removed", command=f"{python(_PARSE)} --no_cuda", where="trainer213"),
    Provocation(cause="xpu-backend-removed", command=f"{python(_PARSE)} --xpu_backend ccl", where="trainer213"),
    Provocation(cause="trainer-flag-unknown", command=f"{python(_PARSE)} --nonesuch", where="trainer213"),
    Provocation(cause="ddp-backend-choice", command=f"{python(_PARSE)} --ddp_backend ccl", where="trainer-newest"),
    Provocation(cause="bf16-needs-use-cpu", command=f"{python(_PARSE)} --bf16", where="trainer28"),
    Provocation(
        cause="accelerate-backend",
        command=f"RANK=0 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 {python(_PARSE)} --use_cpu --ddp_backend ccl",
        where="trainer28",
    ),
)

PAIRS = (
    Provocation(
        cause="ipex-wrong-torch",
        command=python("import intel_extension_for_pytorch"),
        where="ipex 2.8.0 over native213",
        name="IPEX 2.8",
    ),
    Provocation(
        cause="ipex-wrong-torch",
        command=python("import intel_extension_for_pytorch"),
        where="ipex 2.6.0 over native213",
        name="IPEX 2.6",
    ),
    Provocation(
        cause="ipex-wrong-torch",
        command=python("import intel_extension_for_pytorch"),
        where="ipex 2.5.0 over native213",
        name="IPEX 2.5",
    ),
    Provocation(
        cause="numpy-2", command=python("import torch; torch.ones(1).numpy()"), where="numpy 2.2.6 over torch1121-bare"
    ),
)

ALL = (*PIP, *SYSTEM, *TORCH, *BRIDGE, *TRAINER, *PAIRS)
