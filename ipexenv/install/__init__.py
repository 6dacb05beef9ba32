"""Stage 5, act: ask sources, drive the package engine."""
