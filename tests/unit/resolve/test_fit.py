"""Does what is installed fit together?"""

from __future__ import annotations

from typing import Any

import pytest

from ipexenv.facts import IsaLevel
from ipexenv.resolve.fit import Judgement, judge
from tests.unit.resolve.builders import BINDINGS, IPEX, here, tables


def judged(torch: str | None = None, **parts: Any) -> Judgement:
    packages: dict[str, str] = {
        name: parts.pop(name) for name in ("ipex", "bindings", "numpy", "torchvision", "torchaudio") if name in parts
    }
    return judge(here(torch=torch, packages=packages, **parts), tables())


def found(judgement: Judgement) -> list[tuple[str, str]]:
    return [(note.code, note.text) for note in judgement.findings]


@pytest.mark.parametrize(
    ("torch", "parts"),
    [
        ("2.8.0+cpu", {"ipex": "2.8.0"}),
        ("2.8.0", {"build": "cu128", "ipex": "2.8.0+cpu", "torchvision": "0.23.0+cpu", "torchaudio": "2.8.0"}),
        ("2.7.0", {"ipex": "2.7.0", "bindings": "2.7.0+cpu", "numpy": "2.1.0"}),
        ("2.7.0.post108", {"build": "conda", "ipex": "2.7.0", "bindings": "2.7.0+cpu", "numpy": "2.1.0"}),
    ],
)
def test_pairs_that_fit_have_no_findings(torch: str, parts: dict[str, Any]) -> None:
    assert judged(torch, **parts) == Judgement(fits=True, findings=())


@pytest.mark.parametrize(
    ("torch", "parts", "code", "text"),
    [
        ("2.13.0", {"ipex": "2.8.0"}, "torch", f"{IPEX} 2.8.0 needs torch 2.8.*, and torch 2.13.0 is installed"),
        (
            "2.7.1",
            {"ipex": "2.7.0", "bindings": "2.7.0"},
            "torch",
            f"{BINDINGS} 2.7.0 needs torch 2.7.0, and torch 2.7.1 is installed",
        ),
        (
            "2.8.0",
            {"ipex": "2.8.0", "bindings": "2.8.0+xpu"},
            "other-device",
            f"{BINDINGS} 2.8.0+xpu is a build for another device than the CPU",
        ),
        (
            "2.8.0+xpu",
            {"ipex": "2.8.0"},
            "other-device",
            f"{IPEX} 2.8.0 is for CPU, and torch 2.8.0+xpu is a build for another device",
        ),
        ("2.2.0", {"numpy": "2.1.0"}, "numpy", "numpy 2.1.0 is installed, and torch 2.2.0 needs numpy<2"),
        (
            "2.8.0",
            {"ipex": "2.8.0", "torchvision": "0.22.1"},
            "partner",
            "torchvision 0.22.1 is installed, and 0.23.0 belongs to torch 2.8.0",
        ),
        (
            "2.7.0",
            {"ipex": "2.7.0", "glibc": "2.41"},
            "execstack",
            f"{IPEX} 2.7.0 needs an executable stack, which glibc 2.41 and newer refuse; the target has 2.41",
        ),
        (
            "2.8.0",
            {"ipex": "2.8.0", "isa": IsaLevel.DEFAULT},
            "isa",
            f"{IPEX} 2.8.0 needs AVX2, and the processor offers no AVX2",
        ),
        (
            "2.13.0",
            {"ipex": "2.99.0"},
            "torch",
            f"{IPEX} 2.99.0 is installed, and torch is 2.13.0: the minors have to agree",
        ),
    ],
)
def test_what_does_not_fit_is_named(torch: str, parts: dict[str, Any], code: str, text: str) -> None:
    judgement = judged(torch, **parts)
    assert judgement.fits is False
    assert found(judgement)[0] == (code, text)


def test_a_broken_release_does_not_fit() -> None:
    judgement = judged("1.12.1", ipex="1.12.200", python="3.10.1")
    assert judgement.fits is False
    assert any(code == "broken" for code, _ in found(judgement))


def test_another_patch_and_a_yanked_release_fit_and_are_said() -> None:
    judgement = judged("1.12.1", ipex="1.12.300", python="3.10.1")
    assert judgement.fits is True
    assert found(judgement) == [
        ("patch-drift", f"{IPEX} 1.12.300 was built for torch 1.12.0, and torch 1.12.1 is installed"),
        ("yanked", f"{IPEX} 1.12.300 was yanked (for security)"),
    ]


def test_torch_alone_is_no_pair() -> None:
    judgement = judged("2.13.0+cpu")
    assert judgement.fits is None
    assert found(judgement) == [("no-ipex", "no IPEX is installed: torch 2.13.0+cpu works without (native stack)")]


def test_ipex_without_torch_cannot_work() -> None:
    judgement = judged(None, ipex="2.8.0", bindings="2.7.0")
    assert judgement.fits is False
    assert found(judgement) == [
        ("torch", f"{IPEX} 2.8.0 is installed, and torch is not"),
        ("torch", f"{BINDINGS} 2.7.0 is installed, and torch is not"),
    ]


def test_an_empty_environment_has_nothing_to_judge() -> None:
    judgement = judged(None)
    assert (judgement.fits, found(judgement)) == (None, [("no-torch", "no torch is there")])


def test_a_release_that_no_table_knows_is_not_judged() -> None:
    judgement = judged("3.1.0", ipex="3.1.0")
    assert judgement.fits is None
    assert found(judgement) == [("unknown-release", f"{IPEX} 3.1.0 stands in no table: nothing is known about it")]


def test_a_torch_that_no_table_knows_takes_the_numpy_of_its_minor() -> None:
    assert judged("2.2.9", ipex="2.2.0", numpy="2.0.0").findings[0].code == "numpy"


def test_a_build_of_conda_is_the_torch_that_it_was_built_from() -> None:
    judgement = judged("2.5.1.post108", build="conda", ipex="2.5.0")
    assert [code for code, _ in found(judgement)] == ["cxx11-abi", "patch-drift", "yanked"]
    judgement = judged("2.5.0.post108", build="conda", ipex="2.5.0", torchvision="0.19.0", numpy="2.1.0")
    assert [code for code, _ in found(judgement)] == ["cxx11-abi", "partner", "yanked"]
