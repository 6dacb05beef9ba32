"""Match, install and prove PyTorch-on-CPU training environments."""

__version__ = "0.1.0"
