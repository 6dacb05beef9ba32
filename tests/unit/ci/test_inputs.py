"""Inputs of the step become words of a command, one each, or are refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipexenv import __version__
from ipexenv.ci.inputs import CiInputs, read_inputs
from ipexenv.errors import UsageError


def read(**inputs: str) -> CiInputs:
    return read_inputs({f"INPUT_{name.upper()}": value for name, value in inputs.items()}, usual_venv="/t/ipexenv")


def test_nothing_said_is_ipexenv_s_own_default() -> None:
    inputs = read(torch="", python="", venv="", sources="", allow_yanked="", verify="")
    assert inputs == CiInputs(venv="/t/ipexenv")
    assert inputs.install_words("/t/ipexenv") == ("install", "--venv=/t/ipexenv", "--quiet")


def test_every_input_becomes_its_option() -> None:
    inputs = read(
        torch="2.8", python="3.11", venv="train", stack="ipex", ccl="bridge", lock="pylock.toml",
        sources="https://a.example/x\n  /wheels\n", allow_yanked="TRUE", verify=" strict\n", cache="False",
        working_directory="sub", version=__version__,
    )  # fmt: skip
    assert (inputs.verify, inputs.cache, inputs.working_directory) == ("strict", False, "sub")
    assert (inputs.venv, inputs.venv_is_named) == ("train", True)
    assert inputs.install_words("/p/train") == (
        "install", "--venv=/p/train", "--python=3.11", "--from-lock=pylock.toml", "--torch=2.8", "--stack=ipex",
        "--ccl=bridge", "--source=https://a.example/x", "--source=/wheels", "--allow-yanked", "--verify", "--quiet",
    )  # fmt: skip


def test_other_systems_have_variables_of_ipexenv_s_own() -> None:
    env = {"IPEXENV_CI_TORCH": "2.8", "IPEXENV_CI_WORKING_DIRECTORY": "sub", "IPEXENV_CI_CACHE": "false"}
    inputs = read_inputs(env, usual_venv="/t/ipexenv")
    assert (inputs.torch, inputs.working_directory, inputs.cache) == ("2.8", "sub", False)
    both = read_inputs({**env, "INPUT_TORCH": "2.7", "INPUT_CACHE": ""}, usual_venv="/t/ipexenv")
    assert (both.torch, both.cache) == ("2.7", False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("verify", "maybe"),
        ("allow_yanked", "2"),
        ("torch", "2.8\n--allow-torch-change"),
        ("venv", "a\0b"),
        ("cache", "maybe"),
        ("version", "99.0"),
        ("working_directory", "a\tb"),
    ],
)
def test_an_input_that_cannot_be_is_named(name: str, value: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(**{name: value})
    assert name.replace("_", "-") in caught.value.message
    assert "\n" not in caught.value.message


@given(st.text())
def test_no_input_is_ever_an_option_of_its_own(text: str) -> None:
    try:
        words = read(torch=text, sources=text).install_words("/t/v")
    except UsageError:
        return
    assert [word for word in words if not word.startswith(("--venv=", "--torch=", "--source="))] == [
        "install",
        "--quiet",
    ]
