"""Find what is wrong: in a log (`explain`) or in an environment (`doctor`)."""
