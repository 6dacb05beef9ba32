"""Inputs of the step become words of a command, one each, or are refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipexenv.ci.inputs import CiInputs, read_inputs
from ipexenv.errors import UsageError


def read(**inputs: str) -> CiInputs:
    return read_inputs({f"INPUT_{name.upper()}": value for name, value in inputs.items()}, usual_venv="/t/ipexenv")


def test_nothing_said_is_ipexenv_s_own_default() -> None:
    inputs = read(torch="", python="", venv="", sources="", allow_yanked="", verify="")
    assert inputs == CiInputs(venv="/t/ipexenv")
    assert inputs.install_words() == ("install", "--venv=/t/ipexenv", "--json")


def test_every_input_becomes_its_option() -> None:
    inputs = read(
        torch="2.8", python="3.11", venv="train", stack="ipex", ccl="bridge", lock="pylock.toml",
        sources="https://a.example/x\n  /wheels\n", allow_yanked="TRUE", verify=" strict\n",
    )  # fmt: skip
    assert inputs.verify == "strict"
    assert inputs.install_words() == (
        "install", "--venv=train", "--python=3.11", "--torch=2.8", "--stack=ipex", "--ccl=bridge",
        "--from-lock=pylock.toml", "--source=https://a.example/x", "--source=/wheels", "--allow-yanked", "--verify",
        "--json",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [("verify", "maybe"), ("allow_yanked", "2"), ("torch", "2.8\n--allow-torch-change"), ("venv", "a\0b")],
)
def test_an_input_that_cannot_be_is_named(name: str, value: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(**{name: value})
    assert name.replace("_", "-") in caught.value.message
    assert "\n" not in caught.value.message


@given(st.text())
def test_no_input_is_ever_an_option_of_its_own(text: str) -> None:
    try:
        words = read(torch=text, sources=text).install_words()
    except UsageError:
        return
    assert [word for word in words if not word.startswith(("--venv=", "--torch=", "--source="))] == [
        "install",
        "--json",
    ]
