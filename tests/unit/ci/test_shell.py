"""Without a CI system: plain text and files."""

from __future__ import annotations

import io

from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from ipexenv.ci.dialect import Remark, Told
from ipexenv.ci.files import dotenv
from ipexenv.ci.shell import Shell
from tests.unit.ci.test_dialects import TEXT

DIALECT = Shell()


def test_remarks_are_lines_with_their_level() -> None:
    remark = Remark(level="notice", title="cache", text="hit\n\nall the same\n")
    assert DIALECT.remark(remark) == "notice: cache: hit\n  all the same\n"
    assert DIALECT.remark(Remark(level="error", title="t", text="")) == "error: t:\n"


def test_everything_is_in_two_files() -> None:
    told = Told(outputs={"torch": "2.8.0"}, variables={"A": "it's", "B": "${A}"}, path_entries=("/v/bin",))
    closed = DIALECT.closing(told, {}, ".ipexenv")
    texts = {file.path: file.text for file in closed.writings}
    assert texts[".ipexenv/ipexenv.env"] == "IPEXENV_SETUP_TORCH=2.8.0\nA='it\\'s'\n"
    assert "export B='${A}'\n" in texts[".ipexenv/ipexenv.sh"]
    assert closed.log == (
        "warning: ipexenv: left out of ipexenv.env: B: the value would not be read back as it is\n"
        "to use it here: . .ipexenv/ipexenv.sh\n"
    )


def test_the_folder_is_here_and_out_of_git() -> None:
    assert DIALECT.folder({}) == ".ipexenv"
    assert [(file.path, file.text) for file in DIALECT.opening(".ipexenv").writings] == [(".ipexenv/.gitignore", "*\n")]


@given(st.dictionaries(st.from_regex(r"[A-Z_]{1,8}", fullmatch=True), st.one_of(TEXT, st.text("${}A'\"\\#= \n\r"))))
def test_python_dotenv_reads_the_file_as_it_was_meant(variables: dict[str, str]) -> None:
    text, bad = dotenv(variables)
    read = dotenv_values(stream=io.StringIO(text, newline=""))
    assert read == {name: value for name, value in variables.items() if name not in bad}
    assert all("${" in variables[name] for name in bad)
