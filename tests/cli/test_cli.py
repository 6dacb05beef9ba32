"""What holds for every command: help, usage errors, the JSON envelope, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from typing import TYPE_CHECKING, Any

import pytest

from ipexenv import __version__, cli
from ipexenv.answer import Answer, Problem
from ipexenv.errors import AnswerIsNo, OutsideError
from ipexenv.events import Event
from ipexenv.system.world import World
from tests.fakes import FakeHttp, FakeKernel, FakeRunner

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path

    from rich.console import Console

    from ipexenv.events import Listener

    Run = Callable[[argparse.Namespace, World, Listener], Answer]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(runner=FakeRunner(), http=FakeHttp(), kernel=FakeKernel(), env={}, root=tmp_path, directory=tmp_path)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Run], None]:
    def register(run: Run) -> None:
        module = types.ModuleType("ipexenv.commands.demo")
        module.add_options = lambda parser: parser.add_argument("--count", type=int)  # type: ignore[attr-defined]  # a module made by hand
        module.run = run  # type: ignore[attr-defined]  # as above
        monkeypatch.setitem(sys.modules, "ipexenv.commands.demo", module)
        monkeypatch.setitem(cli.COMMANDS, "demo", "show how commands end")

    return register


def answering(**parts: Any) -> Run:
    return lambda options, world, listen: Answer(data={"count": options.count}, **parts)


def raising(error: BaseException) -> Run:
    def run(options: argparse.Namespace, world: World, listen: Listener) -> Answer:
        raise error

    return run


def show(console: Console) -> None:
    console.print("all [bold]well[/bold]")


def test_an_answer_for_people_goes_to_stdout_as_it_stands(world: World, command: Any, capsys: Any) -> None:
    command(answering(show=show))
    assert cli.main(["demo"], world=world) == 0
    assert capsys.readouterr() == ("all [bold]well[/bold]\n", "")


def test_the_json_envelope(world: World, command: Any, capsys: Any) -> None:
    command(answering(exit_code=1, problems=(Problem(code="c", message="m", causes=("x",), hint="h"),)))
    assert cli.main(["demo", "--json", "--count", "3"], world=world) == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert json.loads(out) == {
        "schema": 1,
        "command": "demo",
        "status": "no",
        "exit_code": 1,
        "data": {"count": 3},
        "problems": [{"code": "c", "message": "m", "causes": ["x"], "hint": "h"}],
    }


def test_problems_of_an_answer_are_told_on_stderr(world: World, command: Any, capsys: Any) -> None:
    command(answering(raw="a,b\n", exit_code=1, problems=(Problem(code="c", message="m"),)))
    assert cli.main(["demo"], world=world) == 1
    assert capsys.readouterr() == ("a,b\n", "error: m [c]\n")


def test_an_error_has_message_causes_and_hint(world: World, command: Any, capsys: Any) -> None:
    command(raising(AnswerIsNo("nothing fits", code="no-fit", causes=["a clashes with b"], hint="try `c`")))
    assert cli.main(["demo"], world=world) == 1
    assert capsys.readouterr() == ("", "error: nothing fits [no-fit]\n  because a clashes with b\n\nhint: try `c`\n")


def test_an_error_keeps_the_envelope(world: World, command: Any, capsys: Any) -> None:
    command(raising(OutsideError("no network", code="net", data={"seen": 1})))
    assert cli.main(["demo", "--json"], world=world) == 3
    document = json.loads(capsys.readouterr().out)
    assert (document["status"], document["exit_code"], document["data"]) == ("error", 3, {"seen": 1})
    assert document["problems"] == [{"code": "net", "message": "no network", "causes": [], "hint": None}]


def test_a_bug_is_exit_4_and_says_how_to_report_it(world: World, command: Any, capsys: Any) -> None:
    command(raising(ZeroDivisionError("division by zero")))
    assert cli.main(["demo"], world=world) == 4
    err = capsys.readouterr().err
    assert "a bug in ipexenv: ZeroDivisionError: division by zero [bug]" in err
    assert "Traceback" not in err
    assert cli.main(["demo", "-v"], world=world) == 4
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_is_130(world: World, command: Any, capsys: Any) -> None:
    command(raising(KeyboardInterrupt()))
    assert cli.main(["demo"], world=world) == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_lists_every_command(arguments: list[str], capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 0
    out = capsys.readouterr().out
    for name in cli.COMMANDS:
        assert name in out


@pytest.mark.parametrize("name", sorted(cli.COMMANDS))
def test_every_command_has_help(name: str, capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: ipexenv {name}" in capsys.readouterr().out


def test_version(capsys: Any) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"ipexenv {__version__}\n"


def test_an_unknown_command_is_named_with_the_known_ones(capsys: Any) -> None:
    assert cli.main(["instal"]) == 2
    err = capsys.readouterr().err
    assert "'instal'" in err
    assert "install" in err


def test_an_unknown_option_is_a_usage_error_in_json_too(world: World, command: Any, capsys: Any) -> None:
    command(answering())
    assert cli.main(["demo", "--cuont", "3"], world=world) == 2
    assert "unrecognized arguments: --cuont 3" in capsys.readouterr().err
    assert cli.main(["demo", "--cuont", "3", "--json"], world=world) == 2
    document = json.loads(capsys.readouterr().out)
    assert (document["command"], document["exit_code"], document["problems"][0]["code"]) == ("demo", 2, "usage")


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        ([], ["asking 2 sources", "warning: us: 403"]),
        (["-q"], ["warning: us: 403"]),
        (["-v"], ["asking 2 sources", "  cn: 3 files", "  | Collecting torch", "warning: us: 403"]),
    ],
)
def test_progress_goes_to_stderr(
    arguments: list[str], lines: list[str], world: World, command: Any, capsys: Any
) -> None:
    def run(options: argparse.Namespace, world: World, listen: Listener) -> Answer:
        listen(Event(kind="step", text="asking 2 sources"))
        listen(Event(kind="detail", text="cn: 3 files"))
        listen(Event(kind="output", text="Collecting torch"))
        listen(Event(kind="warning", text="us: 403"))
        return Answer(data={})

    command(run)
    assert cli.main(["demo", *arguments], world=world) == 0
    out, err = capsys.readouterr()
    assert (out, err.splitlines()) == ("", lines)


def test_a_reader_that_goes_away_is_no_error() -> None:
    read_fd, write_fd = os.pipe()
    os.close(read_fd)
    ended = subprocess.run(
        [sys.executable, "-m", "ipexenv", "matrix", "--csv"],
        stdout=write_fd,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    os.close(write_fd)
    assert (ended.returncode, ended.stderr) == (141, b"")
