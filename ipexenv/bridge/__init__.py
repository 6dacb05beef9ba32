"""The `ccl` backend on every torch: what it is made of, and how it reaches the target."""
