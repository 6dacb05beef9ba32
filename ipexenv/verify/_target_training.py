"""The small training runs of ``verify``: the same seeds and data for every stack and dtype.

Standard library and torch only, Python 3.7 syntax. numpy is not needed: results leave torch as Python numbers.
"""

import math

FEATURES, WIDTH, CLASSES, BATCH = 64, 256, 16, 128


class UnsupportedError(Exception):
    """The torch or IPEX here cannot do what was asked; the text says why."""


def dtype_of(torch, name):
    return {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}[name]


def small_model(torch, seed=0):
    torch.manual_seed(seed)
    nn = torch.nn
    return nn.Sequential(
        nn.Linear(FEATURES, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, CLASSES)
    )


def batch_of(torch, seed=1):
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(BATCH, FEATURES, generator=generator)
    return inputs, torch.randint(0, CLASSES, (BATCH,), generator=generator)


class Run:
    """One model that is trained for a few steps on one batch."""

    def __init__(self, torch, dtype_name, ipex=None):
        self.torch = torch
        self.dtype = dtype_of(torch, dtype_name)
        self.reduced = dtype_name != "fp32"
        self.model = small_model(torch).train()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.5)
        self.inputs, self.targets = batch_of(torch)
        self.output_dtype = None
        self.prepack_refused = None
        if ipex is not None:
            self._optimize(ipex)
        self.scaler = self._scaler(ipex) if dtype_name == "fp16" else None

    def _optimize(self, ipex):
        """Apply ipex.optimize as a training script would; without weight prepacking where the CPU cannot do it."""
        if not hasattr(ipex, "optimize"):
            raise UnsupportedError("this IPEX has no ipex.optimize (it came with 1.10)")
        keywords = {"dtype": self.dtype, "optimizer": self.optimizer}
        try:
            self.model, self.optimizer = ipex.optimize(self.model, **keywords)
        except AssertionError as error:
            if "prepack" not in str(error):
                raise
            self.prepack_refused = str(error)
            self.model, self.optimizer = ipex.optimize(self.model, weights_prepack=False, **keywords)

    def _scaler(self, ipex):
        """fp16 gradients need loss scaling, and IPEX updates its fp32 master weights only through its own scaler."""
        if ipex is not None:
            try:
                from intel_extension_for_pytorch.cpu.autocast._grad_scaler import GradScaler
            except ImportError:
                raise UnsupportedError("this IPEX has no gradient scaler for fp16") from None
            return GradScaler(init_scale=128.0)
        try:
            return self.torch.amp.GradScaler("cpu", init_scale=128.0)
        except AttributeError:
            raise UnsupportedError(
                "torch %s has no gradient scaler for the CPU (it came with 2.3)" % self.torch.__version__
            ) from None

    def forward(self):
        if not self.reduced:
            return self.model(self.inputs)
        try:
            with self.autocast():
                outputs = self.model(self.inputs)
        except RuntimeError as error:
            if "AutocastCPU only support" not in str(error):
                raise
            raise UnsupportedError("torch %s: %s" % (self.torch.__version__, error)) from None
        self.output_dtype = str(outputs.dtype).replace("torch.", "")
        if outputs.dtype != self.dtype:
            # Older autocast warns about a dtype that it cannot do, and then does nothing.
            raise UnsupportedError(
                "torch %s: autocast on the CPU left the outputs in %s" % (self.torch.__version__, self.output_dtype)
            )
        return outputs.float()

    def autocast(self):
        """Return autocast in the spelling that works here.

        IPEX 1.10 and 1.11 replace autocast, and look at the older spelling alone: with torch.autocast("cpu") they
        compute in fp32, with weights cut to bf16, and say nothing.
        """
        if self.torch.__version__.startswith("1."):
            return self.torch.cpu.amp.autocast(dtype=self.dtype)
        return self.torch.autocast("cpu", dtype=self.dtype)

    def step(self):
        """Do one training step and return the loss before it."""
        self.optimizer.zero_grad()
        loss = self.torch.nn.functional.cross_entropy(self.forward(), self.targets)
        if self.scaler is None:
            loss.backward()
            self.optimizer.step()
        else:
            self.scaler.scale(loss).backward()
            self.scaler.step(self.optimizer)
            self.scaler.update()
        return loss.item()

    def steps(self, count):
        return [self.step() for _ in range(count)]

    def parameters_finite(self):
        return all(bool(self.torch.isfinite(value).all()) for value in self.model.state_dict().values())


def finite(numbers):
    return all(math.isfinite(number) for number in numbers)
