"""Rules about the release itself and where it can be had."""

from __future__ import annotations

import pytest

from ipexenv.outcome import Market, Request
from ipexenv.resolve.rules import supply
from ipexenv.resolve.situation import Situation
from tests.unit.resolve.builders import (
    IPEX,
    bindings,
    here,
    ipex,
    market,
    offer,
    situation,
    small_tables,
    tables,
    torch,
)


def test_a_broken_release_is_refused_whatever_is_consented_to() -> None:
    release = ipex("1.11.100", broken="The import crashes.")
    rejection = supply.broken(release, situation(allow_yanked=True, allow_torch_change=True))
    assert rejection is not None
    assert rejection.reason == "never works: the import crashes"
    assert supply.broken(torch("2.8.0"), situation()) is None


def test_an_abbreviation_keeps_its_capitals() -> None:
    rejection = supply.broken(ipex("1.12.200", broken="MKL is missing"), situation())
    assert rejection is not None
    assert rejection.reason == "never works: MKL is missing"


@pytest.mark.parametrize(
    ("reason", "words"), [("for security.", "was yanked (for security)"), ("", "was yanked (no reason given)")]
)
def test_a_yanked_release_needs_consent_and_the_reason_is_shown(reason: str, words: str) -> None:
    release = ipex("2.5.0", yanked=reason)
    rejection = supply.yanked(release, situation())
    assert rejection is not None
    assert rejection.reason == words
    assert supply.yanked(release, situation(allow_yanked=True)) is None


def test_what_is_installed_needs_no_consent() -> None:
    assert (
        supply.yanked(ipex("2.5.0", yanked=""), situation(here(torch="2.5.0", packages={"ipex": "2.5.0+cpu"}))) is None
    )


def test_a_release_that_the_index_has_yanked_since_the_tables_were_written() -> None:
    there = Situation.of(here(), Request(), tables(), market(offer(IPEX, "2.8.0", yanked="a hole")))
    rejection = supply.yanked(next(row for row in tables().ipex if row.last), there)
    assert rejection is not None
    assert rejection.reason == "was yanked (a hole)"


def test_bindings_for_xpu_and_from_source() -> None:
    xpu = supply.for_cpu(bindings("2.8.0", cpu=False), situation())
    source = supply.has_wheel(bindings("1.9", wheel=False), situation())
    assert xpu is not None
    assert xpu.reason == "was released for XPU only, never for CPU"
    assert source is not None
    assert source.reason == "was never a wheel: it has to be built from source"
    assert supply.for_cpu(ipex("2.8.0"), situation()) is None


def test_a_release_that_nobody_serves_names_the_sources_that_failed() -> None:
    known = tables()
    there = Situation.of(here(), Request(), known, market(failed=["intel-us", "pytorch-cpu", "mirror"]))
    rejection = supply.served(bindings("2.7.0"), there)
    assert rejection is not None
    assert rejection.reason == (
        "is served by no source for Python 3.11, and intel-us failed (403 Forbidden), mirror failed (403 Forbidden)"
    )


def test_offline_nobody_is_expected_to_serve_anything() -> None:
    assert supply.served(ipex("2.8.0"), Situation.of(here(), Request(), small_tables(), Market())) is None


def test_what_is_installed_or_never_was_a_wheel_needs_no_source() -> None:
    there = Situation.of(here(torch="2.8.0", packages={"ipex": "2.8.0"}), Request(), tables(), market())
    assert supply.served(ipex("2.8.0"), there) is None
    assert supply.served(bindings("1.9", wheel=False), there) is None
