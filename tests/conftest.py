"""What holds for every test."""

from hypothesis import settings

# Tests never judge by the clock: a busy machine must not fail a property.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
