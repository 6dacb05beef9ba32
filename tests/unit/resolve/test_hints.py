"""Every command in a hint is typed again, and has to resolve."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ipexenv.errors import AnswerIsNo, OutsideError
from ipexenv.facts import IsaLevel
from ipexenv.outcome import Market, Request
from ipexenv.resolve.choices import torch_range
from ipexenv.resolve.cures import command_for
from ipexenv.resolve.solve import solve
from tests.unit.resolve.builders import BINDINGS, IPEX, PAIR_28, asking, here, market, offer, tables, typed

if TYPE_CHECKING:
    from ipexenv.facts import Facts

COMMAND = re.compile(r"`(ipexenv install[^`]*)`")

ENVIRONMENTS: dict[str, dict[str, Any]] = {
    "ordinary": {},
    "python 3.14": {"python": "3.14.0"},
    "python 3.8": {"python": "3.8.18"},
    "python 3.7": {"python": "3.7.16"},
    "glibc 2.17": {"glibc": "2.17"},
    "glibc 2.41": {"glibc": "2.41"},
    "no avx2": {"isa": IsaLevel.DEFAULT},
    "musl": {"musl": True},
    "aarch64": {"architecture": "aarch64"},
    "macos": {"system": "darwin", "architecture": "arm64"},
    "free-threaded": {"python": "3.13.0", "free_threaded": True},
    "pypy": {"implementation": "pypy"},
    "bare libraries": {"libraries": ()},
}
TORCHES = (None, "2.13.0", "2.8.0+xpu", "2.6.0+cu126", "2.3.1", "1.12.1", "1.8.1", "1.5.0", "3.0.0")
CHOICES: tuple[dict[str, Any], ...] = (
    {},
    {"ccl": "bindings"},
    {"ccl_version": "1.12.0"},
    {"ccl": "bridge"},
    {"ccl": "bridge", "mpi": True, "torch": "1.12"},
    {"torch": "2.8"},
    {"torch": "2.7.9", "ccl": "bindings"},
    {"torch": "2.13.0+cpu"},
    {"torch": "2.13", "allow_torch_change": True},
    {"stack": "native", "ccl": "bindings"},
    {"stack": "native", "torch": "2.8", "allow_yanked": True},
)


def commands(facts: Facts, request: Request, asked: Market) -> list[str]:
    try:
        solve(facts, request, tables(), asked)
    except AnswerIsNo as error:
        return COMMAND.findall(error.hint or "")
    except OutsideError:
        return []  # only a source that answers would help
    return []


MARKETS = (
    Market(),
    market(*PAIR_28, failed=["intel-us"]),
    market(offer("torch", "2.7.0"), offer(IPEX, "2.7.0"), offer(BINDINGS, "2.7.0+cpu", source="intel-us")),
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(list(ENVIRONMENTS)), st.sampled_from(TORCHES), st.sampled_from(CHOICES), st.sampled_from(MARKETS)
)
@example("python 3.14", "2.13.0", {"torch": "2.8"}, MARKETS[0])
@example("glibc 2.41", "2.8.0+xpu", {"ccl": "bindings"}, MARKETS[0])
@example("free-threaded", None, {}, MARKETS[1])
@example("ordinary", "1.12.1", {"ccl_version": "1.12.0"}, MARKETS[2])
def test_every_hint_resolves(environment: str, torch: str | None, choices: dict[str, Any], asked: Market) -> None:
    facts = here(torch=torch, **ENVIRONMENTS[environment])
    for command in commands(facts, asking(**choices), asked):
        solve(facts, typed(command), tables(), asked)


def test_a_command_says_the_whole_request() -> None:
    request = Request(
        stack="native",
        ccl="bindings",
        torch=torch_range("2.7"),
        ccl_version="2.7.0",
        allow_torch_change=True,
        allow_yanked=True,
    )
    line = command_for(request)
    assert line == (
        "ipexenv install --stack native --torch 2.7 --allow-torch-change --allow-yanked "
        "--ccl bindings --ccl-version 2.7.0"
    )
    assert typed(line) == request
    assert command_for(Request()) == "ipexenv install"


def test_where_nothing_helps_the_hint_is_the_table() -> None:
    with pytest.raises(AnswerIsNo) as caught:
        solve(here(musl=True), Request(), tables(), Market())
    assert caught.value.hint == "`ipexenv matrix` lists what every release needs"


def test_a_last_resort_is_torch_alone() -> None:
    with pytest.raises(AnswerIsNo) as caught:
        solve(here(python="3.14.0"), asking(torch="2.8", ccl="bindings"), tables(), Market())
    assert caught.value.hint == "take torch alone with `ipexenv install --stack native --ccl none`"
