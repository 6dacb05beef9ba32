"""Changing an environment so that it is the old or the new one at every moment: journal, snapshot, lock, recovery."""
