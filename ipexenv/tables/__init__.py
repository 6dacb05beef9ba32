"""Stage 2, know: the compatibility tables of ``compat/``."""
