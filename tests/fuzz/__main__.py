"""Fuzz one target with atheris: ``python -m tests.fuzz page FOLDER -max_total_time=600``.

What follows the target goes to libFuzzer: folders of inputs (new ones are added to the first), and its options. An
input that goes wrong is left as ``crash-…`` and belongs into ``tests/data/fuzz/<target>`` once it is understood.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["ipexenv", "packaging"]):
    from tests.fuzz.targets import CORPUS, TARGETS


def main() -> None:
    """Fuzz until libFuzzer's options, or a finding, say to stop."""
    name, options = sys.argv[1], sys.argv[2:]
    atheris.Setup([sys.argv[0], "-timeout=20", *options, str(CORPUS / name)], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
