"""The bridge as users meet it: where it serves, what it is made from, and that it is alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from packaging.version import Version

from ipexenv.outcome import Offer
from ipexenv.resolve.fit import judge, provider_of
from tests.unit.resolve.builders import (
    BINDINGS,
    BRIDGE,
    BRIDGE_VERSION,
    IPEX,
    PAIR_28,
    answer,
    here,
    market,
    offer,
    parts,
    pins,
    refusal,
    tables,
)

OLDER, NEWER = "2022.2.0+ipexenv.bridge.0", "2022.2.0+ipexenv.bridge.99"
READY = f"{BRIDGE.replace('-', '_')}-{BRIDGE_VERSION}-py3-none-manylinux_2_28_x86_64.whl"


def ready_made(**changes: Any) -> Offer:
    """Return the bridge's own wheel, as a folder of the user's has it."""
    built = Offer(
        project=BRIDGE, version=Version(BRIDGE_VERSION), filename=READY, url=f"file:///wheels/{READY}", source="/wheels"
    )
    return replace(built, **changes)


@pytest.mark.parametrize(
    ("there", "reason"),
    [
        ({"torch": "1.13.1", "python": "3.10.1"}, "needs torch >=2.0, and torch 1.13.1 is installed"),
        ({"torch": "2.0.1", "python": "3.7.1"}, "needs Python >=3.8, and the target is Python 3.7"),
        ({"torch": "2.8.0", "glibc": "2.17"}, "needs glibc 2.28 or newer, and the target has 2.17"),
        ({"torch": "2.8.0", "musl": True}, "is made for glibc, and the target's C library is musl"),
        ({"torch": "2.8.0", "architecture": "aarch64"}, "is made for x86_64, and the target is aarch64"),
        ({"torch": "2.8.0", "system": "windows"}, "is made for Linux, and the target runs Windows"),
        ({"torch": "2.8.0+xpu"}, "is for CPU, and torch 2.8.0+xpu is a build for another device"),
        (
            {"torch": "2.8.0", "python": "3.13.1", "free_threaded": True},
            "was never tried on a free-threaded Python, and the target is Python 3.13t",
        ),
    ],
)
def test_where_it_does_not_serve(there: dict[str, Any], reason: str) -> None:
    error = refusal(here(**there), stack="native", ccl="bridge")
    assert (error.code, error.causes) == ("bridge-unavailable", (f"the bridge {reason}",))
    found = answer(here(**there), stack="native", ccl="auto")
    assert (found.ccl_reason or f"the bridge {reason}").endswith(f"the bridge {reason}")
    rejected = {(rejection.release, rejection.reason) for rejection in found.rejections}
    assert found.ccl == "bindings" or (f"{BRIDGE} {BRIDGE_VERSION}", reason) in rejected


@pytest.mark.parametrize("torch", ["2.0.0", "2.7.0", "2.13.0", "2.15.0.dev20261101", "3.0.0"])
def test_it_is_taken_where_it_is_asked_for(torch: str) -> None:
    found = answer(here(torch=torch, python="3.8.1"), stack="native", ccl="bridge")
    assert pins(found) == {"torch": torch, BRIDGE: BRIDGE_VERSION}
    assert (found.ccl, str(found.ccl_version)) == ("bridge", BRIDGE_VERSION)
    assert found.ccl_reason == "--ccl bridge asks for it"
    assert {rejection.release.split()[0] for rejection in found.rejections} == set()


def test_the_pin_says_what_it_is_built_from() -> None:
    found = answer(here(), market(*PAIR_28, *parts()))
    pin = found.pins[2]
    assert (pin.name, pin.source, pin.offer, pin.bridge) == (BRIDGE, "index", None, tables().bridge[-1])
    assert pin.parts == parts()
    assert found.as_mapping()["pins"][2]["built_from"] == [
        {"filename": part.filename, "source": "index"} for part in parts()
    ]
    offline = answer(here()).pins[2]
    assert (offline.source, offline.parts, offline.bridge) == ("tables", (), tables().bridge[-1])


def test_a_part_that_nobody_serves() -> None:
    first, *others = parts()
    error = refusal(here(), market(*PAIR_28, *others), ccl="bridge")
    assert error.causes == ("the bridge is made from oneccl 2022.2.0, which no source serves",)
    assert (error.hint or "").endswith("or name a place that serves them with `--source`")
    another_build = replace(first, filename=first.filename.replace("py2.py3", "py3"))
    assert refusal(here(), market(*PAIR_28, another_build, *others), ccl="bridge").causes == error.causes


def test_a_file_that_only_has_the_name_of_a_part_is_not_taken() -> None:
    first, *others = parts()
    forged = replace(first, sha256="f" * 64, source="mirror", url="https://mirror.test/x.whl")
    error = refusal(here(), market(*PAIR_28, forged, *others), ccl="bridge")
    published = f"{first.filename} with SHA-256 {(first.sha256 or '')[:12]}…"
    other = "mirror has another file of that name, with ffffffffffff…"
    assert error.causes == (f"the bridge is made from {published}, and {other}",)
    assert answer(here(), market(*PAIR_28, forged, *parts()), ccl="bridge").pins[2].parts == parts()


def test_a_part_without_a_digest_is_checked_when_it_is_here() -> None:
    folder = parts(source="/wheels", sha256=None)
    assert answer(here(), market(*PAIR_28, *folder), ccl="bridge").pins[2].parts == folder


def test_other_places_of_a_part_are_kept_for_where_the_first_fails() -> None:
    folder, yanked = parts(source="/wheels", sha256=None), parts(source="old", yanked="")
    pin = answer(here(), market(*PAIR_28, *parts(), *folder, *yanked), ccl="bridge").pins[2]
    assert (pin.parts, pin.spare_parts, pin.source) == (parts(), folder, "index")
    named_first = answer(here(), market(*folder, *PAIR_28, *parts()), ccl="bridge").pins[2]
    assert (named_first.parts, named_first.spare_parts) == (folder, parts())


def test_a_part_that_was_yanked_needs_consent() -> None:
    served = market(*PAIR_28, *parts(yanked="for security."))
    found = answer(here(), served)
    assert found.ccl == "none"
    assert "is made from oneccl 2022.2.0, which was yanked (for security)" in (found.ccl_reason or "")
    consented = answer(here(), served, allow_yanked=True)
    assert (consented.ccl, consented.pins[2].yanked) == ("bridge", "for security.")
    assert "oneccl 2022.2.0, which the bridge is made from, was yanked (for security)" in [
        note.text for note in consented.notes
    ]


def test_a_bridge_that_somebody_made_before_is_taken_from_the_users_source() -> None:
    found = answer(here(), market(*PAIR_28, ready_made()), ccl="bridge")
    pin = found.pins[2]
    assert (pin.source, pin.offer, pin.bridge) == ("/wheels", ready_made(), None)
    slipped_in = ready_made(source="index", configured=True)
    assert refusal(here(), market(*PAIR_28, slipped_in), ccl="bridge").code == "bridge-unavailable"
    another = ready_made(version=Version(NEWER), filename=READY.replace("bridge.1-", "bridge.99-"))
    assert refusal(here(), market(*PAIR_28, another), ccl="bridge").code == "bridge-unavailable"


def test_what_is_installed_stays_and_needs_no_source() -> None:
    there = here(torch="2.7.0", packages={"ipex": "2.7.0", "bridge": BRIDGE_VERSION})
    served = market(offer(BINDINGS, "2.7.0+cpu", source="intel-us"), *parts())
    for choice in ("auto", "bridge"):
        found = answer(there, served, ccl=choice)
        assert [(pin.name, str(pin.version), pin.installed) for pin in found.pins][2:] == [
            (BRIDGE, BRIDGE_VERSION, True)
        ]
    assert answer(there, market(failed=["index"])).ccl == "bridge"


def test_an_older_revision_gives_way() -> None:
    there = here(torch="2.8.0", packages={"ipex": "2.8.0", "bridge": OLDER})
    found = answer(there, market(*parts()))
    assert [(str(pin.version), pin.installed) for pin in found.pins][2] == (BRIDGE_VERSION, False)
    assert [note.text for note in found.notes] == [f"{BRIDGE} {OLDER} is installed, and gives way to {BRIDGE_VERSION}"]


def test_an_older_revision_stays_where_the_newer_cannot_be_made() -> None:
    there = here(torch="2.8.0", packages={"ipex": "2.8.0", "bridge": OLDER})
    for choice in ("auto", "bridge"):
        found = answer(there, market(failed=["index"]), ccl=choice)
        assert (found.ccl, str(found.ccl_version), found.pins[2].installed) == ("bridge", OLDER, True)
        assert [note.code for note in found.notes] == ["kept"]
    gone = here(torch="1.13.1", python="3.10.1", packages={"bridge": OLDER})
    assert answer(gone, stack="native").ccl == "none"


def test_a_newer_revision_stays() -> None:
    there = here(torch="2.8.0", packages={"ipex": "2.8.0", "bridge": NEWER})
    found = answer(there, market(*parts()))
    assert (found.ccl, str(found.ccl_version), found.pins[2].installed) == ("bridge", NEWER, True)
    assert "made by a newer ipexenv" in found.notes[0].text


def test_bindings_beside_an_installed_bridge_are_refused_with_the_way_out() -> None:
    there = here(torch="2.7.0", packages={"ipex": "2.7.0", "bridge": BRIDGE_VERSION})
    error = refusal(there, ccl="bindings")
    assert error.causes == (f"{BINDINGS} 2.7.0 cannot be installed beside {BRIDGE} {BRIDGE_VERSION}, which is there",)
    assert (error.hint or "").startswith(
        f"remove {BRIDGE} with `/env/bin/python -m pip uninstall {BRIDGE}` and try again"
    )


def test_the_bridge_beside_installed_bindings_is_refused_with_the_way_out() -> None:
    there = here(torch="2.7.0", packages={"ipex": "2.7.0", "bindings": "2.7.0+cpu"})
    error = refusal(there, ccl="bridge")
    assert error.causes == (f"the bridge cannot be installed beside {BINDINGS} 2.7.0+cpu, which is there",)
    assert error.hint == (
        f"remove {BINDINGS} with `/env/bin/python -m pip uninstall {BINDINGS}` and try again, "
        "or take Intel's bindings with `ipexenv install --ccl bindings`"
    )
    assert answer(there).ccl == "bindings"


def test_a_removal_that_would_not_help_is_not_recommended() -> None:
    there = here(torch="2.7.0", glibc="2.17", packages={"bindings": "2.7.0+cpu"})
    assert "uninstall" not in (refusal(there, stack="native", ccl="bridge").hint or "")


def test_a_mixture_is_said_and_judged() -> None:
    there = here(torch="2.7.0", packages={"ipex": "2.7.0", "bindings": "2.7.0+cpu", "bridge": BRIDGE_VERSION})
    text = (
        f"{BINDINGS} 2.7.0+cpu and {BRIDGE} {BRIDGE_VERSION} are both installed and overwrite each other's files: "
        f"remove both with `/env/bin/python -m pip uninstall {BRIDGE} {BINDINGS}` and install one of them again"
    )
    assert text in [note.text for note in answer(there).notes]
    judgement = judge(there, tables())
    assert (judgement.fits, [(note.code, note.text) for note in judgement.findings]) == (False, [("mixture", text)])


@pytest.mark.parametrize(
    ("packages", "torch", "fits", "codes"),
    [
        ({"ipex": "2.8.0", "bridge": BRIDGE_VERSION}, "2.8.0", True, []),
        ({"ipex": "2.8.0", "bridge": OLDER}, "2.8.0", True, ["older-bridge"]),
        ({"ipex": "2.8.0", "bridge": NEWER}, "2.8.0", True, []),
        ({"bridge": BRIDGE_VERSION}, "2.13.0", True, ["no-ipex"]),
        ({"bridge": BRIDGE_VERSION}, "1.13.1", False, ["torch", "no-ipex"]),
        ({"bridge": BRIDGE_VERSION}, None, False, ["torch"]),
    ],
)
def test_status_judges_it(packages: dict[str, str], torch: str | None, *, fits: bool | None, codes: list[str]) -> None:
    judgement = judge(here(torch=torch, python="3.10.1", packages=packages), tables())
    assert (judgement.fits, [note.code for note in judgement.findings]) == (fits, codes)


def test_status_names_the_provider() -> None:
    both = here(torch="2.7.0", packages={"bindings": "2.7.0+cpu", "bridge": BRIDGE_VERSION}).installed
    assert provider_of(both) == {"provider": "bindings", "version": "2.7.0+cpu"}
    assert provider_of(replace(both, bindings=None)) == {"provider": "bridge", "version": BRIDGE_VERSION}
    assert provider_of(replace(both, bindings=None, bridge=None)) == {"provider": "none", "version": None}


def test_an_unknown_glibc_is_assumed_to_do() -> None:
    found = answer(here(torch="2.13.0", glibc=None), stack="native")
    assert [note.text for note in found.notes] == [
        f"the target's glibc is unknown, and {BRIDGE} {BRIDGE_VERSION} needs 2.28 or newer"
    ]


def test_ipex_and_bridge_come_in_the_order_in_which_they_are_imported() -> None:
    found = answer(here(), mpi=True)
    assert list(pins(found)) == ["torch", IPEX, BRIDGE, "impi-rt"]
    assert found.import_names == ("torch", IPEX, "oneccl_bindings_for_pytorch")
