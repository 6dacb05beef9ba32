"""Sections, reports and the job's own environment on GitLab."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from ipexenv.ci.dialect import Remark, Told
from ipexenv.ci.gitlab import GitLab, code_quality
from ipexenv.errors import UsageError
from tests.unit.ci.readers import gitlab_sections, gitlab_variables
from tests.unit.ci.test_dialects import ENV, TEXT

DIALECT = GitLab(now=lambda: 1_760_000_000.9)


def test_a_section_is_folded_away_and_ended_by_its_name() -> None:
    begin, end = DIALECT.begin_group("ipexenv install: torch 2.8"), DIALECT.end_group("ipexenv install: torch 2.8")
    name = "ipexenv_ipexenv_install_torch_2_8"
    assert begin == f"\x1b[0Ksection_start:1760000000:{name}[collapsed=true]\r\x1b[0Kipexenv install: torch 2.8\n"
    assert end == f"\x1b[0Ksection_end:1760000000:{name}\r\x1b[0K\n"


@given(TEXT)
def test_a_section_of_any_title_begins_and_ends(title: str) -> None:
    (begin,), (end,) = gitlab_sections(DIALECT.begin_group(title)), gitlab_sections(DIALECT.end_group(title))
    assert (begin[0], end[0]) == ("start", "end")
    assert begin[1] == end[1]


def test_later_jobs_get_outputs_and_this_one_the_variables_as_well() -> None:
    told = Told(
        outputs={"torch": "2.8.0", "ipex": "", "ccl-provider": "bridge"},
        variables={"OMP_NUM_THREADS": "4"},
        path_entries=("/builds/p/.ipexenv/venv/bin",),
    )
    closed = DIALECT.closing(told, ENV, "/builds/p/.ipexenv")
    texts = {file.path.rpartition("/")[2]: file.text for file in closed.writings}
    assert gitlab_variables(texts["ipexenv.env"], {}) == {
        "IPEXENV_SETUP_TORCH": "2.8.0",
        "IPEXENV_SETUP_IPEX": "",
        "IPEXENV_SETUP_CCL_PROVIDER": "bridge",
    }
    assert "export OMP_NUM_THREADS=4\n" in texts["ipexenv.sh"]
    assert closed.log == "to use it here: . /builds/p/.ipexenv/ipexenv.sh\n"
    assert closed.commands == ()


def test_what_the_report_cannot_hold_is_named() -> None:
    told = Told(outputs={"torch": "a\nOTHER=b", "venv": "/$HOME", "python": "/p"})
    closed = DIALECT.closing(told, ENV, "/f")
    texts = {file.path: file.text for file in closed.writings}
    assert texts["/f/ipexenv.env"] == "IPEXENV_SETUP_PYTHON=/p\n"
    assert closed.log == (
        "warning: ipexenv: left out of ipexenv.env: IPEXENV_SETUP_TORCH, IPEXENV_SETUP_VENV:"
        " the value would not be read back as it is\n"
    )


REMARKS = (
    Remark(level="error", title="ipexenv: no-fit", text="nothing\nfits"),
    Remark(level="warning", title="ipexenv: bf16-path", text="AVX2 alone"),
    Remark(level="warning", title="ipexenv: bf16-path", text="AVX2 alone"),
    Remark(level="notice", title="ipexenv", text="from the cache"),
)


def test_remarks_are_code_quality_by_its_field_rules() -> None:
    issues = json.loads(code_quality(REMARKS, ".gitlab-ci.yml"))
    assert [issue["severity"] for issue in issues] == ["major", "minor", "info"]
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)
    for issue in issues:
        assert set(issue) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert issue["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert all(issue[key] and "\n" not in issue[key] for key in ("description", "check_name", "fingerprint"))
        assert not issue["location"]["path"].startswith(("/", "./"))
        assert issue["location"]["lines"]["begin"] >= 1
    assert issues[0]["description"] == "ipexenv: no-fit: nothing fits"
    assert json.loads(code_quality((), "x")) == []


@pytest.mark.parametrize(
    ("told", "path"),
    [
        (None, ".gitlab-ci.yml"),
        ("./ci/main.yml", "ci/main.yml"),
        ("https://ci.example/x.yml", ".gitlab-ci.yml"),
        ("x.yml@group/project", ".gitlab-ci.yml"),
        ("/etc/x.yml", ".gitlab-ci.yml"),
    ],
)
def test_remarks_stand_at_the_workflow(told: str | None, path: str) -> None:
    env = ENV if told is None else {**ENV, "CI_CONFIG_PATH": told}
    closed = DIALECT.closing(Told(outputs={}, remarks=REMARKS[:1]), env, "/f")
    (issue,) = json.loads(next(file.text for file in closed.writings if file.path == "/f/codequality.json"))
    assert issue["location"]["path"] == path


def test_reports_lie_in_the_project() -> None:
    assert DIALECT.folder(ENV) == "/builds/p/.ipexenv"
    with pytest.raises(UsageError, match="no job of GitLab"):
        DIALECT.folder({})
