"""What `trainer-args` is asked and what it answers. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from packaging.version import Version

    from ipexenv.ruling import CclChoice, Note
    from ipexenv.tables.frameworks import FrameworkRelease

Precision = Literal["bf16", "fp16", "fp32"]
PrecisionChoice = Literal["auto", "bf16", "fp16", "fp32"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainerWish:
    """What the user asks of the Trainer."""

    precision: PrecisionChoice = "auto"
    ranks: int | None = None
    """How many ranks will train together; None means one for each NUMA node, as `run` starts them."""
    ccl: CclChoice = "auto"
    """``auto`` takes the installed provider, ``none`` another backend; the others count as if they were installed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Argument:
    """One argument of the Trainer's command line, or one that is left out, with the reason."""

    option: str
    """``--use_cpu``."""
    value: str | None = None
    """``ccl``; None for a switch."""
    reason: str

    @property
    def field(self) -> str:
        """Return the name of the same thing in TrainingArguments."""
        return self.option.removeprefix("--")

    @property
    def words(self) -> tuple[str, ...]:
        """Return it as words of a command line."""
        return (self.option,) if self.value is None else (self.option, self.value)


@dataclass(frozen=True, kw_only=True, slots=True)
class Variable:
    """An environment variable that the arguments cannot do without."""

    name: str
    value: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """What one matter (device, IPEX, precision, backend) adds to the answer."""

    arguments: tuple[Argument, ...] = ()
    left_out: tuple[Argument, ...] = ()
    environment: tuple[Variable, ...] = ()
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Advice:
    """The arguments that work for these versions on this machine."""

    transformers: Version
    accelerate: Version | None
    torch: Version | None
    needs: tuple[FrameworkRelease, ...]
    """What these versions of transformers and, where it takes part, accelerate require."""
    ranks: int
    precision: Precision
    backend: str | None
    """Of torch.distributed; None where one rank trains alone."""
    arguments: tuple[Argument, ...]
    left_out: tuple[Argument, ...]
    environment: tuple[Variable, ...]
    notes: tuple[Note, ...]

    @property
    def flags(self) -> tuple[str, ...]:
        """Return the words of the command line."""
        return tuple(word for argument in self.arguments for word in argument.words)

    @property
    def fields(self) -> dict[str, bool | str]:
        """Return the arguments as TrainingArguments takes them."""
        return {argument.field: argument.value or True for argument in self.arguments}
