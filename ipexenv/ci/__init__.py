"""The set-up step of a continuous integration: inputs, the dialect of its log, what later steps are given."""
