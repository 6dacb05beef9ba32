"""What a pipeline of Jenkins reads."""

from __future__ import annotations

import pytest

from ipexenv.ci.dialect import Remark, Told
from ipexenv.ci.jenkins import Jenkins
from ipexenv.errors import UsageError
from tests.unit.ci.readers import java_properties
from tests.unit.ci.test_dialects import ENV

DIALECT = Jenkins()


def test_properties_are_made_for_with_env() -> None:
    told = Told(
        outputs={"ccl-provider": "bridge", "venv": "/w/a b=c:d#ä\U0001f600"},
        variables={"OMP_NUM_THREADS": "4"},
        path_entries=("/v/bin", "/w/bin"),
    )
    texts = {file.path: file.text for file in DIALECT.closing(told, ENV, "/f").writings}
    assert java_properties(texts["/f/ipexenv.properties"]) == {
        "IPEXENV_SETUP_CCL_PROVIDER": "bridge",
        "IPEXENV_SETUP_VENV": "/w/a b=c:d#ä\U0001f600",
        "OMP_NUM_THREADS": "4",
        "PATH+IPEXENV": "/v/bin:/w/bin",
    }
    assert texts["/f/ipexenv.properties"].isascii()
    assert "/f/ipexenv.sh" in texts


def test_what_with_env_would_replace_is_left_out_and_named() -> None:
    told = Told(outputs={}, variables={"A": "${SECRET}", "B": "b"}, path_entries=("/v$x/bin",))
    closed = DIALECT.closing(told, ENV, "/f")
    texts = {file.path: file.text for file in closed.writings}
    assert texts["/f/ipexenv.properties"] == "B=b\n"
    assert closed.log.startswith("warning: ipexenv: left out of ipexenv.properties: A, PATH+IPEXENV:")
    assert "export A='${SECRET}'\n" in texts["/f/ipexenv.sh"]


def test_the_log_is_plain() -> None:
    remark = Remark(level="error", title="no-fit", text="nothing fits\nbecause a")
    assert DIALECT.closing(Told(outputs={}, remarks=(remark,)), ENV, "/f").log == (
        "error: no-fit: nothing fits\n  because a\n"
    )
    assert DIALECT.begin_group("install") + DIALECT.end_group("install") == "=== install ===\n"
    assert DIALECT.mask("x") == ""


def test_the_folder_is_in_the_workspace() -> None:
    assert DIALECT.folder(ENV) == "/jenkins/w/.ipexenv"
    with pytest.raises(UsageError, match="no build of Jenkins"):
        DIALECT.folder({})
