"""Stage 3, decide: rules over facts and tables. Pure."""
