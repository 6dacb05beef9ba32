"""Locks: a resolution with every file's URL and SHA-256, for one or several targets. Pure: texts in, texts out."""
