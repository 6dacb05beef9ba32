"""One module per subcommand: parse its options, run the stages, return its report."""
