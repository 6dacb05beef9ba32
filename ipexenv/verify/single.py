"""Run the checks that need one process, in as few processes as they leave alive."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ipexenv.events import Event
from ipexenv.verify.caps import caps_in, in_words
from ipexenv.verify.endings import Ending, explain_ending
from ipexenv.verify.imports import judge_import, with_library_path
from ipexenv.verify.isa import judge_bf16_path, judge_isa
from ipexenv.verify.records import Record, Story, read_story
from ipexenv.verify.training import judge_train
from ipexenv.verify.trouble import Noise, ending_of, failure, skipped

if TYPE_CHECKING:
    from ipexenv.system.runner import Finished
    from ipexenv.verify.checks import Check
    from ipexenv.verify.job import Job
    from ipexenv.verify.options import VerifyOptions

SCRIPT = Path(__file__).with_name("_target_single.py")
CHECKS = ("import", "isa", "bf16-path", "train")

_BEGINS = re.compile(r"^== ipexenv: (\S+) begin ==$")
_SHUTDOWN_S = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The checks of one process, and what the distributed checks need to know of them."""

    checks: tuple[Check, ...]
    imports: bool
    """Whether torch, and IPEX on its stack, could be imported."""
    bindings_import: bool
    """Also true where no bindings are expected."""
    ipex_brings_ccl: bool
    """Whether the libccl that is mapped after the imports lies in IPEX's package (2.3 to 2.7)."""


def run_single(job: Job) -> Outcome:
    """Run `import`, `isa`, `bf16-path` and `train` in one process of the target.

    A check that ends its process costs only itself: the others are run again in a new one, without the bindings
    where it was their import that did it.
    """
    session = _Session(job)
    options = job.options
    done: dict[str, Check] = {}
    waiting = [check for check in CHECKS if check != "bf16-path" or options.dtype == "bf16"]
    names = options.import_names
    bindings_import = True
    while waiting:
        judged, culprit = session.run(waiting, names)
        for check in judged:
            done.setdefault(check.id, check)
        waiting = [check for check in waiting if check not in done]
        if "import" in done and done["import"].status == "fail" and culprit is not None:
            if culprit != f"import {options.bindings_module}" or not bindings_import:
                break
            bindings_import = False
            names = tuple(name for name in names if name != options.bindings_module)
    for name in CHECKS:
        done.setdefault(name, _not_tried(name, options))
    blocked = done["isa"].status == "skip"
    return Outcome(
        checks=tuple(done[name] for name in CHECKS),
        imports=not blocked,
        bindings_import=bindings_import,
        ipex_brings_ccl=_ipex_brings_ccl(done["import"], options),
    )


def run_import(job: Job) -> Check:
    """Run `import` alone, in one process of the target."""
    checks, _ = _Session(job).run(["import"], job.options.import_names)
    return checks[0]


def _ipex_brings_ccl(imported: Check, options: VerifyOptions) -> bool:
    libraries = imported.measurements.get("libraries", ())
    return any("libccl.so" in path and f"/{options.ipex_module}/" in path for path in libraries)


def _not_tried(check: str, options: VerifyOptions) -> Check:
    if check == "bf16-path" and options.dtype != "bf16":
        return skipped(check, f"{options.dtype} was asked for")
    return skipped(check, "not tried, because `import` failed")


class _Session:
    """Starts children and judges what they tell."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._options = job.options
        self._env = {**job.env, "ONEDNN_VERBOSE": "1", "DNNL_VERBOSE": "1"}
        self._caps = caps_in(job.env)
        self._announced: set[str] = set()

    def run(self, checks: list[str], names: tuple[str, ...]) -> tuple[list[Check], str | None]:
        """Run ``checks`` after the imports; return those that came to an end and, for a failed import, its stage."""
        first = "import" in checks
        wanted = ["import", *(check for check in checks if check != "import")]
        finished = self._start(wanted, names)
        story = read_story(finished.answer)
        judged = [self._judge(record, finished) for record in story.records if first or record.check != "import"]
        imported = story.of("import")
        if imported is None or imported.data is None:
            if not judged:
                judged = [self._silent(finished, "import" if first else checks[0])]
            return judged, "import" if imported is None else imported.stage
        if len(story.records) < len(wanted) and not any(record.crashed for record in story.records):
            judged.append(self._silent(finished, wanted[len(story.records)]))
        if judged and len(story.records) == len(wanted):
            judged[-1] = self._with_shutdown(judged[-1], story, finished)
        return judged, None

    def _start(self, checks: list[str], names: tuple[str, ...]) -> Finished:
        options = self._options
        request = {
            "checks": checks,
            "import_names": list(names),
            "ipex": options.ipex_module,
            "dtype": options.dtype,
            "limit_s": options.timeout_s,
            "site_packages": self._job.facts.target.site_packages,
        }
        return self._job.world.runner.run(
            [*self._job.python, str(SCRIPT), json.dumps(request)],
            timeout_s=options.timeout_s * (len(checks) + 1) + _SHUTDOWN_S,
            env=self._env,
            answer=True,
            on_line=self._progress,
        )

    def _progress(self, line: str) -> None:
        begins = _BEGINS.match(line)
        if begins is None:
            if not line.startswith(("onednn_verbose", "dnnl_verbose", "== ipexenv:")) and line.strip():
                self._job.listen(Event(kind="output", text=line))
        elif begins[1] not in self._announced:
            self._announced.add(begins[1])
            self._job.listen(Event(kind="step", text=f"checking {begins[1]}"))

    def _judge(self, record: Record, finished: Finished) -> Check:
        noise = Noise.of(finished, record.check)
        if record.data is None:
            ending = ending_of(record, finished, noise, limit_s=self._options.timeout_s)
            return failure(record, finished, self._amended(ending), noise)
        probed = self._job.facts.host.cpu.isa
        if record.check == "import":
            return judge_import(record, noise.text, self._job.facts.installed, self._options)
        if record.check == "isa":
            return judge_isa(record, probed, self._caps)
        if record.check == "bf16-path":
            return judge_bf16_path(record, noise.stdout, probed, self._caps)
        return judge_train(record, noise.stdout, self._options)

    def _amended(self, ending: Ending) -> Ending:
        """Add what the user's own environment has to do with it."""
        if ending.code == "exception" and self._caps:
            return replace(
                ending,
                cause=f"{ending.cause} (with {in_words(self._caps)}, which hides instructions that torch expects)",
                hint=f"unset {' and '.join(cap.variable for cap in self._caps)}, then run this again",
            )
        return with_library_path(ending, self._env.get("LD_LIBRARY_PATH", ""))

    def _silent(self, finished: Finished, check: str) -> Check:
        """Return the failure of ``check``, of which its process told nothing."""
        noise = Noise(stdout=finished.stdout, stderr=finished.stderr)
        timed_out = finished.timed_out
        ending = explain_ending(finished, noise.text, timed_out=timed_out, limit_s=self._options.timeout_s)
        return failure(Record(check=check), finished, ending, noise)

    def _with_shutdown(self, check: Check, story: Story, finished: Finished) -> Check:
        """Degrade the last check where the process died after it: a training script would end with that code."""
        if finished.returncode == 0 or any(record.data is None for record in story.records):
            return check
        ending = explain_ending(finished, "", timed_out=finished.timed_out, limit_s=self._options.timeout_s)
        status = check.status if check.status == "fail" else "degraded"
        return replace(check, status=status, detail=f"{check.detail}; when shutting down, {ending.cause}")
