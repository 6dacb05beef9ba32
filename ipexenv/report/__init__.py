"""Stage 7, tell: the one place that turns data into text for people and machines."""
