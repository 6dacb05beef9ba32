"""Stage 6, check: prove the environment in child processes of the target."""
