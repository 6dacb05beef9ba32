"""Why a decision came out as it did."""

from __future__ import annotations

from typing import Any

import pytest

from ipexenv.resolve.explain import explain_choices, group_rejections
from tests.unit.resolve.builders import BINDINGS, IPEX, answer, asking, here, tables


def why(facts: Any, **choices: Any) -> dict[str, str]:
    return dict(explain_choices(answer(facts, **choices), asking(**choices), tables()))


@pytest.mark.parametrize(
    ("parts", "choices", "name", "reason"),
    [
        ({"torch": "2.7.1"}, {}, "torch", "it is installed, and nothing speaks against keeping it"),
        ({}, {}, "torch", "IPEX 2.8.0 was built for exactly this one"),
        ({}, {"torch": "2.7"}, "torch", "torch 2.7.* is wanted; IPEX 2.7.0 was built for exactly this one"),
        ({}, {"torch": "2.7.1"}, "torch", "torch 2.7.1 is wanted"),
        ({}, {"stack": "native"}, "torch", "the newest that the target's Python and host can run"),
        ({}, {}, IPEX, "built for exactly torch 2.8.0; nothing newer fits"),
        ({"torch": "2.7.1"}, {}, IPEX, "made for torch 2.7.*, which 2.7.1 is one of; nothing newer fits"),
        ({"torch": "2.8.0", "packages": {"ipex": "2.8.0"}}, {}, IPEX, "it is installed; built for exactly torch 2.8.0"),
        ({"torch": "2.7.0"}, {}, BINDINGS, "its table names torch 2.7.0, which 2.7.0 is"),
        (
            {"torch": "2.13.0", "packages": {"torchvision": "0.28.0"}},
            {"torch": "2.8", "allow_torch_change": True},
            "torchvision",
            "the release that belongs to torch 2.8.0",
        ),
    ],
)
def test_each_choice_has_its_reason(parts: dict[str, Any], choices: dict[str, Any], name: str, reason: str) -> None:
    assert why(here(**parts), **choices)[name] == reason


def test_rejections_are_grouped_and_what_was_said_is_not_said_again() -> None:
    clause = ", and torch 2.8.0 is installed"
    groups = group_rejections(
        [
            {"release": f"{IPEX} 2.7.0", "rule": "torch", "reason": f"needs torch 2.7.*{clause}"},
            {"release": f"{IPEX} 2.5.0", "rule": "torch", "reason": f"needs torch 2.5.*{clause}"},
            {"release": f"{IPEX} 2.5.0", "rule": "yanked", "reason": "was yanked (for security)"},
            {"release": f"{BINDINGS} 2.7.0", "rule": "torch", "reason": f"needs torch 2.7.0{clause}"},
        ]
    )
    assert [(group.distribution, group.version, group.reasons) for group in groups] == [
        (IPEX, "2.7.0", (f"needs torch 2.7.*{clause}",)),
        (IPEX, "2.5.0", ("needs torch 2.5.*", "was yanked (for security)")),
        (BINDINGS, "2.7.0", (f"needs torch 2.7.0{clause}",)),
    ]
