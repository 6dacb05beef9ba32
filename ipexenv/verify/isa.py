"""Judge the checks `isa` and `bf16-path`: what the CPU can do and what is made of it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ipexenv.facts import IsaLevel
from ipexenv.verify.caps import in_words
from ipexenv.verify.checks import Check
from ipexenv.verify.kernels import bf16_path, executed_kernels
from ipexenv.verify.trouble import skipped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ipexenv.verify.caps import Cap
    from ipexenv.verify.kernels import Bf16Path
    from ipexenv.verify.records import Record

_NO_GAIN = "bf16 works, computed in fp32 by conversion: expect memory savings, no speed"


def judge_isa(record: Record, probed: IsaLevel | None, caps: tuple[Cap, ...]) -> Check:
    """Compare what IPEX (or stock torch) uses with what the probe saw; degraded where less is used than could be."""
    data = record.data or {}
    told: Mapping[str, Any] = data.get("ipex") or {}
    current = _level(told.get("current"))
    measurements: dict[str, Any] = {"probe": None if probed is None else probed.label, "aten": data.get("aten")}
    measurements |= {name: data[name] for name in ("amx_tile", "avx512_bf16") if name in data}
    measurements |= {f"ipex_{name}": _lower(value) for name, value in told.items()}
    measurements["caps"] = {cap.variable: cap.value for cap in caps}
    detail = _isa_detail(data, current, probed)
    lower = tuple(cap for cap in caps if probed is not None and cap.level < probed and _obeyed(cap, data, current))
    shortfall = _shortfall(told, current, probed)
    hint = None
    if lower:
        hint = f"unset {' and '.join(cap.variable for cap in lower)} to use all of this CPU"
        detail += f"; held down by {in_words(lower)}"
    elif shortfall:
        detail += f"; {shortfall}"
    return Check(
        id="isa",
        status="degraded" if lower or shortfall else "pass",
        detail=detail,
        seconds=record.seconds or 0.0,
        measurements=measurements,
        hint=hint,
    )


def judge_bf16_path(record: Record, printed: str, probed: IsaLevel | None, caps: tuple[Cap, ...]) -> Check:
    """Name the path that bf16 took, proven by the kernels that ran; degraded where it brings no speed."""
    data = record.data or {}
    if data.get("unsupported"):
        return skipped("bf16-path", str(data["unsupported"]))
    kernels = executed_kernels(printed, "bf16")
    refused = data.get("prepack_refused")
    path = bf16_path(kernels, prepack_refused=refused is not None)
    measurements = {"path": path, "kernels": kernels.as_mapping(), "prepack_refused": refused}
    if not data.get("finite", True):
        return Check(
            id="bf16-path",
            status="fail",
            detail=f"{path}: the loss of a bf16 step is not a finite number",
            seconds=record.seconds or 0.0,
            measurements=measurements,
        )
    reason, hint = _why_slow(path, probed, caps)
    return Check(
        id="bf16-path",
        status="degraded" if reason else "pass",
        detail=f"{path}: {reason}" if reason else f"{path}, as {_example(kernels.implementations)}",
        seconds=record.seconds or 0.0,
        measurements=measurements,
        hint=hint,
    )


def _obeyed(cap: Cap, data: Mapping[str, Any], current: IsaLevel | None) -> bool:
    """Say whether a variable can have had an effect: stock torch knows no level above AVX-512 of its own."""
    if cap.variable != "ATEN_CPU_CAPABILITY":
        return True
    if "ipex" not in data:
        return cap.level < IsaLevel.AVX512
    return current is None or current <= cap.level


def _why_slow(path: Bf16Path, probed: IsaLevel | None, caps: tuple[Cap, ...]) -> tuple[str, str | None]:
    native = path == "avx512_bf16"
    least, most = (IsaLevel.AVX512_BF16, IsaLevel.AMX) if native else (IsaLevel.DEFAULT, IsaLevel.AVX512_BF16)
    # A variable that allows less than what ran was not obeyed, so it is not the reason.
    lower = tuple(cap for cap in caps if least <= cap.level < most and probed is not None and cap.level < probed)
    unset = f"unset {' and '.join(cap.variable for cap in lower)} to use all of this CPU" if lower else None
    if path == "weights_prepack=False":
        why = in_words(lower) if lower else "this CPU has no AVX-512"
        return (
            f"ipex.optimize refuses to prepack bf16 weights ({why}), and works without prepacking",
            unset
            or "pass weights_prepack=False to ipex.optimize; Trainer's --use_ipex with --bf16 cannot, so leave one out",
        )
    if path == "emulated":
        why = in_words(lower) if lower else "no AVX512_BF16 or AMX kernel ran"
        return f"{_NO_GAIN} ({why})", unset
    if path == "avx512_bf16" and probed is not None and probed >= IsaLevel.AMX:
        return f"AMX is there and not used ({in_words(lower) or 'this release has no kernel for it'})", unset
    return "", None


def _isa_detail(data: Mapping[str, Any], current: IsaLevel | None, probed: IsaLevel | None) -> str:
    seen = "" if probed is None else f", the CPU can do {probed.label}"
    if "ipex" not in data:
        return f"torch uses {_lower(data.get('aten')) or 'an unknown level'}{seen}"
    if current is None:
        return f"this IPEX does not tell its level{seen}"
    most = ", the most that this release knows" if current == _level(data["ipex"].get("highest_binary")) else ""
    return f"IPEX uses {current.label}{most if probed is not None and current < probed else ''}{seen}"


def _shortfall(told: Mapping[str, Any], current: IsaLevel | None, probed: IsaLevel | None) -> str:
    """Return why IPEX stays below what it and the CPU could do, empty where it does not."""
    highest, binary = _level(told.get("highest_cpu")), _level(told.get("highest_binary"))
    # IPEX 1.12 knows no level above AMX, so only a difference below AMX is one.
    if highest is not None and probed is not None and highest < min(probed, IsaLevel.AMX):
        return f"IPEX sees {highest.label} at most"
    if current is not None and highest is not None and binary is not None and current < min(highest, binary):
        return f"IPEX could use {min(highest, binary).label}"
    return ""


def _example(implementations: tuple[str, ...]) -> str:
    return next(iter(implementations), "no oneDNN kernel")


def _level(label: object) -> IsaLevel | None:
    try:
        return None if label is None else IsaLevel.from_label(str(label))
    except ValueError:
        return None


def _lower(value: object) -> Any:  # noqa: ANN401 (booleans stay booleans)
    return value.lower() if isinstance(value, str) else value
