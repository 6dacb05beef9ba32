"""Judge the check `import`: the modules load in order, and are what the metadata says. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packaging.version import InvalidVersion, Version

from ipexenv.verify.checks import Check
from ipexenv.verify.endings import Ending
from ipexenv.verify.records import noise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ipexenv.facts import Installed, Package
    from ipexenv.verify.options import VerifyOptions
    from ipexenv.verify.records import Record

_PRINTED_LINES = 12


def judge_import(record: Record, printed: str, installed: Installed, options: VerifyOptions) -> Check:
    """Fail where an imported version is not the installed one, or where torch and IPEX are of different minors."""
    data = record.data or {}
    modules: Sequence[Mapping[str, Any]] = data.get("modules", ())
    versions = {str(module["name"]): _version(module.get("version")) for module in modules}
    objections = [
        *_contradiction("torch", versions.get("torch"), installed.torch, modules),
        *_contradiction(options.ipex_module, versions.get(options.ipex_module or ""), installed.ipex, modules),
        *_wrong_pair(versions.get("torch"), versions.get(options.ipex_module or "")),
    ]
    told = ", ".join(f"{module['name']} {module.get('version') or '(no version)'}" for module in modules)
    return Check(
        id="import",
        status="fail" if objections else "pass",
        detail="; ".join(objections) or told,
        seconds=record.seconds or 0.0,
        measurements={
            "modules": [
                {"name": row["name"], "version": row.get("version"), "seconds": round(float(row["seconds"]), 3)}
                for row in modules
            ],
            "libraries": list(data.get("libraries", ())),
            "printed": noise(printed)[-_PRINTED_LINES:],
        },
        hint="`ipexenv status -v` shows what is installed where" if objections else None,
    )


def with_library_path(ending: Ending, library_path: str) -> Ending:
    """Name the loader path as the cause where it leads into another IPEX and a symbol of that is missing."""
    strange = [entry for entry in library_path.split(":") if "intel_extension_for_pytorch" in entry]
    if ending.code not in {"abi", "cxx11-abi", "segmentation-fault"} or not strange:
        return ending
    return Ending(
        code="library-path",
        cause=f"{ending.cause}; LD_LIBRARY_PATH leads to {strange[0]}, which may be another release's",
        hint=f"take {strange[0]} out of LD_LIBRARY_PATH, then run this again",
    )


def _contradiction(
    name: str | None, imported: Version | None, package: Package | None, modules: Sequence[Mapping[str, Any]]
) -> list[str]:
    if imported is None or package is None or imported.public == package.version.public:
        return []
    file = next((module.get("file") for module in modules if module["name"] == name), None)
    return [f"{name} {imported} is imported (from {file}), and the metadata says {package.version}"]


def _wrong_pair(torch: Version | None, ipex: Version | None) -> list[str]:
    # Every IPEX since 1.8 carries torch's major.minor; up to 1.11 it did not look at torch's when imported.
    if torch is None or ipex is None or torch.release[:2] == ipex.release[:2]:
        return []
    return [f"IPEX {ipex} is built for torch {ipex.major}.{ipex.minor}, and torch {torch} is imported"]


def _version(text: object) -> Version | None:
    try:
        return None if text is None else Version(str(text))
    except InvalidVersion:
        return None
