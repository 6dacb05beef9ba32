"""Files of known names: what is weighed, and what has to be asked for by URL."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from packaging.version import Version

from ipexenv.facts import Package
from ipexenv.resolve.known import admit, told_apart
from ipexenv.tables.hashes import KnownFile, KnownFiles
from tests.unit.resolve.builders import IPEX, answer, here, market, offer, pins, refusal, tables

if TYPE_CHECKING:
    from ipexenv.ruling import Offer
    from ipexenv.tables.schema import Tables

TRUE, FALSE, OTHER = "a" * 64, "b" * 64, "c" * 64


def torch(version: str = "2.8.0", sha256: str | None = TRUE, **more: Any) -> Offer:
    return offer("torch", version, sha256=sha256, **more)


def ipex(sha256: str | None = TRUE, **more: Any) -> Offer:
    return offer(IPEX, "2.8.0", sha256=sha256, **more)


def known(*offers: Offer) -> KnownFiles:
    return KnownFiles(lambda: {one.filename: KnownFile(sha256=TRUE, size_bytes=1) for one in offers})


KNOWN = known(torch(), ipex())


def knowing() -> Tables:
    return replace(tables(), known=KNOWN)


def test_a_known_name_has_the_known_hash_or_is_out() -> None:
    fit, barred = admit([torch(), torch(sha256=FALSE, source="evil")], KNOWN, require_known=False)
    assert fit == (torch(),)
    assert [(one.offer.source, one.rule) for one in barred] == [("evil", "wrong-file")]
    assert "is offered by evil as torch-2.8.0-" in barred[0].reason
    assert "with SHA-256 bbbbbbbbbbbb…, and the published file has aaaaaaaaaaaa…" in barred[0].reason


def test_where_a_source_tells_no_hash_the_known_one_holds() -> None:
    fit, barred = admit([torch(sha256=None), torch(sha256=TRUE.upper())], KNOWN, require_known=False)
    assert [one.sha256 for one in fit] == [TRUE, TRUE.upper()]
    assert barred == ()


def test_a_file_of_no_table_is_out_where_that_is_asked_for() -> None:
    cpu = torch("2.8.0+cpu", OTHER)
    assert admit([cpu], KNOWN, require_known=False) == ((cpu,), ())
    fit, barred = admit([cpu, torch()], KNOWN, require_known=True)
    assert fit == (torch(),)
    assert [one.rule for one in barred] == ["unknown-file"]
    assert barred[0].reason.endswith("whose SHA-256 stands in no table (--require-known)")


def test_what_the_engine_could_mistake_for_it_makes_a_file_be_asked_for_by_url() -> None:
    mine = torch()
    for other in (torch("2.8.0+evil"), torch(sha256=FALSE, source="evil")):
        assert not told_apart(mine, [mine, other], installed=None).configured
    for other in (torch("2.8.1"), torch("2.8.0.post1"), ipex(FALSE), torch(source="mirror"), torch(sha256=None)):
        assert told_apart(mine, [mine, other], installed=None) == mine
    xpu = Package(name="torch", version=Version("2.8.0+xpu"))
    assert not told_apart(mine, [mine], installed=xpu).configured
    assert told_apart(mine, [mine], installed=replace(xpu, version=Version("2.7.0"))) == mine
    by_url = torch(configured=False)
    assert told_apart(by_url, [torch("2.8.0+evil")], installed=xpu) == by_url


def test_a_false_torch_is_passed_over_for_the_true_one_wherever_it_is() -> None:
    offers = (torch(sha256=FALSE, source="evil"), ipex(FALSE, source="evil"), torch(source="mirror"), ipex())
    found = answer(here(), market(*offers), knowing(), torch="2.8", ccl="none")
    assert [(pin.name, pin.source) for pin in found.pins] == [("torch", "mirror"), (IPEX, "index")]


def test_a_release_of_which_there_are_false_files_alone_is_refused() -> None:
    error = refusal(here(), market(torch(sha256=FALSE), ipex()), knowing(), torch="2.8", ccl="none")
    assert error.code == "no-source"
    assert error.causes[0].startswith("torch 2.8.0 is offered by index as torch-2.8.0-cp311")
    rules = {row["release"]: row["rule"] for row in (error.data or {})["rejections"] if "2.8.0" in row["release"]}
    assert rules["torch 2.8.0"] == "wrong-file"


def test_with_require_known_the_known_build_is_taken_and_no_other() -> None:
    offers = (torch("2.8.0+cpu", OTHER, source="pytorch-cpu"), torch(), ipex())
    assert pins(answer(here(), market(*offers), knowing(), ccl="none"))["torch"] == "2.8.0+cpu"
    found = answer(here(), market(*offers), knowing(), ccl="none", require_known=True)
    assert pins(found)["torch"] == "2.8.0"
    error = refusal(here(), market(offers[0], ipex()), knowing(), torch="2.8", ccl="none", require_known=True)
    assert (error.code, "--require-known" in error.causes[0]) == ("no-source", True)


def test_a_build_of_nobody_is_never_a_torch() -> None:
    evil = torch("2.8.0+evil", OTHER)
    assert pins(answer(here(), market(evil, torch(), ipex()), knowing(), ccl="none"))["torch"] == "2.8.0"
    assert refusal(here(), market(evil, ipex()), knowing(), torch="2.8", ccl="none").code == "no-source"
    named = answer(here(), market(evil, ipex()), knowing(), torch="2.8.0+evil", ccl="none")
    assert pins(named)["torch"] == "2.8.0+evil"


def test_what_is_installed_is_judged_by_no_offer() -> None:
    there = here(torch="2.8.0", packages={"ipex": "2.8.0"})
    assert all(pin.installed for pin in answer(there, market(torch(sha256=FALSE)), knowing(), ccl="none").pins)
