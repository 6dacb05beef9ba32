"""Ready workflows and containers for the project that `ipexenv ci --init` stands in."""
