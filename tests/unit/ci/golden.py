"""What each CI system is given in two runs, whole: tests/data/ci/SYSTEM/RUN holds log, files and commands.

``python -m tests.unit.ci.golden`` writes them anew; look at what changed before you keep it.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipexenv.ci.dialect import Remark, Told
from ipexenv.ci.gitlab import GitLab
from ipexenv.ci.provider import PROVIDERS, find_dialect
from ipexenv.ci.summary import CacheTold, checks_of, summary
from ipexenv.report.junit import junit_xml
from ipexenv.tables.failures import Failure
from ipexenv.verify.checks import Check, VerifyReport

if TYPE_CHECKING:
    from ipexenv.ci.dialect import Closing

DATA = Path(__file__).parents[2] / "data" / "ci"
SUCCESS: dict[str, Any] = json.loads((DATA / "success.json").read_text("utf-8"))
FAILURE: dict[str, Any] = json.loads((DATA / "failure.json").read_text("utf-8"))
FACTS: dict[str, Any] = json.loads((DATA / "facts.json").read_text("utf-8"))
RUNS = ("success", "failure")
ENV = {
    **{name: name for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")},
    "RUNNER_TEMP": "/ci",
    "CI_PROJECT_DIR": "/ci",
    "AGENT_TEMPDIRECTORY": "/ci",
    "WORKSPACE": "/ci",
    "BUILDKITE_BUILD_CHECKOUT_PATH": "/ci",
}
SAID = (
    "Collecting torch==2.8.0+cpu\n",
    "::set-output name=torch::0.0.0\n",
    "##vso[task.setvariable variable=PATH]/tmp\n",
    "--- a line of dashes\n",
    "\x1b[32mSuccessfully installed torch-2.8.0+cpu\x1b[0m\n",
)
"""What the engine of the run is supposed to have printed."""


def outputs(name: str, run: str) -> dict[str, str]:
    """Return name and text of everything that the system ``name`` is given in ``run``."""
    dialect = GitLab(now=lambda: 1_760_000_000) if name == "gitlab" else find_dialect({}, name=name, failures=[known()])
    folder = dialect.folder(ENV)
    opening, closing = (
        dialect.opening(folder),
        dialect.closing(told(run, f"/ci/{folder.rpartition('/')[2]}/venv"), ENV, folder),
    )
    group = "ipexenv install"
    said = "".join(dialect.quoted_line(line) for line in SAID)
    parts = [opening.log, dialect.mask("s3cret"), dialect.begin_group(group), dialect.begin_quote("t0ken"), said]
    parts += [dialect.end_quote("t0ken"), dialect.end_group(group), closing.log]
    files = {file.path.rpartition("/")[2]: file.text for file in (*opening.writings, *closing.writings)}
    return {"log": "".join(parts), **files, **commands(closing)}


def commands(closing: Closing) -> dict[str, str]:
    """Return the commands for an agent as one text, where there are any."""
    found = [{"argv": list(command.argv), "stdin": command.stdin} for command in closing.commands]
    return {"commands.json": json.dumps(found, indent=1) + "\n"} if found else {}


def told(run: str, venv: str) -> Told:
    """Return what the step has to say at the end of a run."""
    if run == "failure":
        (problem,) = FAILURE["problems"]
        text = f"{problem['message']}\nbecause {problem['causes'][0]}\nhint: {problem['hint']}"
        remark = Remark(level="error", title=f"ipexenv: {problem['code']}", text=text)
        return Told(outputs={"torch": "", "venv": venv}, remarks=(remark,), summary=summary(FAILURE))
    checks = checks_of(SUCCESS["data"])
    timings = {"install": 41.25, "re-check": 0.04, "verify": 22.234, "whole": 63.71}
    cache = CacheTold(hit=False, why="no entry for this key")
    return Told(
        outputs={
            "torch": "2.8.0",
            "ipex": "2.8.0",
            "ccl-provider": "bridge",
            "ccl-version": "2022.2.0+ipexenv.bridge.1",
            "python": f"{venv}/bin/python",
            "venv": venv,
            "isa": "avx2",
            "cache-hit": "false",
        },
        variables={"VIRTUAL_ENV": venv, "OMP_NUM_THREADS": "2", "LD_PRELOAD": f"{venv}/lib/libiomp5.so"},
        path_entries=(f"{venv}/bin",),
        remarks=tuple(
            Remark(level="warning", title=f"ipexenv: {check['id']} is degraded", text=check["detail"])
            for check in checks
            if check["status"] == "degraded"
        ),
        summary=summary(SUCCESS, timings=timings, cache=cache, facts=FACTS),
        junit=junit_xml(VerifyReport(checks=tuple(Check(**check) for check in checks))),
    )


def known() -> Failure:
    """Return one failure, so that the table may change without a change here."""
    row = {"id": "disk-full", "stage": "install", "severity": "fatal", "patterns": ["No space left on device"]}
    about = {"cause": "c", "cure": "d", "source": ["s"], "confidence": "measured"}
    return Failure.from_mapping({**row, **about}, where="here")


def stored(name: str, run: str) -> dict[str, str]:
    """Return what is kept for a system and a run; names end in .golden, so that no rule for such files touches them."""
    folder = DATA / name / run
    return {
        file.name.removesuffix(".golden").removeprefix("dot"): file.read_bytes().decode() for file in folder.iterdir()
    }


def renew() -> None:
    """Write all of them anew."""
    for name in PROVIDERS:
        for run in RUNS:
            folder = DATA / name / run
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            for file, text in outputs(name, run).items():
                kept = f"dot{file}" if file.startswith(".") else file
                (folder / f"{kept}.golden").write_bytes(text.encode())


if __name__ == "__main__":
    renew()
