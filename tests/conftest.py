"""What holds for every test."""

import os
import signal
import sys

from hypothesis import settings

# Tests never judge by the clock: a busy machine must not fail a property. The same examples in every run: what fails is
# the change, and nobody else's. New ones are sought each week, with HYPOTHESIS_PROFILE=search.
settings.register_profile("unhurried", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "unhurried"))

# The many Pythons that tests start shall compile what they import once, as they do for users.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A shell starts its background jobs, and whatever they start, deaf to Ctrl-C; some tests are about Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
