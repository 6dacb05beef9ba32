"""A workflow of GitHub Actions. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.ci.init.lines import block, mapping, scalar
from ipexenv.ci.init.pins import CACHE_RESTORE, CACHE_SAVE, CHECKOUT, MADE_BY, SETUP_PYTHON, UBUNTU
from ipexenv.ci.init.scripts import add_project, get_ipexenv, inputs, use_project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.ci.init.project import Project

PATH = ".github/workflows/ipexenv.yml"

_TOOL = "$RUNNER_TEMP/ipexenv-tool"
_OWN = "$RUNNER_TEMP/ipexenv-project"
_RUN = f'"{_TOOL}/bin/ipexenv" ci'


def github_text(project: Project) -> str:
    """Return the workflow: the environment from the cache or made anew, proved, then the project over it."""
    return "\n".join((*_head(project), *_job(project), *_steps(project))) + "\n"


def _head(project: Project) -> Iterator[str]:
    yield f"# {MADE_BY} (`ipexenv ci --init github`); yours to change."
    yield "name: ipexenv"
    yield "on:"
    yield "  push:"
    if project.branch is not None:
        yield f"    branches: [{scalar(project.branch)}]"
    yield "  pull_request:"
    yield "  workflow_dispatch:"
    yield "permissions:"
    yield "  contents: read"
    yield "concurrency:"
    yield "  group: ${{ github.workflow }}-${{ github.ref }}"
    yield "  cancel-in-progress: true"


def _job(project: Project) -> Iterator[str]:
    yield "jobs:"
    yield "  train:"
    yield f"    runs-on: {UBUNTU}"
    yield "    timeout-minutes: 60"
    yield "    env:"
    yield from mapping(inputs(project), indent=6)
    yield "    steps:"


def _steps(project: Project) -> Iterator[str]:
    yield f"      - uses: {CHECKOUT}"
    yield "        with:"
    yield "          persist-credentials: false"
    yield f"      - uses: {SETUP_PYTHON}"
    yield "        with:"
    yield f"          python-version: {scalar(project.python)}"
    yield from _script("Get ipexenv", get_ipexenv(_TOOL))
    yield from _cached_environment()
    yield from _script("Install the project over it", add_project(project, tool=_TOOL, own=_OWN))
    name = "Test the project" if project.tests else "Use it"
    yield from _script(name, use_project(project, own=_OWN, report="$RUNNER_TEMP/tests.xml"))


def _cached_environment() -> Iterator[str]:
    yield from _script("Name the cache", (f"{_RUN} --key",), identifier="key")
    yield "      - name: Take it from the cache"
    yield "        id: restore"
    yield "        if: steps.key.outputs.cache == 'true'"
    yield f"        uses: {CACHE_RESTORE}"
    yield "        with:"
    yield "          path: ${{ steps.key.outputs.paths }}"
    yield "          key: ${{ steps.key.outputs.key }}-none"
    yield "          restore-keys: ${{ steps.key.outputs.restore-keys }}"
    yield "      - name: Make or check the environment, and prove it"
    yield "        id: setup"
    yield "        shell: bash"
    yield "        env:"
    yield "          IPEXENV_CI_STORED_AS: ${{ steps.restore.outputs.cache-matched-key }}"
    yield f"        run: {_quoted(_RUN)}"
    yield "      - name: Keep it in the cache"
    yield "        if: steps.setup.outputs.cache-key != ''"
    yield f"        uses: {CACHE_SAVE}"
    yield "        with:"
    yield "          path: ${{ steps.key.outputs.paths }}"
    yield "          key: ${{ steps.setup.outputs.cache-key }}"


def _script(name: str, lines: tuple[str, ...], *, identifier: str | None = None) -> Iterator[str]:
    yield f"      - name: {name}"
    if identifier is not None:
        yield f"        id: {identifier}"
    yield "        shell: bash"
    yield "        run: |"
    yield from block(lines, indent=10)


def _quoted(command: str) -> str:
    return f"'{command}'"
