"""Look at the set-up step's outputs as a step after it does: with the environment's own Python, first on PATH."""

# ruff: noqa: INP001, T201 (a script of a workflow, of which the log is the answer)

import json
import os
import sys
from pathlib import Path

import torch

outputs = json.loads(os.environ["OUTPUTS"])
report = json.loads(Path(outputs["verify-report"]).read_text(encoding="utf-8"))
found = {
    "cache-hit": outputs["cache-hit"],
    "torch": outputs["torch"],
    "venv": sys.prefix,
    "imported": torch.__version__.startswith(outputs["torch"].partition("+")[0]),
    "failed": [check["id"] for check in report["checks"] if check["status"] == "fail"],
    "ccl": outputs["ccl-provider"],
}
wanted = {
    "cache-hit": os.environ["EXPECTED"],
    "torch": found["torch"] if found["torch"].startswith("2.8.") else "2.8.*",
    "venv": outputs["venv"],
    "imported": True,
    "failed": [],
    "ccl": "bridge",
}
print(json.dumps(found, indent=2))
if found != wanted:
    sys.exit(f"::error title=set-up step::{found} is not {wanted}")
