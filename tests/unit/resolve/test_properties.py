"""What holds whatever the facts and the request are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.version import Version

from ipexenv.errors import AnswerIsNo, OutsideError
from ipexenv.facts import (
    Cpu,
    Facts,
    Host,
    Installed,
    IsaLevel,
    Libc,
    Package,
    Target,
    TorchPackage,
)
from ipexenv.outcome import Market, Offer, Request, Resolution, SourceReport
from ipexenv.resolve.choices import torch_range
from ipexenv.resolve.fit import judge
from ipexenv.resolve.situation import name_of, public
from ipexenv.resolve.solve import solve
from tests.unit.resolve.builders import BINDINGS, BRIDGE, BRIDGE_VERSION, EVERY_LIBRARY, IPEX, parts, tables

if TYPE_CHECKING:
    from ipexenv.tables.schema import IpexRelease, OneCclRelease

thorough = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


TORCHES = st.sampled_from([str(row.version) for row in tables().torch] + ["1.5.0", "2.8.1", "3.0.0", "2.9.0.dev1"])
LABELS = st.sampled_from(["", "", "", "+cpu", "+cu126", "+xpu"])
VERSIONS = st.sampled_from([str(row.version) for row in tables().ipex] + ["2.8.10+xpu", "9.9"])
BRIDGE_VERSIONS = st.sampled_from([BRIDGE_VERSION, f"{BRIDGE_VERSION[:-1]}0", f"{BRIDGE_VERSION}9"])
BINDINGS_VERSIONS = st.sampled_from([str(row.version) for row in tables().oneccl] + ["1.12.10", "9.9"])


def package(name: str, versions: st.SearchStrategy[str]) -> st.SearchStrategy[Package]:
    return versions.map(lambda version: Package(name=name, version=Version(version)))


HOSTS = st.builds(
    Host,
    system=st.sampled_from(["linux", "linux", "linux", "darwin", "windows", "plan9"]),
    architecture=st.sampled_from(["x86_64", "x86_64", "aarch64", "riscv64"]),
    libc=st.builds(
        Libc,
        family=st.sampled_from(["glibc", "glibc", "musl", "unknown"]),
        version=maybe(st.sampled_from(["2.17", "2.28", "2.36", "2.41"]).map(Version)),
    ),
    cpu=st.builds(Cpu, isa=maybe(st.sampled_from(IsaLevel))),
)
TARGETS = st.builds(
    Target,
    version=st.sampled_from(["3.7.16", "3.8.1", "3.9.1", "3.10.1", "3.11.7", "3.12.1", "3.13.0", "3.14.0"]).map(
        Version
    ),
    implementation=st.sampled_from(["cpython", "cpython", "cpython", "pypy"]),
    glibcxx=maybe(st.sampled_from(["3.4.19", "3.4.28", "3.4.30"]).map(Version)),
    libraries=maybe(st.lists(st.sampled_from(EVERY_LIBRARY), unique=True).map(tuple)),
    free_threaded=st.sampled_from([False, False, False, True]),
)
INSTALLED = st.builds(
    Installed,
    torch=maybe(
        st.builds(
            TorchPackage,
            name=st.just("torch"),
            version=st.builds("{}{}".format, TORCHES, LABELS).map(Version),
            build=maybe(st.sampled_from(["cpu", "cu126", "conda", "xpu"])),
            cxx11_abi=maybe(st.booleans()),
        )
    ),
    ipex=maybe(package(IPEX, VERSIONS)),
    bindings=maybe(package(BINDINGS, BINDINGS_VERSIONS)),
    bridge=maybe(package(BRIDGE, BRIDGE_VERSIONS)),
    mpi=maybe(package("impi-rt", st.sampled_from(["2021.18.0", "2021.10.0"]))),
    numpy=maybe(package("numpy", st.sampled_from(["1.26.4", "2.1.0"]))),
    torchvision=maybe(package("torchvision", st.sampled_from(["0.23.0", "0.13.1+cpu"]))),
    torchaudio=maybe(package("torchaudio", st.sampled_from(["2.8.0", "0.1"]))),
)
FACTS = st.builds(Facts, host=HOSTS, target=TARGETS, installed=INSTALLED)
REQUESTS = st.builds(
    Request,
    stack=st.sampled_from(["ipex", "ipex", "native"]),
    ccl=st.sampled_from(["auto", "bindings", "bridge", "none"]),
    mpi=st.booleans(),
    torch=maybe((TORCHES | st.sampled_from(["2.8", "2.7", "1.12", "2", "2.8.0+cpu"])).map(torch_range)),
    ccl_version=st.none() | st.none() | BINDINGS_VERSIONS,
    allow_torch_change=st.booleans(),
    allow_yanked=st.booleans(),
)
OFFERS = st.builds(
    lambda name, version, tag, source, yanked: Offer(
        project=name.replace("_", "-"),
        version=Version(version),
        filename=f"{name}-{version}-{tag}.whl",
        url=f"https://{source}.test/{name}-{version}-{tag}.whl",
        source=source,
        yanked=yanked,
        configured=source == "index",
    ),
    st.sampled_from(["torch", "torch", IPEX, BINDINGS, "torchvision", "stranger"]),
    st.sampled_from(["2.8.0", "2.8.0+cpu", "2.7.0", "2.7.0+cpu", "2.7.0+xpu", "1.12.1", "99.0", "2.8.0.post1"]),
    st.sampled_from(
        ["cp311-cp311-manylinux_2_28_x86_64", "cp310-cp310-linux_x86_64", "cp311-cp311-linux_x86_64", "py3-none-any"]
    ),
    st.sampled_from(["index", "pytorch-cpu", "intel-us", "/wheels"]),
    st.sampled_from([None, None, None, "", "a hole"]),
)
FACT_OF = {name: name for name in ("torchvision", "torchaudio")} | {
    BINDINGS: "bindings",
    BRIDGE: "bridge",
    "impi-rt": "mpi",
}
REPORTS = tuple(
    SourceReport(name=name, url=f"https://{name}.test", state=state)  # type: ignore[arg-type]  # the words of the type
    for name, state in (("index", "answered"), ("pytorch-cpu", "failed"), ("intel-us", "empty"))
)
PARTS = st.builds(
    lambda part, sha256, yanked: replace(part, sha256=sha256 or part.sha256, yanked=yanked),
    st.sampled_from(parts() + parts(source="/wheels", sha256=None)),
    st.sampled_from([None, None, None, "f" * 64]),
    st.sampled_from([None, None, None, "a hole"]),
)
MARKETS = st.just(Market()) | st.lists(OFFERS | PARTS, max_size=16).map(
    lambda offers: Market(asked=True, offers=tuple(offers), reports=REPORTS)
)


def solved(facts: Facts, request: Request, market: Market) -> Resolution | AnswerIsNo | OutsideError:
    try:
        return solve(facts, request, tables(), market)
    except (AnswerIsNo, OutsideError) as error:
        return error


@thorough
@given(FACTS, REQUESTS, MARKETS)
def test_no_facts_and_no_request_are_too_strange(facts: Facts, request: Request, market: Market) -> None:
    found = solved(facts, request, market)
    if not isinstance(found, Resolution):
        assert found.causes
        assert found.hint
        assert found.data is not None
        assert {"torch", "python", "stack", "rejections"} <= set(found.data)
        return
    assert found.pins[0].name == "torch"
    assert public(found.pins[0].version) == public(found.torch)
    rows: tuple[IpexRelease | OneCclRelease, ...] = (*tables().ipex, *tables().oneccl)
    known = {(row.package, row.version): row for row in rows}
    for pin in found.pins[1:]:
        row = known.get((pin.name, public(pin.version)))
        if row is None:
            assert pin.name in {"torchvision", "torchaudio", BRIDGE, "impi-rt"}
            continue
        assert row.broken is None
        assert row.torch.contains(found.torch, prereleases=True)
        assert not any(rejection.release == name_of(row) for rejection in found.rejections)
        assert pin.offer is None or pin.name == IPEX or not pin.offer.configured
        if pin.yanked is not None and not pin.installed:
            assert request.allow_yanked
    if request.stack == "ipex":
        assert (
            IPEX in found.import_names
            or "intel_pytorch_extension" in found.import_names
            or ("torch_ipex" in found.import_names)
        )
    if request.ccl in {"bindings", "bridge", "none"} and request.ccl_version is None:
        assert found.ccl == request.ccl


@thorough
@given(FACTS, REQUESTS, MARKETS)
def test_one_provider_at_most_and_no_part_but_the_recorded_one(facts: Facts, request: Request, market: Market) -> None:
    found = solved(facts, request, market)
    if not isinstance(found, Resolution):
        return
    coming = {pin.name: pin for pin in found.pins if not pin.installed}
    assert not (BRIDGE in coming and (facts.installed.bindings or BINDINGS in coming))
    assert not (BINDINGS in coming and facts.installed.bridge)
    assert found.ccl_reason or found.ccl == "bindings"
    if BRIDGE in coming and market.asked:
        recorded = {part.filename: part.sha256 for part in tables().bridge[-1].parts}
        assert [part.filename for part in coming[BRIDGE].parts] == list(recorded)
        assert all(part.sha256 in {None, recorded[part.filename]} for part in coming[BRIDGE].parts)
        assert request.allow_yanked or all(part.yanked is None for part in coming[BRIDGE].parts)
    assert request.mpi or "impi-rt" not in coming


@thorough
@given(FACTS, REQUESTS, MARKETS)
def test_the_installed_torch_is_never_changed_without_consent(facts: Facts, request: Request, market: Market) -> None:
    found = solved(facts, replace(request, allow_torch_change=False), market)
    if isinstance(found, Resolution) and facts.installed.torch is not None:
        assert found.pins[0].installed
        assert found.torch == facts.installed.torch.version


@thorough
@given(FACTS, REQUESTS, MARKETS, st.randoms(use_true_random=False))
def test_the_order_of_rows_and_offers_does_not_matter(
    facts: Facts, request: Request, market: Market, random: Any
) -> None:
    offers = list(market.offers)
    random.shuffle(offers)
    one = solved(facts, request, market)
    other = solved(facts, request, replace(market, offers=tuple(offers)))
    if isinstance(one, Resolution) or isinstance(other, Resolution):
        assert one == other
    else:
        assert (one.code, one.causes, one.hint) == (other.code, other.causes, other.hint)


@thorough
@given(FACTS)
def test_every_installation_can_be_judged(facts: Facts) -> None:
    judgement = judge(facts, tables())
    assert judgement.fits is not False or judgement.findings
    assert judgement.fits is not None or judgement.findings


@thorough
@given(FACTS, REQUESTS)
def test_what_is_resolved_and_installed_fits(facts: Facts, request: Request) -> None:
    """A resolution carried out is one that `status` calls fitting, and that a second run leaves alone."""
    found = solved(facts, replace(request, stack="ipex"), Market())
    if not isinstance(found, Resolution):
        return
    there: dict[str, Any] = {"bindings": None, "bridge": None} | {
        FACT_OF.get(pin.name, "ipex"): Package(name=pin.name, version=pin.version) for pin in found.pins[1:]
    }
    torch = facts.installed.torch
    if torch is None or not found.pins[0].installed:
        torch = TorchPackage(name="torch", version=found.torch)
    after = replace(facts, installed=replace(facts.installed, torch=torch, numpy=None, **there))
    judgement = judge(after, tables())
    against = [note for note in judgement.findings if note.code not in {"partner", "yanked", "patch-drift"}]
    assert against == []
    again = solved(after, replace(request, stack="ipex", torch=None, allow_yanked=False), Market())
    assert isinstance(again, Resolution)
    assert all(pin.installed for pin in again.pins)
