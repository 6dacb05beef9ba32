"""Tell what is wrong here: for people, as Markdown for an issue, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from ipexenv.doctor.finding import Finding
    from ipexenv.facts import Facts

_STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan"}


def show_findings(findings: Sequence[Finding], looked: str, repair: Sequence[str], console: Console) -> None:
    """Print every finding with its evidence, cause and cure, the worst first; ``looked`` says how thoroughly.

    ``repair`` are lines on what was mended and what was left.
    """
    for finding in findings:
        console.print(f"{finding.severity}: {finding.summary} [{finding.id}]", style=_STYLES[finding.severity])
        for line in finding.evidence:
            console.print(f"  seen: {line}")
        if finding.cause:
            console.print(f"  because {finding.cause}")
        if finding.cure:
            console.print(f"  cure: {finding.cure}")
    if findings:
        console.print()
    for line in repair:
        console.print(line)
    console.print(f"{count_words(findings)}; {looked}")


def count_words(findings: Sequence[Finding]) -> str:
    """Return how many there are of each kind, as ``1 error, 2 warnings``."""
    counts = {severity: sum(finding.severity == severity for finding in findings) for severity in _STYLES}
    words = [f"{count} {name}{'s' if count > 1 and name != 'info' else ''}" for name, count in counts.items() if count]
    return ", ".join(words) or "nothing is wrong"


def markdown(findings: Sequence[Finding], facts: Facts, looked: str) -> str:
    """Return the report ready to be pasted into an issue; it is not redacted yet."""
    installed, host = facts.installed, facts.host
    parts = {
        "ipexenv": __version__,
        "Python": f"{facts.target.version} ({facts.target.environment})",
        "torch": installed.torch and f"{installed.torch.version}",
        "IPEX": installed.ipex and f"{installed.ipex.version}",
        "bindings": installed.bindings and f"{installed.bindings.version}",
        "bridge": installed.bridge and f"{installed.bridge.version}",
        "transformers": installed.transformers and f"{installed.transformers.version}",
        "accelerate": installed.accelerate and f"{installed.accelerate.version}",
        "numpy": installed.numpy and f"{installed.numpy.version}",
        "host": f"{host.distribution or host.system}, {host.libc.family} {host.libc.version}, kernel {host.kernel}",
        "CPU": f"{host.cpu.model}, {host.cpu.isa.label if host.cpu.isa is not None else 'unknown level'}",
    }
    rows = [f"| {name} | {value or '-'} |" for name, value in parts.items()]
    lines = ["### Environment", "", "| | |", "| --- | --- |", *rows, "", f"### Findings ({looked})", ""]
    for finding in findings:
        lines.append(f"- **{finding.severity}** `{finding.id}`: {finding.summary}")
        lines += [f"  - seen: {_code(line)}" for line in finding.evidence]
        lines += [f"  - because {finding.cause}"] if finding.cause else []
        lines += [f"  - cure: {finding.cure}"] if finding.cure else []
    if not findings:
        lines.append("nothing is wrong")
    return "\n".join(lines) + "\n"


def _code(text: str) -> str:
    """Return ``text`` as Markdown shows it letter by letter, back-ticks in it too."""
    fence = "``" if "`" in text else "`"
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{text}{pad}{fence}"
