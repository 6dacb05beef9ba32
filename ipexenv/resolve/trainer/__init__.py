"""Which arguments transformers' Trainer takes on CPUs, and which of them do something. Pure."""
