"""A pipeline of GitLab. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.ci.init.lines import block, mapping, scalar
from ipexenv.ci.init.pins import DEBIAN, MADE_BY
from ipexenv.ci.init.scripts import add_project, get_ipexenv, inputs, use_project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.ci.init.project import Project
    from ipexenv.lock.dockerfile_base import BaseImage

PATH = ".gitlab-ci.yml"

_TOOL = ".ipexenv-tool"
_OWN = ".ipexenv-project"
_REPORT = ".ipexenv-project/tests.xml"


def usual_image(project: Project) -> str:
    """Return the image that a job runs in where none is named."""
    return f"python:{project.python}-slim-{DEBIAN}"


def gitlab_text(project: Project, base: BaseImage | None) -> str:
    """Return the pipeline: the environment from the cache or made anew, proved, then the project over it."""
    image = usual_image(project) if base is None else base.reference
    return (
        "\n".join((*_head(image), *_variables(project), *_cache(project), *_script(project), *_reports(project))) + "\n"
    )


def _head(image: str) -> Iterator[str]:
    yield f"# {MADE_BY} (`ipexenv ci --init gitlab`); yours to change."
    yield "workflow:"
    yield "  rules:"
    yield '    - if: $CI_PIPELINE_SOURCE == "merge_request_event"'
    yield "    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"
    yield ""
    yield "train:"
    if "@" not in image:
        yield "  # A tag may name another image tomorrow; NAME:TAG@sha256:DIGEST does not."
    yield f"  image: {scalar(image)}"
    yield "  timeout: 1h"
    yield "  interruptible: true"


def _variables(project: Project) -> Iterator[str]:
    yield "  variables:"
    yield from mapping(inputs(project), indent=4)


def _cache(project: Project) -> Iterator[str]:
    """Yield the cache; ``ipexenv ci`` looks whether what comes out of it fits, and makes it anew where it does not."""
    yield "  cache:"
    if project.lock is not None:
        yield "    key:"
        yield f"      files: [{scalar(project.lock)}]"
        yield f"      prefix: {scalar(f'ipexenv-{project.python}')}"
    else:
        yield f"    key: {scalar('-'.join(('ipexenv', project.python, project.torch or 'newest')))}"
    yield "    paths: [.ipexenv/venv, .ipexenv/manifest.json]"


def _script(project: Project) -> Iterator[str]:
    lines = (
        *get_ipexenv(_TOOL),
        '"$tool/bin/ipexenv" ci',
        ". .ipexenv/ipexenv.sh",
        *add_project(project, tool=_TOOL, own=_OWN),
        *use_project(project, own=_OWN, report=_REPORT),
    )
    yield "  script:"
    yield "    - |"
    yield "      set -eu"
    yield from block(lines, indent=6)


def _reports(project: Project) -> Iterator[str]:
    junit = [".ipexenv/junit.xml", *([_REPORT] if project.tests else [])]
    yield "  artifacts:"
    yield "    when: always"
    yield "    expire_in: 1 week"
    yield "    paths: [.ipexenv/summary.md]"
    yield "    reports:"
    yield "      dotenv: .ipexenv/ipexenv.env"
    yield f"      junit: [{', '.join(junit)}]"
    yield "      codequality: .ipexenv/codequality.json"
