"""What puts right a pair that something installed later has broken."""

from __future__ import annotations

from typing import Any

import pytest

from ipexenv.resolve.fit import judge
from ipexenv.resolve.restoring import restorations
from tests.unit.resolve.builders import BRIDGE_VERSION, here, tables, typed

NONE = " --ccl none"
BACK = "--allow-torch-change"


def ways(torch: str | None, packages: dict[str, str], **more: Any) -> list[tuple[str, str]]:
    found = restorations(here(torch=torch, packages=packages, **more), tables())
    return [(way.words, way.command.removeprefix("ipexenv install")) for way in found]


@pytest.mark.parametrize(
    ("torch", "packages", "expected"),
    [
        ("2.9.0", {"ipex": "2.8.0"}, [("put torch 2.8 back", f" --torch 2.8 {BACK}{NONE}")]),
        (
            "2.7.0",
            {"ipex": "2.8.0"},
            [("put torch 2.8 back", f" --torch 2.8 {BACK}{NONE}"), ("keep torch 2.7.0", NONE)],
        ),
        ("2.7.1", {"ipex": "2.7.0", "bindings": "2.7.0"}, [("put torch 2.7.0 back", f" --torch 2.7.0 {BACK}")]),
        ("2.2.0", {"numpy": "2.1.0"}, [("keep torch 2.2.0", f" --stack native{NONE}")]),
        ("2.8.0", {"ipex": "2.8.0", "torchvision": "0.22.0"}, [("keep torch 2.8.0", NONE)]),
        ("2.8.0", {"ipex": "2.8.0+xpu"}, [("keep torch 2.8.0", NONE)]),
        ("2.8.0+xpu", {"ipex": "2.8.0"}, [("put torch 2.8 back", f" --torch 2.8.0 {BACK}{NONE}")]),
        (
            "2.9.0",
            {"ipex": "2.8.0", "bridge": BRIDGE_VERSION},
            [("put torch 2.8 back", f" --torch 2.8 {BACK}")],
        ),
    ],
)
def test_the_command_that_undoes_the_change_comes_first(
    torch: str, packages: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    assert judge(here(torch=torch, packages=packages), tables()).fits is False
    assert ways(torch, packages) == expected
    for _, command in expected:
        typed(f"ipexenv install{command}")


def test_where_both_backends_are_there_both_are_removed_first() -> None:
    packages = {"ipex": "2.7.0", "bindings": "2.7.0", "bridge": BRIDGE_VERSION}
    ((words, command),) = ways("2.7.0", packages)
    assert words == "keep torch 2.7.0"
    removal = "/env/bin/python -m pip uninstall ipexenv-oneccl-bridge oneccl_bind_pt"
    assert command == f"{removal} && ipexenv install"


def test_where_nothing_would_do_nothing_is_said() -> None:
    assert ways("1.13.1", {"bridge": BRIDGE_VERSION}) == []


def test_a_torch_that_went_is_put_back() -> None:
    assert ways(None, {"ipex": "2.8.0"}) == [("put torch 2.8 back", f" --torch 2.8 {BACK}{NONE}")]
