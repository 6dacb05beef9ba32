"""Failures of torch, of the bridge and of transformers' Trainer, brought about for real."""

from __future__ import annotations

from tests.integration.provocation import Provocation, python, ranks

_GROUP = (
    "import os, datetime, torch, torch.distributed as dist; "
    'rank = int(os.environ["RANK"]); '
    'dist.init_process_group("{backend}", init_method="file://" + os.environ["TMP"] + "/store", rank=rank, '
    "world_size=2, timeout=datetime.timedelta(seconds={seconds})); "
)
_CCL = _GROUP.format(backend="ccl", seconds=20)
_GLOO = _GROUP.format(backend="gloo", seconds=20)
_RANK_MISSING = (
    "import faulthandler, os, socket, datetime, torch.distributed as dist; free = socket.socket(); "
    'free.bind(("127.0.0.1", 0)); os.environ["MASTER_PORT"] = str(free.getsockname()[1]); free.close(); {before}'
    'dist.init_process_group("gloo", timeout=datetime.timedelta(seconds={seconds}))'
)
_DUMP = "faulthandler.dump_traceback_later(2, exit=True); "
"""What a user who waits in vain asks for: where it stands."""
_LOADER = (
    "import torch; from torch.utils.data import DataLoader; "
    "print(sum(len(batch) for batch in DataLoader([torch.ones(1 << 20)] * 4, num_workers=1)))"
)
_PARSE = (
    "import sys; from transformers import HfArgumentParser, TrainingArguments; "
    'HfArgumentParser(TrainingArguments).parse_args_into_dataclasses(["--output_dir", "x", *sys.argv[1:]])'
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
        cause="store-timeout",
        command=f"RANK=0 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 {python(_RANK_MISSING.format(seconds=1, before=''))}",
        where="native213",
        name="a rank is missing",
    ),
    Provocation(
        cause="hang-at-start",
        command=f"RANK=0 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 {python(_RANK_MISSING.format(seconds=600, before=_DUMP))}",
        where="native213",
        name="a rank is missing",
    ),
    *(
        Provocation(
            cause="shm-too-small",
            command=python(_LOADER),
            where=where,
            around="small shared memory",
            name=f"of a DataLoader, {where}",
        )
        for where in ("native213", "torch1121-bare")
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
        cause="ccl-unknown-backend",
        command=f"RANK=0 {python(_CCL)}",
        where="bridge",
        env={"TORCH_DEVICE_BACKEND_AUTOLOAD": "0"},
        name="not imported",
    ),
    Provocation(
        cause="bridge-incomplete",
        command=ranks(_CCL),
        where="bridge",
        env={"IPEXENV_BRIDGE_LIB": "$TMP"},
    ),
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

ALL = (*TORCH, *BRIDGE, *TRAINER)
