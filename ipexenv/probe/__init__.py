"""Stage 1, look: facts about the host and the target, without importing torch."""
