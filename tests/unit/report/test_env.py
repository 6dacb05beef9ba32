"""Whatever a value holds, what reads the lines gets that value and nothing else happens."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipexenv.launch.setting import Setting
from ipexenv.launch.shell_environment import Changes
from ipexenv.report.env import Format, environment_text, explained_text, unwritable, usual_shell

if TYPE_CHECKING:
    from pathlib import Path

# What an environment can hold: no null character, and text that UTF-8 can write.
VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
NASTY = (
    "",
    " ",
    "a b",
    "it's",
    "''",
    "'\\''",
    '"double"',
    "$HOME ${HOME} $(touch pwned) `touch pwned`",
    "a;touch pwned;#",
    "line\nexport PWNED=1\n",
    "'\nexport PWNED=1\n'",
    "ends in \\",
    "\\'",
    "\\n\\t%s!$!!{a,b}~*?[a]",
    "tab\tbell\a\r\n",
    "é漢字🙂\u2028",
    "-n",
    "~/x:~root",
    "=a",
    "ipexenv_0\nPWNED=1\nipexenv_0\n",
)
SHELLS: dict[str, list[str]] = {
    "bash": ["bash", "--norc"],
    "zsh": ["zsh", "-f"],
    "sh": ["dash"],
    "fish": ["fish", "--no-config"],
}


def changes(values: tuple[str, ...]) -> Changes:
    return Changes(set=tuple((f"IPEX_TEST_{index}", value) for index, value in enumerate(values)))


def evaluated(shell: Format, values: tuple[str, ...], folder: Path) -> list[str | None]:
    """Let the real shell evaluate the lines and a child of it tell what it was given."""
    program = SHELLS[shell]
    if shutil.which(program[0]) is None:
        pytest.skip(f"this machine has no {program[0]}")
    # Through a file, read as `eval "$(ipexenv env)"` reads a program's output, without which newlines at the end count.
    (folder / "lines").write_text(environment_text(changes(values), shell), encoding="utf-8", newline="")
    words = "eval (cat lines | string collect)" if shell == "fish" else 'eval "$(cat lines)"'
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(folder)}
    ended = subprocess.run([*program, "-c", f"{words}; env -0"], capture_output=True, check=True, env=env, cwd=folder)
    told = dict(pair.split("=", 1) for pair in ended.stdout.decode().split("\0") if "=" in pair)
    assert ended.stderr == b""
    assert "PWNED" not in told
    assert not (folder / "pwned").exists()
    return [told.get(f"IPEX_TEST_{index}") for index in range(len(values))]


@pytest.mark.parametrize("shell", ["bash", "zsh", "sh", "fish"])
def test_shells_take_nasty_values_as_they_are(shell: Format, tmp_path: Path) -> None:
    assert evaluated(shell, NASTY, tmp_path) == list(NASTY)


@pytest.mark.parametrize("shell", ["bash", "zsh", "sh", "fish"])
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(VALUES, min_size=20, max_size=40).map(tuple))
def test_shells_take_any_value_as_it_is(shell: Format, values: tuple[str, ...], tmp_path: Path) -> None:
    assert evaluated(shell, values, tmp_path) == list(values)


def test_shells_unset(tmp_path: Path) -> None:
    text = environment_text(Changes(unset=("PATH_OF_MINE",)), "sh")
    assert text == "unset PATH_OF_MINE\n"
    assert environment_text(Changes(unset=("PATH_OF_MINE",)), "fish") == "set -e PATH_OF_MINE\n"


def read_github(text: str) -> dict[str, str]:
    """Read a GITHUB_ENV file as GitHub's runner does (FileCommandManager of actions/runner)."""
    found: dict[str, str] = {}
    lines = iter(re.split(r"(\r\n|\n|\r)", text))
    pairs = [(line, next(lines, "")) for line in lines]
    position = 0
    while position < len(pairs):
        line, _ = pairs[position]
        position += 1
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            found[line[:equals]] = line[equals + 1 :]
            continue
        assert heredoc > 0, line
        name, mark = line[:heredoc], line[heredoc + 2 :]
        parts: list[str] = []
        while pairs[position][0] != mark:
            parts += pairs[position]
            position += 1
        position += 1
        found[name] = "".join(parts[:-1])
    return found


@pytest.mark.parametrize("value", [value for value in NASTY if "\r" not in value])
def test_github_takes_nasty_values_as_they_are(value: str) -> None:
    text = environment_text(Changes(set=(("FIRST", value), ("SECOND", "2"))), "github")
    assert read_github(text) == {"FIRST": value, "SECOND": "2"}


@given(st.lists(VALUES.filter(lambda value: "\r" not in value), max_size=5).map(tuple))
def test_github_takes_any_value_as_it_is(values: tuple[str, ...]) -> None:
    assert read_github(environment_text(changes(values), "github")) == dict(changes(values).set)


@pytest.mark.parametrize(
    ("value", "form", "name"),
    [
        ("a\rb", "github", "A"),
        ("a\rb", "sh", None),
        ("/a/${b}", "dotenv", "A"),
        ("/a/$b", "dotenv", None),
        ("/a/${b}", "sh", None),
        ("caf\udce9", "sh", "A"),
        ("caf\udce9", "json", "A"),
        ("é", "sh", None),
    ],
)
def test_what_cannot_be_written_is_named(value: str, form: Format, name: str | None) -> None:
    assert unwritable(Changes(set=(("FINE", "1"), ("A", value))), form) == name


def test_github_cannot_unset_and_empties() -> None:
    assert environment_text(Changes(unset=("GONE",)), "github") == "GONE=\n"


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("granularity=fine,compact,1,0", "A=granularity=fine,compact,1,0\n"),  # plain, so `docker --env-file` reads it
        ("/my libs/é", "A='/my libs/é'\n"),
        ("it's a \\", "A='it\\'s a \\\\'\n"),
        ("$HOME", "A='$HOME'\n"),
        ("[0x3]", "A='[0x3]'\n"),
    ],
)
def test_dotenv(value: str, line: str) -> None:
    assert environment_text(Changes(set=(("A", value), ("IPEXENV_APPLIED", "{}"))), "dotenv") == line


@given(st.lists(VALUES, max_size=5).map(tuple))
def test_json_is_an_object_of_strings(values: tuple[str, ...]) -> None:
    assert json.loads(environment_text(changes(values), "json")) == dict(changes(values).set)


@pytest.mark.parametrize(
    ("shell", "form"), [("/usr/bin/fish", "fish"), ("/bin/bash", "sh"), ("/usr/bin/zsh", "sh"), ("", "sh")]
)
def test_the_users_shell(shell: str, form: str) -> None:
    assert usual_shell({"SHELL": shell}) == form


def test_reasons_stay_on_their_lines() -> None:
    text = explained_text(
        [
            Setting(name="A", value="1\n2", reason="two"),
            Setting(name="B", value="x", reason="you set it", by_user=True),
        ],
        ["a\x1b[31mnote"],
    )
    assert text == "A=1\\n2\n    two\nB=x\n    yours; you set it\nnote: a\\x1b[31mnote\n"
