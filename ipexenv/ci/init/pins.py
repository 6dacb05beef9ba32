"""The exact versions of what written workflows use. Pure.

Each commit is the one that the tag beside it names in the action's own repository.
"""

from __future__ import annotations

from ipexenv import __version__

CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
SETUP_PYTHON = "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0"
CACHE_RESTORE = "actions/cache/restore@27d5ce7f107fe9357f9df03efb73ab90386fccae # v5.0.5"
CACHE_SAVE = "actions/cache/save@27d5ce7f107fe9357f9df03efb73ab90386fccae # v5.0.5"

UBUNTU = "ubuntu-24.04"
DEBIAN = "bookworm"
IPEXENV = f"ipexenv[uv]=={__version__}"
PYTEST = "pytest>=8,<10"
MADE_BY = f"Made by ipexenv {__version__}"
