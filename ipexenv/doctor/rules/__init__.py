"""One rule, one function: from the surroundings to what is wrong with them. Pure."""
