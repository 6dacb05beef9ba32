"""In which precision the Trainer computes, and whether IPEX has a part in it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import Version

from ipexenv.errors import AnswerIsNo
from ipexenv.facts import IsaLevel
from ipexenv.resolve.situation import isa_words
from ipexenv.resolve.trainer.advice import Argument, Part, Variable
from ipexenv.resolve.trainer.versions import flag_of
from ipexenv.ruling import Note

if TYPE_CHECKING:
    from ipexenv.resolve.trainer.advice import Precision, PrecisionChoice
    from ipexenv.resolve.trainer.versions import Life, Versions

_SWITCH = "ACCELERATE_USE_IPEX"
_BF16_TORCH = Version("1.10")
_PREPACK_CHECKED = Version("1.12")
"""From here on ipex.optimize refuses bf16 weights on a processor that cannot compute with them."""
_NE_CONVERT = Version("2.4")
"""From here on AVX-NE-CONVERT serves ipex.optimize instead of AVX-512."""


def choose_precision(versions: Versions, wish: PrecisionChoice) -> tuple[Precision, Part]:
    """Return the precision and its argument; raise AnswerIsNo where the Trainer cannot have the one wished for."""
    if wish == "fp16":
        raise _no_fp16(versions)
    possible = versions.works("transformers", "--bf16") and (versions.torch is None or versions.torch >= _BF16_TORCH)
    if wish == "bf16" and not possible:
        raise _no_bf16(versions)
    native = versions.isa is not None and versions.isa >= IsaLevel.AVX512_BF16
    if wish == "bf16" or (wish == "auto" and possible and native):
        return "bf16", _bf16(versions, native=native)
    return "fp32", Part(left_out=(Argument(option="--bf16", reason=_why_fp32(versions, wish, possible=possible)),))


def choose_ipex(versions: Versions, precision: Precision, ranks: int) -> Part:
    """Return ``--use_ipex`` where the Trainer obeys it and it can work, else the reason to leave it out."""
    objection = _objection(versions, precision, ranks)
    if objection is None:
        reason = f"the Trainer hands the model to ipex.optimize of IPEX {versions.ipex}"
        argument = Argument(option="--use_ipex", reason=reason)
        twice = precision == "bf16" and _accelerate_can_ipex(versions)
        return Part(arguments=(argument,), environment=(_once(versions),) if twice else ())
    left_out = (Argument(option="--use_ipex", reason=objection),)
    if not _accelerate_applies_ipex(versions):
        return Part(left_out=left_out)
    if precision == "bf16" and (ranks > 1 or not _can_prepack(versions)):
        ends = "trains wrong on several ranks" if _can_prepack(versions) else "fails here"
        reason = f"accelerate {versions.accelerate} would call ipex.optimize by itself, which in bf16 {ends}"
        return Part(left_out=left_out, environment=(Variable(name=_SWITCH, value="false", reason=reason),))
    text = (
        f"accelerate {versions.accelerate} calls ipex.optimize of IPEX {versions.ipex} without being asked; "
        f"{_SWITCH}=false keeps it from that"
    )
    return Part(left_out=left_out, notes=(Note(code="ipex-by-itself", text=text),))


def _once(versions: Versions) -> Variable:
    """Keep accelerate from a second ipex.optimize: under a launcher, even of one rank, it breaks bf16."""
    reason = (
        f"accelerate {versions.accelerate} would call ipex.optimize again, and trains wrong wherever LOCAL_RANK is set"
    )
    return Variable(name=_SWITCH, value="false", reason=reason)


def _bf16(versions: Versions, *, native: bool) -> Part:
    if native and versions.isa is not None:
        reason = f"this processor computes with bf16 ({versions.isa.label})"
        return Part(arguments=(Argument(option="--bf16", reason=reason),))
    argument = Argument(option="--bf16", reason="asked for")
    if versions.isa is None:
        text = "the processor is unknown: without AVX512_BF16 or AMX bf16 saves memory and is slower than fp32"
    else:
        text = f"{isa_words(versions.isa)} has no bf16 arithmetic: bf16 saves memory here and is slower than fp32"
    return Part(arguments=(argument,), notes=(Note(code="slow-bf16", text=text),))


def _why_fp32(versions: Versions, wish: PrecisionChoice, *, possible: bool) -> str:
    if wish == "fp32":
        return "fp32 is asked for"
    if not possible:
        return f"transformers {versions.transformers} has no bf16 on CPUs with this torch"
    if versions.isa is None:
        return "the processor is unknown, and without AVX512_BF16 or AMX bf16 is slower than fp32"
    return f"{isa_words(versions.isa)} has no bf16 arithmetic, where bf16 is slower than fp32; `--dtype bf16` insists"


def _objection(versions: Versions, precision: Precision, ranks: int) -> str | None:
    """Return the first reason not to use IPEX, None where there is none."""
    life = versions.life("transformers", "--use_ipex")
    if life != "works":
        return _not_obeyed(versions, life)
    if versions.ipex is None:
        return "IPEX for CPUs is not installed"
    if not versions.ipex_fits_torch:
        return f"IPEX {versions.ipex} is not for torch {versions.torch or '(not installed)'}: transformers refuses it"
    if precision == "bf16" and ranks > 1 and _accelerate_can_ipex(versions):
        by_accelerate = f"accelerate {versions.accelerate} would call ipex.optimize in bf16, too"
        return f"on several ranks {by_accelerate}, and train wrong; with {_SWITCH}=false you may add it"
    return _processor_objection(versions, precision)


def _not_obeyed(versions: Versions, life: Life) -> str:
    flag = flag_of(versions.tables, "transformers", "--use_ipex")
    if life == "not yet":
        return f"it came with transformers {flag.added}"
    if life == "gone":
        return f"it went with transformers {flag.removed}: stock PyTorch has its optimisations"
    still = f", though accelerate {versions.accelerate} still would" if _accelerate_can_ipex(versions) else ""
    return f"the Trainer takes it and does nothing for it since transformers {flag.no_effect}{still}"


def _processor_objection(versions: Versions, precision: Precision) -> str | None:
    row = next((row for row in versions.tables.ipex if row.version == versions.ipex), None)
    if versions.isa is not None and row is not None and versions.isa < row.min_isa:
        return f"IPEX {versions.ipex} needs {isa_words(row.min_isa)}, and there is {isa_words(versions.isa)}"
    if precision == "bf16" and not _can_prepack(versions):
        return f"with --bf16 ipex.optimize needs AVX-512, and there is {isa_words(versions.isa or IsaLevel.AVX2)}"
    return None


def _can_prepack(versions: Versions) -> bool:
    """Say whether ipex.optimize takes bf16 weights here; an unknown processor is taken to be one that can."""
    if versions.ipex is None or versions.isa is None or versions.ipex < _PREPACK_CHECKED:
        return True
    converts = "avx_ne_convert" in versions.facts.host.cpu.flags and versions.ipex >= _NE_CONVERT
    return versions.isa >= IsaLevel.AVX512 or converts


def _accelerate_applies_ipex(versions: Versions) -> bool:
    """Say whether accelerate calls ipex.optimize although the Trainer was not told to use IPEX."""
    return _accelerate_can_ipex(versions) and not versions.works("transformers", "sets ACCELERATE_USE_IPEX")


def _accelerate_can_ipex(versions: Versions) -> bool:
    if versions.accelerate is None or versions.torch is None or not versions.ipex_fits_torch:
        return False
    newer_torch = versions.torch >= Version("2.7")
    return versions.works("accelerate", "ipex with torch 2.7" if newer_torch else "ipex")


def _no_fp16(versions: Versions) -> AnswerIsNo:
    flag = flag_of(versions.tables, "transformers", "--fp16")
    if versions.life("transformers", "--fp16") == "not yet":
        cause = f"transformers {versions.transformers} refuses --fp16 without a GPU"
    else:
        cause = (
            f"since transformers {flag.added} --fp16 is taken on a CPU, and everything is computed in fp32 all the same"
        )
    return AnswerIsNo(
        "the Trainer does not train in fp16 on a CPU",
        code="no-fp16",
        causes=(cause,),
        hint="take bf16 with `ipexenv trainer-args --dtype bf16`, or let the processor decide with `--dtype auto`",
    )


def _no_bf16(versions: Versions) -> AnswerIsNo:
    flag = flag_of(versions.tables, "transformers", "--bf16")
    causes = [f"transformers {versions.transformers} is there, and bf16 on CPUs came with {flag.added}"]
    if versions.works("transformers", "--bf16"):
        causes = [f"torch {versions.torch} is there, and bf16 on CPUs came with {_BF16_TORCH}"]
    return AnswerIsNo(
        "the Trainer does not train in bf16 with these versions",
        code="no-bf16",
        causes=causes,
        hint="leave `--dtype bf16` out, or name other versions with `--transformers V --torch V`",
    )
