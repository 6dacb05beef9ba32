"""What is installed and whether it fits, as plain aligned text: a table library would take longer than the look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ipexenv.facts_json import facts_as_mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ipexenv.facts import Facts, Host, Package, Target, TorchPackage
    from ipexenv.resolve.fit import Judgement

_PACKAGES = (
    ("torch", "torch"),
    ("IPEX", "ipex"),
    ("bindings", "bindings"),
    ("bridge", "bridge"),
    ("Intel MPI", "mpi"),
    ("numpy", "numpy"),
    ("transformers", "transformers"),
    ("accelerate", "accelerate"),
    ("torchvision", "torchvision"),
    ("torchaudio", "torchaudio"),
)
_ALWAYS_SHOWN = frozenset({"torch", "IPEX", "bindings", "numpy", "transformers"})
_FEW = 5


def status_text(
    facts: Facts,
    judgement: Judgement,
    *,
    settings: Mapping[str, Mapping[str, Any]],
    verbose: bool,
    cut_off: str | None = None,
) -> str:
    """Return the short table and the verdict; with ``verbose`` every fact, how it was learnt, and the settings.

    ``cut_off`` tells of a change of the environment that was cut off.
    """
    rows = [("target", _target(facts.target)), *_packages(facts)]
    rows += [("host", _host(facts.host)), ("CPU", _cpu(facts.host)), ("cores", _cores(facts.host))]
    lines = _aligned(rows)
    if verbose:
        lines += ["", "facts", *_indented(_flat(facts_as_mapping(facts), skip="learnt"))]
        lines += ["", "learnt", *_indented(facts.learnt)]
        lines += ["", "settings", *_indented((name, _setting(setting)) for name, setting in settings.items())]
    lines += ["", f"verdict: {verdict(facts, judgement)}"]
    lines += [f"  {note.text} [{note.code}]" for note in judgement.findings]
    lines += [f"warning: {cut_off}"] if cut_off else []
    return "\n".join(lines) + "\n"


def verdict(facts: Facts, judgement: Judgement) -> str:
    """Return the answer in a few words."""
    if judgement.fits is not None:
        return "fits" if judgement.fits else "does not fit"
    return "nothing to judge" if facts.installed.torch is None or facts.installed.ipex is None else "unknown"


def _packages(facts: Facts) -> list[tuple[str, str]]:
    rows = []
    for label, name in _PACKAGES:
        package = getattr(facts.installed, name)
        if package is not None:
            rows.append((label, _torch(package) if name == "torch" else _package(package)))
        elif label in _ALWAYS_SHOWN and not (label == "bindings" and facts.installed.bridge is not None):
            rows.append((label, "not installed"))
    return rows


def _package(package: Package) -> str:
    return f"{package.version}" + (f", installed by {package.installer}" if package.installer else "")


def _torch(package: TorchPackage) -> str:
    words = [f"{package.build} build"] if package.build else []
    if package.cxx11_abi is not None:
        words.append("new C++ ABI" if package.cxx11_abi else "old C++ ABI")
    return ", ".join([_package(package), *words])


def _target(target: Target) -> str:
    name = "Python" if target.implementation == "cpython" else target.implementation
    limits = ["free-threaded"] if target.free_threaded else []
    limits += ["externally managed"] if target.externally_managed else []
    limits += ["read-only"] if target.writable is False else []
    return ", ".join([f"{name} {target.version}", f"{target.environment} {target.prefix or ''}".strip(), *limits])


def _host(host: Host) -> str:
    libc = f"{host.libc.family} {host.libc.version or 'of unknown version'}"
    parts = (host.distribution or host.system, host.architecture, libc if host.libc.family != "unknown" else None)
    return ", ".join(part for part in parts if part)


def _cpu(host: Host) -> str:
    parts = (host.cpu.model or host.cpu.vendor or "unknown", host.cpu.isa.name if host.cpu.isa is not None else None)
    return ", ".join(part for part in parts if part)


def _cores(host: Host) -> str:
    topology = host.topology
    if topology.physical_cores is None:
        return "unknown"
    parts = [f"{topology.usable_cores or 0} of {topology.physical_cores} usable"]
    parts += [_counted(topology.sockets, "socket"), _counted(topology.numa_nodes, "NUMA node")]
    parts += [f"quota of {topology.cpu_quota:g} CPUs"] if topology.cpu_quota is not None else []
    return ", ".join(part for part in parts if part)


def _counted(count: int | None, noun: str) -> str:
    return "" if count is None else f"{count} {noun}{'' if count == 1 else 's'}"


def _setting(setting: Mapping[str, Any]) -> str:
    return f"{'not set' if setting['value'] is None else setting['value']} ({setting['origin']})"


def _flat(value: Mapping[str, Any], *, skip: str | None = None, above: str = "") -> list[tuple[str, str]]:
    """Return nested data as dotted names with values on one line each."""
    rows: list[tuple[str, str]] = []
    for name, item in value.items():
        if name == skip:
            continue
        if isinstance(item, dict):
            rows += _flat(item, above=f"{above}{name}.")
        else:
            rows.append((f"{above}{name}", _one_line(name, item)))
    return rows


def _one_line(name: str, value: object) -> str:
    if isinstance(value, list):
        shown = value[:_FEW] if name == "wheel_tags" else value
        more = f" … {len(value) - _FEW} more" if len(shown) < len(value) else ""
        return " ".join(str(item) for item in shown) + more or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)


def _indented(rows: Iterable[tuple[str, str]]) -> list[str]:
    return [f"  {line}" for line in _aligned(list(rows))]


def _aligned(rows: Sequence[tuple[str, str]]) -> list[str]:
    width = max((len(label) for label, _ in rows), default=0)
    return [f"{label:<{width}}  {text}" for label, text in rows]
