"""What is filled into a cure, so that its command runs here: this interpreter, these versions. Pure."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipexenv.facts import Facts

_PACKAGES = ("torch", "ipex", "bindings", "transformers", "accelerate", "numpy")


def cure_words(facts: Facts | None, target: str) -> dict[str, str]:
    """Return the words by name; ``target`` is what ``probe.choice.target_words`` says, with its leading space.

    ``{python}`` is the target's interpreter, ``{target}`` the options that name it to ipexenv, ``{minor}`` its Python;
    ``{torch}``, ``{ipex}`` … are installed versions, ``{torch_minor}`` torch's without the patch level.
    """
    words = {"python": "python", "target": target}
    if facts is None:
        return words
    if facts.target.executable:
        words["python"] = shlex.quote(facts.target.executable)
    words["minor"] = f"{facts.target.version.major}.{facts.target.version.minor}"
    for name in _PACKAGES:
        package = getattr(facts.installed, name)
        if package is not None:
            words[name] = str(package.version)
            words[f"{name}_minor"] = f"{package.version.major}.{package.version.minor}"
    return words
