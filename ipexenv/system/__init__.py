"""The outside world, each part behind a Protocol so that tests can play it."""
