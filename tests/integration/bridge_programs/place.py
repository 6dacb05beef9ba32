"""Ask for the ranks as torch does, and print what was filled in. Usage: place.py."""

# Runs in the target: torch and the standard library, Python 3.8 syntax.

import json
import os
import sys

import oneccl_bindings_for_pytorch  # noqa: F401 (makes the backend known)
import torch.distributed as dist

VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


def filled():
    return {name: os.environ[name] for name in VARIABLES if name in os.environ}


def main():
    before, refused = filled(), ""
    try:
        dist.init_process_group("ccl")
        dist.destroy_process_group()
    except ValueError as error:
        refused = str(error)
    sys.stdout.write(json.dumps([before, filled(), refused]) + "\n")


if __name__ == "__main__":
    main()
