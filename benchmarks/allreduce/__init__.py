"""Allreduce over the bridge against its rivals; see ``__main__``."""
