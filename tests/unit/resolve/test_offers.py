"""Which file of a release is taken, and what is never taken."""

from __future__ import annotations

import itertools

from ipexenv.outcome import Market
from tests.unit.resolve.builders import BINDINGS, IPEX, PAIR_28, answer, here, market, offer, pins, refusal

LINUX = "cp311-cp311-linux_x86_64"
CPU_TORCH = offer("torch", "2.8.0+cpu", source="pytorch-cpu")
PAIR_27 = (offer("torch", "2.7.0"), offer(IPEX, "2.7.0"))
BINDINGS_27 = offer(BINDINGS, "2.7.0+cpu", LINUX, source="intel-us")


def test_torch_comes_from_the_cpu_index_when_it_answers() -> None:
    found = answer(here(), market(*PAIR_28, CPU_TORCH))
    assert pins(found) == {"torch": "2.8.0+cpu", IPEX: "2.8.0"}
    assert [pin.source for pin in found.pins] == ["pytorch-cpu", "index"]
    assert found.pins[0].offer == CPU_TORCH
    assert str(found.torch) == "2.8.0+cpu"


def test_and_from_the_configured_index_when_it_does_not() -> None:
    found = answer(here(), market(*PAIR_28, failed=["pytorch-cpu"]))
    assert [(pin.source, str(pin.version)) for pin in found.pins] == [("index", "2.8.0"), ("index", "2.8.0")]


def test_ipex_comes_from_the_configured_index_before_intel() -> None:
    intel = offer(IPEX, "2.8.0+cpu", LINUX, source="intel-us")
    assert answer(here(), market(intel, *PAIR_28)).pins[1].source == "index"
    alone = answer(here(), market(intel, PAIR_28[0]))
    assert (alone.pins[1].source, str(alone.pins[1].version)) == ("intel-us", "2.8.0+cpu")


def test_sources_of_equal_rank_are_taken_in_the_order_in_which_they_were_asked() -> None:
    cn = offer(BINDINGS, "2.7.0+cpu", LINUX, source="intel-cn")
    assert answer(here(torch="2.7.0"), market(*PAIR_27, BINDINGS_27, cn)).pins[2].source == "intel-us"
    assert answer(here(torch="2.7.0"), market(*PAIR_27, cn, BINDINGS_27)).pins[2].source == "intel-cn"


def test_versions_that_stand_in_no_table_are_never_chosen() -> None:
    hostile = (
        offer(IPEX, "2.8.0.post1"),
        offer(IPEX, "99.0"),
        offer("torch", "2.8.0.post1"),
        offer(BINDINGS, "99.0", source="intel-us"),
        offer(BINDINGS, "2.7.0.post1", source="intel-us"),
    )
    assert pins(answer(here(), market(*hostile, *PAIR_28))) == {"torch": "2.8.0", IPEX: "2.8.0"}


def test_bindings_are_never_taken_from_a_configured_index() -> None:
    there = here(torch="2.7.0")
    squatted = offer(BINDINGS, "2.7.0", LINUX)
    found = answer(there, market(*PAIR_27, squatted))
    assert found.ccl == "none"
    assert BINDINGS not in pins(found)
    assert refusal(there, market(*PAIR_27, squatted), ccl="bindings").code == "bindings-unavailable"
    assert pins(answer(there, market(*PAIR_27, squatted, BINDINGS_27)))[BINDINGS] == "2.7.0+cpu"


def test_bindings_may_come_from_a_source_that_the_user_names() -> None:
    own = offer(BINDINGS, "2.7.0", LINUX, source="/wheels")
    assert answer(here(torch="2.7.0"), market(own, *PAIR_27)).pins[2].offer == own


def test_files_for_other_devices_are_never_taken() -> None:
    there = here(torch="2.7.0")
    other = (
        offer(BINDINGS, "2.7.0+xpu", LINUX, source="intel-us"),
        offer(IPEX, "2.7.0+xpu", LINUX, source="intel-us"),
    )
    assert pins(answer(there, market(*PAIR_27, *other))) == {"torch": "2.7.0", IPEX: "2.7.0"}
    xpu_torch = offer("torch", "2.8.0+xpu", source="mirror")
    assert pins(answer(here(), market(xpu_torch, *PAIR_28)))["torch"] == "2.8.0"


def test_a_file_that_is_not_yanked_goes_before_one_that_is() -> None:
    yanked = offer(IPEX, "2.8.0", yanked="a hole")
    other = offer(IPEX, "2.8.0+cpu", LINUX, source="intel-us")
    found = answer(here(), market(PAIR_28[0], yanked, other))
    assert found.pins[1].offer == other
    assert found.pins[1].yanked is None


def test_a_yanked_torch_needs_consent_like_any_other_release() -> None:
    offers = (offer("torch", "2.7.0", yanked="bad build"), PAIR_27[1])
    error = refusal(here(), market(*offers), torch="2.7.0")
    assert any("torch 2.7.0 was yanked (bad build)" in cause for cause in error.causes)
    assert answer(here(), market(*offers), torch="2.7.0", allow_yanked=True).pins[0].yanked == "bad build"


def test_the_order_of_offers_does_not_matter() -> None:
    offers = (*PAIR_27, CPU_TORCH, BINDINGS_27, offer(IPEX, "2.7.0+cpu", LINUX, source="intel-us"))
    asked = market(*offers)
    answers = {
        answer(here(torch="2.7.0"), Market(asked=True, offers=shuffled, reports=asked.reports))
        for shuffled in itertools.permutations(offers)
    }
    assert len(answers) == 1


def test_a_label_asks_for_that_build() -> None:
    offers = (*PAIR_28, CPU_TORCH, offer("torch", "2.8.0+cu128", source="mirror"))
    assert pins(answer(here(), market(*offers), torch="2.8.0+cu128"))["torch"] == "2.8.0+cu128"
    assert pins(answer(here(), torch="2.8.0+cpu"))["torch"] == "2.8.0+cpu"
