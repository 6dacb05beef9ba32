"""Children of verify as they end in real life, told without starting any: records, noise, exit codes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ipexenv.system.runner import Finished

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ipexenv.system.group import Program

LOSSES = [2.777, 2.718, 2.666, 2.617, 2.568, 2.518, 2.466, 2.409, 2.348, 2.281, 2.207, 2.126]
AMX_LINES = """\
onednn_verbose,v1,info,oneDNN v3.7.1
onednn_verbose,v1,primitive,info,template:operation,engine,primitive,implementation,prop_kind
onednn_verbose,v1,primitive,exec,cpu,reorder,jit:uni,undef,src:f32::blocked:ab::f0 dst:bf16::blocked:ab::f0,,,1x2,0.1
onednn_verbose,v1,primitive,exec,cpu,inner_product,brgemm:avx10_1_512_amx,forward_training,\
src:bf16::blocked:ab::f0 wei:bf16::blocked:AB16b64a2b::f0 bia:bf16::blocked:a::f0 dst:bf16::blocked:ab::f0,,,x,0.01
"""


def begin(check: str) -> dict[str, Any]:
    return {"check": check, "event": "begin"}


def stage(check: str, name: str) -> dict[str, Any]:
    return {"check": check, "event": "stage", "stage": name}


def end(check: str, data: Mapping[str, Any], seconds: float = 1.0) -> list[dict[str, Any]]:
    return [begin(check), {"check": check, "event": "end", "seconds": seconds, "data": data}]


def raised(
    check: str, kind: str, message: str, *, at: str | None = None, exit_code: int | None = None
) -> list[dict[str, Any]]:
    error = {"check": check, "event": "error", "seconds": 0.5, "type": kind, "message": message, "exit_code": exit_code}
    stages = [] if at is None else [stage(check, at)]
    return [begin(check), *stages, {**error, "trace": f'  File "x.py", line 1\n{kind}: {message}\n'}]


def module(name: str, version: str | None) -> dict[str, Any]:
    return {"name": name, "version": version, "file": f"/env/{name}/__init__.py", "seconds": 0.5}


def imported(*modules: tuple[str, str], libraries: Sequence[str] = ()) -> list[dict[str, Any]]:
    data = {"modules": [module(*each) for each in modules], "libraries": list(libraries)}
    return end("import", data)


PAIR = (("torch", "2.8.0+cu128"), ("intel_extension_for_pytorch", "2.8.0+cpu"))
ISA = {
    "aten": "AVX512",
    "amx_tile": True,
    "ipex": {
        "current": "AVX512_FP16",
        "highest_cpu": "AVX512_FP16",
        "highest_binary": "AVX512_FP16",
        "onednn": "AMX",
        "bf16_support": True,
    },
}
PATH = {"prepack_refused": None, "output_dtype": "bfloat16", "finite": True}
TRAIN = {
    "reference": LOSSES,
    "losses": LOSSES,
    "step_seconds": 0.01,
    "finite": True,
    "prepack_refused": None,
    "output_dtype": "bfloat16",
}
RANK: dict[str, Any] = {
    "backend": "ccl",
    "implementation": "ProcessGroupCCL",
    "is_gloo": False,
    "implementation_module": "torch._C._distributed_c10d",
    "libraries": ["/env/oneccl_bindings_for_pytorch/lib/libccl.so.1"],
    "c_api_version": None,
    "settings": {"CCL_ATL_TRANSPORT": "ofi", "CCL_KVS_IFACE": "lo", "FI_PROVIDER": "tcp"},
    "bridge": None,
    "provider_version": "2.7.0+cpu",
    "hostname": "here",
    "torch": "2.7.0+cpu",
}
LIB = "/env/ipexenv_oneccl_bridge/lib"
BRIDGED = {
    **RANK,
    "implementation": "CclProcessGroup",
    "implementation_module": "ipexenv_oneccl_bridge.group",
    "libraries": [f"{LIB}/libccl.so.1", f"{LIB}/libccl.so.2", f"{LIB}/libtcp-fi.so"],
    "c_api_version": "2022.2.0",
    "settings": {**RANK["settings"], "CCL_ATL_SHM": "1", "FI_TCP_IFACE": "lo"},
    "bridge": {"folder": LIB, "version": "2022.2.0+ipexenv.bridge.1", "in_use": f"oneCCL 2022.2.0 from {LIB}"},
    "provider_version": "2022.2.0+ipexenv.bridge.1",
}
PROVEN = {
    "proven": ["fp32 sum", "bf16 sum", "fp32 max"],
    "seconds_by_bytes": {"8": 12.34e-6, "1024": 20e-6, "16777216": 0.008, "67108864": 0.032},
}
ALLREDUCE = {**RANK, **PROVEN}
DDP = {
    **RANK,
    "dtype": "bf16",
    "losses": [1.4, 1.3, 1.2],
    "gradient_digest": "aa",
    "parameter_digest": "bb",
    "gradient_difference": 0.0,
    "gradient_tolerance": 1e-5,
}
GLOO = {"backend": "gloo", "implementation": "ProcessGroupGloo", "is_gloo": True, "libraries": [], "dtype": "fp32"}
BRIDGED_DDP = {**DDP, **BRIDGED}
STARTED = "2026:11:22-00:36:56:(15066) |CCL_INFO| library version: Gold-2021.14.0\n"


def printed(check: str, text: str, *, complete: bool = True) -> str:
    """Return ``text`` between the marks of ``check``."""
    after = f"\n== ipexenv: {check} end ==\n" if complete else ""
    return f"\n== ipexenv: {check} begin ==\n{text}{after}"


def finished(
    rows: Sequence[Mapping[str, Any]] = (),
    returncode: int = 0,
    *,
    stdout: str = "",
    stderr: str = "",
    timed_out: bool = False,
    ended: bool = False,
    seconds: float = 2.0,
) -> Finished:
    """Return how a child ended that wrote ``rows``."""
    return Finished(
        argv=("/env/bin/python",),
        returncode=returncode,
        stdout=stdout,
        stderr=stderr,
        answer="".join(json.dumps(row) + "\n" for row in rows).encode(),
        timed_out=timed_out,
        seconds=seconds,
        ended=ended,
    )


def all_well(dtype: str = "bf16") -> Finished:
    """Return the one process of an IPEX stack where everything works on AMX."""
    rows = [*imported(*PAIR), *end("isa", ISA)]
    rows += end("bf16-path", PATH) if dtype == "bf16" else []
    rows += end("train", TRAIN)
    return finished(rows, stdout=printed("bf16-path", AMX_LINES) + printed("train", AMX_LINES))


@dataclass
class FakeChildren:
    """Plays the Runner: one ending after the other; remembers what was asked of each child."""

    endings: list[Finished]
    requests: list[dict[str, Any]] = field(default_factory=list)
    environments: list[Mapping[str, str]] = field(default_factory=list)
    limits_s: list[float] = field(default_factory=list)

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        answer: bool = False,
        on_line: Callable[[str], None] | None = None,
    ) -> Finished:
        assert answer
        assert list(argv[1:3]) == ["-I", "-u"]
        self.requests.append(json.loads(argv[-1]))
        self.environments.append(env or {})
        self.limits_s.append(timeout_s)
        ending = self.endings.pop(0)
        if on_line is not None:
            for line in (ending.stdout + ending.stderr).splitlines():
                on_line(line)
        return ending


@dataclass
class FakeRanks:
    """Plays the GroupRunner: every group ends the same way."""

    endings: tuple[Finished, ...] = ()
    groups: list[list[Program]] = field(default_factory=list)

    def run_together(self, programs: Sequence[Program], *, timeout_s: float) -> tuple[Finished, ...]:
        self.groups.append(list(programs))
        return self.endings

    def requests(self) -> list[dict[str, Any]]:
        return [json.loads(program.argv[-1]) for group in self.groups for program in group]


def gloo_ranks() -> FakeRanks:
    row = {**DDP, **GLOO}
    return FakeRanks(endings=tuple(finished(end("ddp", row)) for _ in range(2)))


def ccl_ranks() -> FakeRanks:
    rows = [*end("allreduce", ALLREDUCE), *end("ddp", DDP)]
    return FakeRanks(endings=(finished(rows, stdout=STARTED), finished(rows)))
