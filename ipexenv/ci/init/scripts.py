"""The shell scripts of written workflows, for POSIX shells. Pure.

Nothing of a project stands in a script but names that are always the same, and the name of an extra out of four.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.ci.init.pins import IPEXENV, PYTEST

if TYPE_CHECKING:
    from ipexenv.ci.init.project import Project

_UNDER = (
    "import os; from sysconfig import get_path; "
    'base = get_path("purelib", vars={"base": os.environ["VIRTUAL_ENV"]}); '
    'print("import site; site.addsitedir(%r)" % base, file=open(get_path("purelib") + "/ipexenv.pth", "w"))'
)
"""Lets an environment see the packages of another one below its own."""


def get_ipexenv(tool: str) -> tuple[str, ...]:
    """Return the lines that install ipexenv into ``tool``, an environment of its own; ``$`` in it is for the shell."""
    return (
        f'tool="{tool}"',
        'python3 -m venv "$tool"',
        f'"$tool/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: "{IPEXENV}"',
    )


def add_project(project: Project, *, tool: str, own: str) -> tuple[str, ...]:
    """Return the lines that install the project over the environment and not into it: ``own`` is where.

    The environment stays as it was proved, and so can be cached. ``VIRTUAL_ENV`` names it.
    """
    into = 'pip --python "$own/bin/python" install'
    held = '--constraint "$own/constraints.txt"'
    lines = [
        f'tool="{tool}" own="{own}"',
        'pip() { "$tool/bin/python" -m pip --disable-pip-version-check "$@"; }',
        "# An environment that sees the proved one below its own packages, which so stays as it was, for the cache.",
        '"$VIRTUAL_ENV/bin/python" -m venv --without-pip "$own"',
        f"\"$own/bin/python\" -c '{_UNDER}'",
        "# Nothing may replace what was proved.",
        'pip --python "$VIRTUAL_ENV/bin/python" list --format=freeze >"$own/constraints.txt"',
    ]
    if project.requirements:
        lines.append(f"{into} {'--require-hashes' if project.hashed else held} --requirement requirements.txt")
    wanted = [*([project.install] if project.install else []), *([PYTEST] if project.tests else [])]
    if wanted:
        words = " ".join(f'"{word}"' for word in wanted)
        lines.append(f"{into} {held} {words}")
    return tuple(lines)


def use_project(project: Project, *, own: str, report: str) -> tuple[str, ...]:
    """Return the lines that run the project's tests, or show that there is a torch."""
    if project.tests:
        return (f'"{own}/bin/python" -m pytest --junitxml="{report}"',)
    return (
        "# Here comes your own command, as: ipexenv run train.py",
        f"\"{own}/bin/python\" -c 'import torch; print(torch.__version__, torch.get_num_threads())'",
    )


def inputs(project: Project) -> dict[str, str]:
    """Return the variables that tell `ipexenv ci` what to make."""
    given = {
        "IPEXENV_CI_LOCK": project.lock,
        "IPEXENV_CI_TORCH": project.torch,
        "IPEXENV_CI_STACK": project.stack,
        "IPEXENV_CI_VERIFY": "true",
    }
    return {name: value for name, value in given.items() if value is not None}
