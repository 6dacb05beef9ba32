"""Write job files for other schedulers, with the settings that ``ipexenv run`` would use.

How a command uses it: ``options.add_emit_options`` declares the options, ``job.job_of`` checks what the user said,
chooses the settings and returns the EmitJob, whose notes are worth a warning each; ``emit`` returns the text of the
file.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipexenv.launch.emit.model import EmitJob, EmitKind


def emit(kind: EmitKind, job: EmitJob) -> str:
    """Return the text of the job file, complete and ending in a newline."""
    text: str = import_module(f"ipexenv.launch.emit.{kind}").text(job)
    return text
