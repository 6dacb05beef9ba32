"""The checks that need one process: import, isa, bf16-path, train; started as ``TARGET -I -u _target_single.py JSON``.

Standard library and torch only, Python 3.7 syntax. It tells what it saw; the parent judges.
"""

import gc
import importlib
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from _target_records import Records, mapped_libraries, prepare
from _target_training import Run, UnsupportedError, finite

sys.path.pop(0)

STEPS = 12

# Of which two copies, or two kinds, in one process get in each other's way.
LIBRARIES = ("libccl.so", "libmpi.so", "libfabric.so", "libgomp", "libiomp5.so", "libomp.so")


class Session:
    """The modules that have been imported so far."""

    def __init__(self, request):
        self.request = request
        self.torch = None
        self.ipex = None

    def prove_import(self, records):
        gc.disable()  # nothing that an import makes goes again: looking for it costs a sixth of the time
        try:
            return self._import_all(records)
        finally:
            gc.enable()

    def _import_all(self, records):
        modules = []
        for name in self.request["import_names"]:
            records.stage("import " + name)
            started = time.monotonic()
            module = importlib.import_module(name)
            modules.append(
                {
                    "name": name,
                    "version": str(getattr(module, "__version__", "")) or None,
                    "file": getattr(module, "__file__", None),
                    "seconds": time.monotonic() - started,
                }
            )
            if name == "torch":
                self.torch = module
            elif name == self.request["ipex"]:
                self.ipex = module
        return {"modules": modules, "libraries": mapped_libraries(*LIBRARIES)}

    def prove_isa(self, records):
        data = {"aten": self._aten()}
        cpu = getattr(self.torch, "cpu", None)
        for key, name in (("amx_tile", "_is_amx_tile_supported"), ("avx512_bf16", "_is_avx512_bf16_supported")):
            if hasattr(cpu, name):
                data[key] = bool(getattr(cpu, name)())
        if self.ipex is not None:
            records.stage("ask " + self.ipex.__name__)
            data["ipex"] = self._ask_ipex()
        return data

    def _aten(self):
        """Return torch's own level; before torch.backends.cpu (1.14 days) only the build report tells it."""
        backend = getattr(self.torch.backends, "cpu", None)
        if backend is not None and hasattr(backend, "get_cpu_capability"):
            return backend.get_cpu_capability()
        for line in self.torch.__config__.show().splitlines():
            if "CPU capability usage:" in line:
                return line.split(":", 1)[1].strip()
        return None

    def _ask_ipex(self):
        core = importlib.import_module(self.ipex.__name__ + "._C")
        answers = {}
        for key, name in (
            ("current", "_get_current_isa_level"),
            ("highest_cpu", "_get_highest_cpu_support_isa_level"),
            ("highest_binary", "_get_highest_binary_support_isa_level"),
            ("onednn", "_get_current_onednn_isa_level"),
            ("bf16_support", "onednn_has_bf16_support"),
            ("fp16_support", "onednn_has_fp16_support"),
            ("amx_support", "isa_has_amx_support"),
        ):
            if hasattr(core, name):
                value = getattr(core, name)()
                answers[key] = value if isinstance(value, bool) else str(value)
        return answers

    def prove_bf16_path(self, records):
        records.stage("optimize")
        run = Run(self.torch, "bf16", self.ipex)
        records.stage("step")
        losses = run.steps(2)
        return {"prepack_refused": run.prepack_refused, "output_dtype": run.output_dtype, "finite": finite(losses)}

    def prove_train(self, records):
        dtype = self.request["dtype"]
        records.stage("fp32 reference")
        reference = Run(self.torch, "fp32").steps(STEPS)
        records.stage("optimize" if self.ipex is not None else "model")
        run = Run(self.torch, dtype, self.ipex)
        records.stage(dtype + " steps")
        started = time.monotonic()
        losses = run.steps(STEPS)
        return {
            "reference": reference,
            "losses": losses,
            "step_seconds": (time.monotonic() - started) / STEPS,
            "finite": finite(losses) and run.parameters_finite(),
            "prepack_refused": run.prepack_refused,
            "output_dtype": run.output_dtype,
        }


def supported(prove):
    """Turn UnsupportedError into an answer: it is a reason to skip, not an error."""

    def proved(records):
        try:
            return prove(records)
        except UnsupportedError as error:
            return {"unsupported": str(error)}

    return proved


def main():
    request = json.loads(sys.argv[1])
    prepare(request["site_packages"])
    records = Records(request["limit_s"])
    session = Session(request)
    proofs = {
        "import": session.prove_import,
        "isa": session.prove_isa,
        "bf16-path": supported(session.prove_bf16_path),
        "train": supported(session.prove_train),
    }
    for check in request["checks"]:
        if not records.run(check, proofs[check]) and check == "import":
            break


if __name__ == "__main__":
    main()
