"""Where scripts look for the version; ``git_version``, a commit in Intel's module, is the same here."""

from __future__ import annotations

from ipexenv_oneccl_bridge import __version__

__all__ = ["__version__", "git_version"]

git_version = __version__
