"""Facts, offers and small tables for the tests of the decision."""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name
from packaging.version import Version

from ipexenv.errors import AnswerIsNo
from ipexenv.facts import Facts, IsaLevel, Libc, Package
from ipexenv.outcome import Market, Offer, Request, Resolution, SourceReport
from ipexenv.resolve.choices import add_choice_options, request_from, torch_range
from ipexenv.resolve.situation import Situation, TorchInHand
from ipexenv.resolve.solve import solve
from ipexenv.tables.load import load_tables
from ipexenv.tables.schema import IpexRelease, OneCclRelease, Tables, TorchRelease
from tests.fakes import facts as ordinary_facts

if TYPE_CHECKING:
    from collections.abc import Sequence

INDEX = "index"
"""Name of the configured index in made-up markets."""
IPEX = "intel_extension_for_pytorch"
BINDINGS = "oneccl_bind_pt"
BRIDGE = "ipexenv-oneccl-bridge"
BRIDGE_VERSION = "2022.2.0+ipexenv.bridge.1"
EVERY_LIBRARY = ("libxml2.so.2", "libz.so.1", "libzstd.so.1", "libpython")


@cache
def tables() -> Tables:
    """Return the tables that ipexenv ships."""
    return load_tables()


def here(  # what the tests vary
    *,
    torch: str | None = None,
    build: str | None = None,
    abi: bool | None = None,
    packages: dict[str, str] | None = None,
    python: str = "3.11.7",
    glibc: str | None = "2.36",
    musl: bool = False,
    isa: IsaLevel | None = IsaLevel.AVX2,
    system: str = "linux",
    architecture: str = "x86_64",
    **target: Any,
) -> Facts:
    """Return facts of an ordinary machine with the given differences; ``packages`` by the names in Installed."""
    facts = ordinary_facts(torch=torch, python=python, glibc=glibc, isa=isa)
    libc = Libc(family="musl", version=Version("1.2")) if musl else facts.host.libc
    installed = facts.installed
    if installed.torch is not None:
        installed = replace(installed, torch=replace(installed.torch, build=build, cxx11_abi=abi))
    for name, version in (packages or {}).items():
        package = Package(name=DISTRIBUTIONS.get(name, name), version=Version(version))
        change: dict[str, Any] = {name: package}
        installed = replace(installed, **change)
    return replace(
        facts,
        host=replace(facts.host, libc=libc, system=system, architecture=architecture),
        target=replace(facts.target, **({"libraries": EVERY_LIBRARY} | target)),
        installed=installed,
    )


DISTRIBUTIONS = {"ipex": IPEX, "bindings": BINDINGS, "bridge": BRIDGE, "mpi": "impi-rt"}


def asking(**choices: Any) -> Request:
    """Return a request; ``torch`` as on the command line."""
    if choices.get("torch") is not None:
        choices["torch"] = torch_range(choices["torch"])
    return Request(**choices)


def typed(line: str) -> Request:
    """Return the request that a command line such as ``ipexenv install --torch 2.8`` makes."""
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_choice_options(parser)
    words = line.split()
    assert words[:2] == ["ipexenv", "install"], line
    return request_from(parser.parse_args(words[2:]))


def answer(facts: Facts, market: Market | None = None, known: Tables | None = None, **choices: Any) -> Resolution:
    """Solve with the shipped tables, offline unless a market is given."""
    return solve(facts, asking(**choices), known or tables(), market or Market())


def refusal(facts: Facts, market: Market | None = None, known: Tables | None = None, **choices: Any) -> AnswerIsNo:
    """Return the error with which the solver refuses."""
    try:
        resolution = answer(facts, market, known, **choices)
    except AnswerIsNo as error:
        return error
    msg = f"not refused: {resolution.pins}"
    raise AssertionError(msg)


def pins(resolution: Resolution) -> dict[str, str]:
    """Return the chosen versions by distribution."""
    return {pin.name: str(pin.version) for pin in resolution.pins}


def offer(
    name: str, version: str, tag: str = "cp311-cp311-manylinux_2_28_x86_64", *, source: str = INDEX, **parts: Any
) -> Offer:
    """Return one wheel as a source lists it; the index's are found by the engine itself."""
    filename = f"{name}-{version}-{tag}.whl"
    return Offer(
        project=canonicalize_name(name),
        version=Version(version),
        filename=filename,
        url=f"https://{source}.test/{filename}",
        source=source,
        **({"configured": source == INDEX} | parts),
    )


def market(*offers: Offer, failed: Sequence[str] = ()) -> Market:
    """Return the answer of sources, asked in the order of their offers; ``failed`` ones gave none."""
    names = list(dict.fromkeys(offer.source for offer in offers))
    reports = [SourceReport(name=name, url=f"https://{name}.test/", state="answered") for name in names]
    reports += [
        SourceReport(name=name, url=f"https://{name}.test/", state="failed", detail="403 Forbidden") for name in failed
    ]
    return Market(asked=True, offers=offers, reports=tuple(reports))


def parts(*, source: str = INDEX, **changes: Any) -> tuple[Offer, ...]:
    """Return the wheels that the bridge is made from, as a source lists them; ``changes`` for each of them."""
    listed = (
        Offer(
            project=part.project,
            version=part.version,
            filename=part.filename,
            url=f"https://{source}.test/{part.filename}",
            source=source,
            sha256=part.sha256,
            configured=source == INDEX,
        )
        for part in tables().bridge[-1].parts
    )
    return tuple(replace(part, **changes) for part in listed)


PAIR_28 = (offer("torch", "2.8.0"), offer(IPEX, "2.8.0"))
"""What the configured index offers for Python 3.11."""

_PROVENANCE = {"source": ["a test"], "confidence": "inferred"}


def ipex(version: str, **row: Any) -> IpexRelease:
    """Return an IPEX row of a made-up table."""
    return IpexRelease.from_mapping(
        {
            "version": version,
            "torch": f"{Version(version).major}.{Version(version).minor}.*",
            "torch_check": "none",
            "python": ["3.11"],
            "platforms": ["manylinux_2_28_x86_64"],
            "min_isa": "avx2",
            **_PROVENANCE,
            **row,
        },
        where="test",
    )


def bindings(version: str, **row: Any) -> OneCclRelease:
    """Return a row of the bindings of a made-up table."""
    names = {"import_name": "oneccl_bindings_for_pytorch"}
    return OneCclRelease.from_mapping(
        {"version": version, "torch": version, "python": ["3.11"], **names, **_PROVENANCE, **row}, where="test"
    )


def torch(version: str, **row: Any) -> TorchRelease:
    """Return a torch row of a made-up table."""
    return TorchRelease.from_mapping(
        {"version": version, "python": ["3.11"], "platforms": ["manylinux_2_28_x86_64"], **_PROVENANCE, **row},
        where="test",
    )


def small_tables(*releases: IpexRelease | OneCclRelease | TorchRelease) -> Tables:
    """Return tables of these rows alone."""
    return Tables(
        origin="test",
        ipex=tuple(row for row in releases if isinstance(row, IpexRelease)),
        oneccl=tuple(row for row in releases if isinstance(row, OneCclRelease)),
        torch=tuple(row for row in releases if isinstance(row, TorchRelease)),
        flags=(),
        sources=(),
    )


def situation(facts: Facts | None = None, *, settled: TorchInHand | None = None, **choices: Any) -> Situation:
    """Return a situation for one rule, by the shipped tables and offline."""
    found = Situation.of(facts or here(), asking(**choices), tables(), Market())
    return found if settled is None else found.with_torch(settled)
