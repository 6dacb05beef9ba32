"""The decision as users meet it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from packaging.version import Version

from ipexenv.errors import AnswerIsNo, OutsideError
from ipexenv.facts import IsaLevel
from ipexenv.resolve.solve import solve_asking
from tests.unit.resolve.builders import (
    BINDINGS,
    BRIDGE,
    BRIDGE_VERSION,
    IPEX,
    PAIR_28,
    answer,
    asking,
    bindings,
    here,
    ipex,
    market,
    offer,
    pins,
    refusal,
    small_tables,
    tables,
    torch,
)

if TYPE_CHECKING:
    from ipexenv.outcome import Market, Resolution


def note_codes(resolution: Resolution) -> list[str]:
    return [note.code for note in resolution.notes]


def test_nothing_installed_gets_the_newest_pair() -> None:
    found = answer(here())
    assert pins(found) == {"torch": "2.8.0", IPEX: "2.8.0", BRIDGE: BRIDGE_VERSION}
    assert [pin.installed for pin in found.pins] == [False, False, False]
    assert found.import_names == ("torch", "intel_extension_for_pytorch", "oneccl_bindings_for_pytorch")
    assert (found.ccl, found.constraints, found.notes) == ("bridge", (), ())


def test_the_installed_torch_is_matched_and_kept() -> None:
    found = answer(here(torch="2.7.0+cpu"))
    assert pins(found) == {"torch": "2.7.0+cpu", IPEX: "2.7.0", BINDINGS: "2.7.0"}
    assert [(pin.installed, pin.source) for pin in found.pins] == [
        (True, "installed"),
        (False, "tables"),
        (False, "tables"),
    ]
    assert found.import_names == ("torch", "intel_extension_for_pytorch", "oneccl_bindings_for_pytorch")


def test_a_pair_that_is_there_already_is_left_alone() -> None:
    found = answer(here(torch="2.8.0+cu128", packages={"ipex": "2.8.0+cpu", "bridge": BRIDGE_VERSION}))
    assert [(pin.name, str(pin.version), pin.installed) for pin in found.pins] == [
        ("torch", "2.8.0+cu128", True),
        (IPEX, "2.8.0+cpu", True),
        (BRIDGE, BRIDGE_VERSION, True),
    ]


def test_the_exact_patch_goes_before_the_newest_release() -> None:
    there: dict[str, Any] = {"python": "3.10.1", "isa": IsaLevel.AVX512}
    assert pins(answer(here(torch="2.0.0", **there), allow_yanked=True))[IPEX] == "2.0.0"
    assert pins(answer(here(torch="2.0.1", **there), allow_yanked=True))[IPEX] == "2.0.100"


def test_another_patch_is_used_and_noted() -> None:
    found = answer(here(torch="2.7.1"))
    assert pins(found) == {"torch": "2.7.1", IPEX: "2.7.0", BRIDGE: BRIDGE_VERSION}
    assert [note.text for note in found.notes] == [
        f"{IPEX} 2.7.0 was built for torch 2.7.0 and is used with 2.7.1: its own guard compares major.minor alone"
    ]


def test_a_missing_system_library_leads_to_the_next_patch() -> None:
    there = here(torch="1.13.0", python="3.10.1", libraries=("libz.so.1",))
    found = answer(there, allow_yanked=True)
    assert pins(found)[IPEX] == "1.13.100"
    assert any(r.release.endswith(" 1.13.0") and r.rule == "libraries" for r in found.rejections)


def test_a_statically_linked_python_gets_the_patch_that_needs_no_libpython() -> None:
    there = here(torch="2.3.0", libraries=("libz.so.1",))
    found = answer(there, allow_yanked=True, known=replace(tables(), ipex=tables().ipex))
    assert pins(found)[IPEX] == "2.3.100"


def test_a_minor_that_is_wanted_means_the_torch_that_ipex_was_built_for() -> None:
    assert pins(answer(here(), torch="2.7"))["torch"] == "2.7.0"
    assert pins(answer(here(), torch="2.7.1"))["torch"] == "2.7.1"
    assert pins(answer(here(python="3.8.1"), torch="1.12.1", allow_yanked=True)) == {
        "torch": "1.12.1",
        IPEX: "1.12.300",
        BINDINGS: "1.12.100",
    }


def test_a_torch_too_new_for_ipex_is_refused_with_both_ways_out() -> None:
    error = refusal(here(torch="2.13.0", python="3.12.1"))
    assert error.code == "no-compatible-release"
    assert error.message == "no IPEX release fits this environment"
    assert error.causes == ("torch 2.13.0 is installed, and the last IPEX release, 2.8.0, needs torch 2.8.*",)
    assert error.hint == (
        "keep torch with `ipexenv install --stack native`, "
        "or move it with `ipexenv install --torch 2.8 --allow-torch-change`"
    )


def test_a_refusal_carries_the_data_of_a_resolution() -> None:
    data = refusal(here(torch="2.13.0")).data
    assert data is not None
    assert set(data) == set(answer(here()).as_mapping())
    assert (data["torch"], data["python"], data["stack"]) == ("2.13.0", "3.11.7", "ipex")
    assert {
        "release": f"{IPEX} 2.8.0",
        "rule": "torch",
        "reason": "needs torch 2.8.*, and torch 2.13.0 is installed",
    } in (data["rejections"])
    assert {rejection["release"].split()[0] for rejection in data["rejections"]} == {
        IPEX,
        BINDINGS,
        "torch_ipex",
        "torch-ccl",
    }


def test_a_torch_that_was_named_and_cannot_be_is_in_the_data() -> None:
    data = refusal(here(python="3.14.0"), torch="1.12.1").data
    assert data is not None
    assert data["torch"] == "1.12.1"
    assert (refusal(here(python="3.14.0"), torch="1.12").data or {})["torch"] is None


def test_the_native_stack_keeps_torch_and_adds_what_ccl_needs() -> None:
    found = answer(here(torch="2.13.0"), stack="native")
    assert pins(found) == {"torch": "2.13.0", BRIDGE: BRIDGE_VERSION}
    assert found.import_names == ("torch", "oneccl_bindings_for_pytorch")
    assert pins(answer(here(torch="2.7.0"), stack="native")) == {"torch": "2.7.0", BINDINGS: "2.7.0"}
    assert pins(answer(here(torch="2.7.0"), stack="native", ccl="none")) == {"torch": "2.7.0"}
    assert pins(answer(here(torch="2.7.0"), stack="native", ccl="bindings")) == {"torch": "2.7.0", BINDINGS: "2.7.0"}


def test_the_native_stack_installs_the_newest_torch_that_runs_here() -> None:
    newest = str(tables().torch[-1].version)
    bridge = {BRIDGE: BRIDGE_VERSION}
    assert pins(answer(here(python="3.13.0"), stack="native")) == {"torch": newest, **bridge}
    assert pins(answer(here(python="3.9.1"), stack="native")) == {"torch": "2.8.0", **bridge}
    assert pins(answer(here(glibc="2.17"), stack="native")) == {"torch": "2.6.0", BINDINGS: "2.6.0"}
    assert pins(answer(here(), stack="native", ccl="bindings")) == {"torch": "2.7.0", BINDINGS: "2.7.0"}


def test_the_native_stack_takes_an_unlisted_torch_that_is_asked_for_and_served() -> None:
    served = market(offer("torch", "3.1.0"), offer("torch", "3.1.0+cpu", source="pytorch-cpu"))
    found = answer(here(), served, stack="native", torch="3.1.0")
    assert pins(found) == {"torch": "3.1.0+cpu"}
    assert found.pins[0].offer is not None
    assert note_codes(found) == ["unknown-release"]
    assert refusal(here(), served, stack="native", torch="3.1").code == "no-compatible-torch"
    assert refusal(here(), served, stack="native", torch="3.2.0").causes == (
        "torch 3.2.0 is wanted, and the tables know no such release",
    )


def test_torch_is_never_changed_without_consent() -> None:
    error = refusal(here(torch="2.13.0"), torch="2.8")
    assert (error.code, error.causes) == (
        "torch-change-refused",
        ("torch 2.13.0 is installed, and torch 2.8.* is wanted",),
    )
    assert "`ipexenv install --torch 2.8 --allow-torch-change`" in (error.hint or "")
    found = answer(here(torch="2.13.0"), torch="2.8", allow_torch_change=True)
    assert (pins(found)["torch"], found.pins[0].installed) == ("2.8.0", False)
    assert note_codes(found) == ["torch-change"]


def test_consent_that_would_not_help_is_not_recommended() -> None:
    error = refusal(here(torch="2.13.0", python="3.14.0"), torch="2.8")
    assert error.causes[1] == f"{IPEX} 2.8.0 has wheels for Python 3.9 to 3.13, and the target is Python 3.14"
    assert error.hint == "keep torch with `ipexenv install --stack native`"


def test_consent_alone_does_not_move_a_torch_that_fits() -> None:
    assert answer(here(torch="2.7.0"), allow_torch_change=True).pins[0].installed
    moved = answer(here(torch="2.13.0"), allow_torch_change=True)
    assert pins(moved)["torch"] == "2.8.0"


def test_a_yanked_release_is_taken_with_consent_and_its_reason_is_shown() -> None:
    there = here(torch="1.12.1", python="3.10.13")
    error = refusal(there)
    assert error.code == "yanked-refused"
    assert error.causes == (
        f"{IPEX} 1.12.300, the IPEX release for the installed torch 1.12.1, was yanked (for security)",
    )
    assert (error.hint or "").startswith("accept it with `ipexenv install --allow-yanked`")
    found = answer(there, allow_yanked=True)
    assert pins(found) == {"torch": "1.12.1", IPEX: "1.12.300", BINDINGS: "1.12.100"}
    assert found.pins[1].yanked == "for security."
    assert found.constraints == ("numpy<2",)
    assert found.notes[0].text == f"{IPEX} 1.12.300 was yanked (for security)"


def test_consent_does_not_make_yanked_releases_better() -> None:
    assert pins(answer(here(), allow_yanked=True))[IPEX] == "2.8.0"


def test_a_yanked_release_that_is_installed_is_kept() -> None:
    found = answer(here(torch="1.12.1", python="3.10.13", packages={"ipex": "1.12.300"}))
    assert found.pins[1].installed
    assert found.notes[0].text == f"{IPEX} 1.12.300 was yanked (for security), and is installed already"


@pytest.mark.parametrize(("torch_version", "broken"), [("1.11.0", "1.11.100"), ("1.12.1", "1.12.200")])
def test_broken_releases_are_replaced_even_where_they_are_installed(torch_version: str, broken: str) -> None:
    there = here(torch=torch_version, python="3.10.13", packages={"ipex": broken})
    found = answer(there, allow_yanked=True)
    assert pins(found)[IPEX] != broken
    assert any(r.release == f"{IPEX} {broken}" and r.rule == "broken" for r in found.rejections)
    assert f"{IPEX} {broken} is installed, and gives way to {pins(found)[IPEX]}" in [n.text for n in found.notes]


def test_a_torch_with_the_other_abi_is_refused_and_a_rebuild_is_offered() -> None:
    there = here(torch="2.6.0", build="cu126", abi=True)
    error = refusal(there)
    assert error.causes[0] == (
        f"{IPEX} 2.6.0, the IPEX release for the installed torch 2.6.0, is built with the old C++ ABI, "
        "and torch 2.6.0 (cu126 build) with the new one"
    )
    found = answer(there, torch="2.6", allow_torch_change=True)
    assert (pins(found)["torch"], found.pins[0].installed) == ("2.6.0", False)
    assert found.notes[0].text == "torch 2.6.0 gives way to 2.6.0 as another build"


def test_the_abi_of_an_unread_build_comes_from_the_tables() -> None:
    assert refusal(here(torch="2.6.0+cu126")).code == "no-compatible-release"
    assert refusal(here(torch="2.5.0", build="conda"), allow_yanked=True).code == "no-compatible-release"
    assert pins(answer(here(torch="2.6.0+cpu")))[IPEX] == "2.6.0"


def test_xpu_and_cpu_do_not_mix() -> None:
    error = refusal(here(torch="2.8.0+xpu"))
    assert error.causes[0].endswith("is for CPU, and torch 2.8.0+xpu is a build for another device")
    found = answer(here(torch="2.8.0+cpu", packages={"ipex": "2.8.10+xpu"}))
    assert (pins(found)[IPEX], found.pins[1].installed) == ("2.8.0", False)
    assert f"{IPEX} 2.8.10+xpu is installed, a build for another device, and gives way to 2.8.0" in [
        note.text for note in found.notes
    ]


def test_what_is_assumed_is_said() -> None:
    there = here(torch="2.7.0", abi=None, glibc=None, isa=None, glibcxx=None, libraries=None)
    texts = [note.text for note in answer(there).notes if note.code == "assumed"]
    assert [text.partition(",")[0] for text in texts] == [
        "the target's glibc is unknown",
        "the target's glibc is unknown",
        "the target's libstdc++ is unknown",
        "the target's processor is unknown",
        "the target's libraries are unknown",
    ]


def test_an_unknown_abi_is_assumed_to_match() -> None:
    known = small_tables(ipex("2.8.0", cxx11_abi=True, torch_pinned="2.8.0"))
    found = answer(here(torch="2.8.0"), known=known)
    assert [note.text for note in found.notes] == [
        "torch 2.8.0 stands in no table: nothing is known about it",
        "the C++ ABI of torch 2.8.0 is unknown and is taken to match",
    ]


def test_a_wheel_that_was_never_on_the_index_is_noted_offline() -> None:
    found = answer(here(torch="1.10.0", python="3.8.1", isa=IsaLevel.AVX512), allow_yanked=True)
    assert pins(found)[IPEX] == "1.10.100"
    assert "not-on-index" in note_codes(found)


def test_an_unreleased_torch_is_kept_and_noted() -> None:
    assert "unreleased-torch" in note_codes(answer(here(torch="2.8.0a0+git1234")))


def test_a_free_threaded_python_gets_torch_with_a_caveat_and_no_ipex() -> None:
    there = here(python="3.13.0", free_threaded=True)
    assert "has no wheel for a free-threaded Python" in refusal(there).causes[0]
    found = answer(there, stack="native")
    assert note_codes(found) == ["assumed"]
    served = market(offer("torch", "2.8.0", "cp313-cp313t-manylinux_2_28_x86_64"))
    assert pins(answer(there, served, stack="native")) == {"torch": "2.8.0"}


def test_torch_moves_with_its_partners() -> None:
    there = here(torch="2.13.0", packages={"torchvision": "0.28.0", "torchaudio": "2.11.0"})
    found = answer(there, torch="2.8", allow_torch_change=True)
    partners = {"torchvision": "0.23.0", "torchaudio": "2.8.0"}
    assert pins(found) == {"torch": "2.8.0", IPEX: "2.8.0", BRIDGE: BRIDGE_VERSION, **partners}
    served = market(
        *PAIR_28,
        offer("torchvision", "0.23.0+cpu", source="pytorch-cpu"),
        offer("torchvision", "0.23.0"),
        offer("torchaudio", "2.8.0"),
    )
    found = answer(there, served, torch="2.8", allow_torch_change=True)
    assert found.ccl == "none"
    assert [(pin.name, str(pin.version), pin.source) for pin in found.pins[2:]] == [
        ("torchvision", "0.23.0+cpu", "pytorch-cpu"),
        ("torchaudio", "2.8.0", "index"),
    ]


def test_a_partner_that_no_source_has_stays_and_that_is_said() -> None:
    there = here(torch="2.13.0", packages={"torchvision": "0.28.0"})
    found = answer(there, market(*PAIR_28), torch="2.8", allow_torch_change=True)
    assert "torchvision" not in pins(found)
    text = "no source serves torchvision 0.23.0, which belongs to torch 2.8.0: it stays at 0.28.0"
    assert found.notes[-1].text == text


def test_a_partner_of_another_torch_is_put_right_where_torch_stays() -> None:
    there = here(torch="2.8.0", packages={"torchvision": "0.22.0", "torchaudio": "2.8.0+cpu"})
    found = answer(there)
    assert pins(found) == {"torch": "2.8.0", IPEX: "2.8.0", BRIDGE: BRIDGE_VERSION, "torchvision": "0.23.0"}
    served = market(*PAIR_28, offer("torchvision", "0.23.0", sha256="a" * 64))
    assert pins(answer(there, served, ccl="none"))["torchvision"] == "0.23.0"


def test_a_partner_for_another_device_stays_where_torch_stays() -> None:
    found = answer(here(torch="2.8.0", packages={"torchvision": "0.23.0+xpu"}))
    assert "torchvision" not in pins(found)


def test_what_the_engine_would_take_for_the_wanted_build_is_replaced_by_url() -> None:
    there = here(torch="2.8.0", packages={"ipex": "2.8.0+xpu"})
    found = answer(there, market(*PAIR_28), ccl="none")
    ipex = next(pin for pin in found.pins if pin.name == IPEX)
    assert not ipex.installed
    assert ipex.offer is not None
    assert not ipex.offer.configured


def test_a_partner_that_the_tables_do_not_know_is_left_to_the_user() -> None:
    there = here(torch="2.8.0", packages={"torchaudio": "2.8.0", "torchvision": "0.23.0"})
    found = answer(there, stack="native", torch="2.13", allow_torch_change=True, ccl="none")
    assert pins(found) == {"torch": "2.13.0", "torchvision": "0.28.0"}
    assert "the tables do not know which torchaudio belongs to torch 2.13.0" in found.notes[-1].text


def test_a_numpy_too_new_is_said_and_bounded() -> None:
    found = answer(here(torch="2.2.0", packages={"numpy": "2.1.0"}), allow_yanked=True)
    assert found.constraints == ("numpy<2",)
    assert "numpy 2.1.0 is installed, and torch 2.2.0 needs numpy<2" in [note.text for note in found.notes]


def test_bindings_of_another_torch_are_pointed_out() -> None:
    found = answer(here(torch="2.8.0", packages={"bindings": "2.7.0+cpu"}))
    uninstall = f"/env/bin/python -m pip uninstall {BINDINGS}"
    assert [note.text for note in found.notes] == [
        f"{BINDINGS} 2.7.0+cpu is installed and is not for torch 2.8.0: do not import it",
        f"the bridge would serve: remove {BINDINGS} with `{uninstall}` and run this again",
    ]


@pytest.mark.parametrize(
    ("facts", "code", "cause"),
    [
        (
            {"python": "3.14.0"},
            "no-compatible-release",
            f"{IPEX} 2.8.0 has wheels for Python 3.9 to 3.13, and the target is Python 3.14",
        ),
        ({"python": "3.8.1"}, "yanked-refused", f"{IPEX} 2.4.0 was yanked (for security)"),
        ({"glibc": "2.17"}, "yanked-refused", f"{IPEX} 2.5.0 was yanked (for security)"),
        (
            {"isa": IsaLevel.DEFAULT},
            "no-compatible-release",
            f"{IPEX} 2.8.0 needs AVX2, and the processor offers no AVX2",
        ),
        (
            {"musl": True},
            "no-compatible-release",
            f"{IPEX} 2.8.0 has wheels for glibc, and the target's C library is musl",
        ),
        (
            {"torch": "2.3.1", "python": "3.12.1"},
            "no-compatible-release",
            (
                f"{IPEX} 2.3.100, the IPEX release for the installed torch 2.3.1, has wheels for Python 3.8 to 3.11, "
                "and the target is Python 3.12"
            ),
        ),
        (
            {"torch": "1.7.1", "python": "3.7.1"},
            "no-compatible-release",
            "torch 1.7.1 is installed, and the first IPEX release, 1.8.0, needs torch 1.8.0",
        ),
        (
            {"torch": "1.8.1", "python": "3.7.1"},
            "no-compatible-release",
            "torch_ipex 1.8.0 needs torch 1.8.0, and torch 1.8.1 is installed",
        ),
    ],
)
def test_a_refusal_names_the_two_facts_that_clash(facts: dict[str, Any], code: str, cause: str) -> None:
    error = refusal(here(**facts))
    assert (error.code, error.causes[0]) == (code, cause)


def test_a_patch_that_does_not_exist_is_told_from_one_that_does_not_match() -> None:
    error = refusal(here(), torch="2.7.9")
    assert error.causes == (f"{IPEX} 2.7.0 needs torch 2.7.*, and the tables know no torch 2.7.9, which is wanted",)
    assert "`ipexenv install --torch 2.7`" in (error.hint or "")


def test_empty_tables_are_no_crash() -> None:
    assert refusal(here(torch="2.8.0"), known=small_tables()).causes == (
        "torch 2.8.0 is installed, and the tables hold no IPEX release",
    )
    assert refusal(here(), known=small_tables()).code == "no-compatible-release"
    assert refusal(here(), known=small_tables(), stack="native").causes == (
        "torch is wanted, and the tables know no such release",
    )
    assert answer(here(torch="2.8.0"), known=small_tables(), stack="native").ccl_reason == (
        "the tables know no oneCCL bindings; the tables know no bridge"
    )


def test_adding_a_release_is_adding_a_row() -> None:
    known = small_tables(
        ipex("3.0.0", torch_pinned="3.0.1"), torch("3.0.0"), torch("3.0.1"), torch("3.1.0"), bindings("3.0.1")
    )
    found = answer(here(), known=known)
    assert pins(found) == {"torch": "3.0.1", IPEX: "3.0.0", BINDINGS: "3.0.1"}


def test_without_a_source_for_what_would_fit_the_fault_is_outside() -> None:
    with pytest.raises(OutsideError) as caught:
        answer(here(), market(failed=["index"]))
    assert caught.value.code == "no-source"
    assert caught.value.causes == (
        f"{IPEX} 2.8.0 is served by no source for Python 3.11, and index failed (403 Forbidden)",
        "torch 2.8.0 is served by no source for Python 3.11, and index failed (403 Forbidden)",
    )
    assert caught.value.data is not None


def test_where_every_source_answered_and_none_has_it_the_answer_is_no() -> None:
    error = refusal(here(torch="2.7.0"), market(*PAIR_28))
    assert (error.code, error.causes) == ("no-source", (f"{IPEX} 2.7.0 is served by no source for Python 3.11",))


def test_what_is_installed_needs_no_source() -> None:
    there = here(torch="2.8.0", packages={"ipex": "2.8.0"})
    assert [pin.installed for pin in answer(there, market(failed=["index"])).pins] == [True, True]


class TestAsking:
    """When sources are asked at all."""

    def ask(self, facts: Any, answers: Market | None = None, **choices: Any) -> tuple[Resolution | None, bool]:
        asked: list[bool] = []

        def sources() -> Market:
            asked.append(True)
            return answers or market(*PAIR_28)

        offline = choices.pop("offline", False)
        named = choices.pop("sources", ())
        try:
            found, _ = solve_asking(facts, asking(**choices), tables(), sources, offline=offline, sources=named)
        except AnswerIsNo:
            return None, bool(asked)
        return found, bool(asked)

    def test_something_has_to_be_fetched(self) -> None:
        found, asked = self.ask(here())
        assert asked
        assert found is not None
        assert found.pins[0].source == "index"

    def test_everything_is_there(self) -> None:
        there = {"ipex": "2.8.0", "bridge": BRIDGE_VERSION}
        assert self.ask(here(torch="2.8.0", packages=there))[1] is False
        assert self.ask(here(torch="2.8.0", packages={"ipex": "2.8.0"}), ccl="none")[1] is False

    def test_a_ccl_backend_is_missing(self) -> None:
        found, asked = self.ask(here(torch="2.8.0", packages={"ipex": "2.8.0"}))
        assert asked
        assert found is not None
        assert found.ccl == "none"

    def test_no_source_can_help(self) -> None:
        assert self.ask(here(torch="2.13.0")) == (None, False)

    def test_a_source_may_know_more_than_the_tables(self) -> None:
        served = market(offer("torch", "3.1.0"))
        found, asked = self.ask(here(), served, stack="native", torch="3.1.0")
        assert asked
        assert found is not None
        assert found.torch == Version("3.1.0")

    def test_offline(self) -> None:
        found, asked = self.ask(here(), offline=True)
        assert (found is not None, asked) == (True, False)
        assert self.ask(here(), offline=True, stack="native", torch="3.1.0") == (None, False)

    def test_a_source_that_the_user_names_is_always_asked(self) -> None:
        assert self.ask(here(torch="2.13.0"), sources=["/wheels"]) == (None, True)
        assert self.ask(here(), offline=True, sources=["/wheels"])[1] is True
