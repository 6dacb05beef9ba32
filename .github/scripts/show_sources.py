"""Show what `ipexenv doctor --sources --json` found: each finding in the job's summary and as an annotation.

The first word is the file, the second doctor's exit code. Ends with 1 where a source is silent, so that it is seen.
"""

# ruff: noqa: INP001, T201 (a script of a workflow, of which the log is the answer)

import json
import os
import sys
from pathlib import Path


def escaped(text: str) -> str:
    """Return the text as GitHub takes it in a command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


answer = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
code = int(sys.argv[2])
silent = [one for one in answer["data"].get("findings", []) if one["id"] == "source-silent"]
lines = ["## Sources", ""]
for one in silent:
    address = ", ".join(one["evidence"])
    print(f"::warning title=source-silent::{escaped(one['summary'])} ({escaped(address)})")
    lines.append(f"- **{one['summary']}** ({address}): {one['cause']}")
for problem in answer["problems"]:
    print(f"::error title={problem['code']}::{escaped(problem['message'])}")
    lines.append(f"- **{problem['code']}**: {problem['message']}")
if len(lines) == 2:  # noqa: PLR2004 (the heading alone)
    lines.append("Every source that the tables name answers.")
with Path(os.environ["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as summary:
    summary.write("\n".join(lines) + "\n")
sys.exit(1 if silent or code else 0)
