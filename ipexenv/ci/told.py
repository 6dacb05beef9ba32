"""What later steps of a workflow are told of the environment. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ipexenv.ci.summary import checks_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ipexenv.ci.inputs import Proving

_IPEX = "intel_extension_for_pytorch"


def outputs(document: Mapping[str, Any], *, venv: str, isa: str | None, files: Mapping[str, str]) -> dict[str, str]:
    """Return the outputs of the step; ``document`` is what ``ipexenv install --json`` answered."""
    data = document.get("data") or {}
    ccl = data.get("ccl") or {}
    ipex = next((pin["version"] for pin in data.get("pins", ()) if pin["name"] == _IPEX), "")
    return {
        "torch": data.get("torch") or "",
        "ipex": ipex,
        "ccl-provider": ccl.get("provider") or "",
        "ccl-version": ccl.get("version") or "",
        "python": f"{venv}/bin/python",
        "venv": venv,
        "isa": isa or "",
        **files,
    }


def degraded(document: Mapping[str, Any], proving: Proving) -> tuple[str, ...]:
    """Return the checks that are not good enough for ``verify: strict``, each with its reason."""
    if proving != "strict":
        return ()
    checks = checks_of(document.get("data") or {})
    return tuple(f"{check['id']}: {check['detail']}" for check in checks if check["status"] == "degraded")


def trouble(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield code and text of each problem."""
    for problem in document.get("problems", ()):
        causes = "".join(f"\nbecause {cause}" for cause in problem.get("causes", ()))
        hint = f"\nhint: {problem['hint']}" if problem.get("hint") else ""
        yield problem["code"], f"{problem['message']}{causes}{hint}"
