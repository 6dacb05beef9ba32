from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from ipexenv.facts import (
    Cpu,
    Facts,
    Host,
    Installed,
    IsaLevel,
    Libc,
    Package,
    ProcessingUnit,
    Target,
    Topology,
    TorchPackage,
)
from ipexenv.facts_json import facts_as_mapping, read_facts
from ipexenv.reading import MalformedError
from tests import fakes

VERSIONS = st.sampled_from([Version("1.12.1"), Version("2.8.0+cpu"), Version("3.13.0")])
TEXT = st.none() | st.text(max_size=8)
WORDS = st.lists(st.text(max_size=5), max_size=3).map(tuple)


def optional(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | strategy


PACKAGES = st.builds(Package, name=st.text(max_size=5), version=VERSIONS, installer=TEXT, location=TEXT)
UNITS = st.builds(
    ProcessingUnit,
    unit=st.integers(0, 9),
    core=st.integers(0, 9),
    socket=optional(st.integers(0, 9)),
    numa_node=optional(st.integers(0, 9)),
    efficient=st.booleans(),
)
FACTS = st.builds(
    Facts,
    host=st.builds(
        Host,
        system=st.text(min_size=1, max_size=5),
        architecture=st.text(min_size=1, max_size=5),
        distribution=TEXT,
        kernel=TEXT,
        libc=st.builds(Libc, family=st.sampled_from(["glibc", "musl", "unknown"]), version=optional(VERSIONS)),
        cpu=st.builds(
            Cpu,
            vendor=TEXT,
            model=TEXT,
            flags=WORDS,
            isa=optional(st.sampled_from(list(IsaLevel))),
            os_xfeatures=optional(st.integers(0, 1 << 20)),
            amx_permitted=optional(st.booleans()),
        ),
        topology=st.builds(
            Topology,
            sockets=optional(st.integers(1, 8)),
            usable_cpus=st.lists(st.integers(0, 9), max_size=3).map(tuple),
            cpu_quota=optional(st.sampled_from([0.5, 2.0])),
            units=st.lists(UNITS, max_size=2).map(tuple),
        ),
        shm_bytes=optional(st.integers(0, 1 << 40)),
    ),
    target=st.builds(
        Target,
        version=VERSIONS,
        executable=TEXT,
        wheel_tags=WORDS,
        environment=st.sampled_from(["venv", "conda", "user", "system"]),
        writable=optional(st.booleans()),
        glibcxx=optional(VERSIONS),
        libraries=optional(WORDS),
        free_threaded=st.booleans(),
    ),
    installed=st.builds(
        Installed,
        torch=optional(
            st.builds(
                TorchPackage, name=st.text(max_size=5), version=VERSIONS, build=TEXT, cxx11_abi=optional(st.booleans())
            )
        ),
        ipex=optional(PACKAGES),
        bridge=optional(PACKAGES),
        mpi=optional(PACKAGES),
        numpy=optional(PACKAGES),
    ),
    learnt=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2).map(lambda d: tuple(d.items())),
)


@given(FACTS)
def test_facts_survive_json(facts: Facts) -> None:
    assert read_facts(json.loads(json.dumps(facts_as_mapping(facts))), where="f.json") == facts


def test_a_bad_key_is_named_with_its_place() -> None:
    row = facts_as_mapping(fakes.facts(torch="2.8.0"))
    row["installed"]["torch"]["version"] = "two"
    with pytest.raises(MalformedError, match=r"f.json: installed.torch: version is 'two', expected a version"):
        read_facts(row, where="f.json")


def test_an_unknown_isa_level_is_named() -> None:
    row = facts_as_mapping(fakes.facts())
    row["host"]["cpu"]["isa"] = "avx1024"
    with pytest.raises(MalformedError, match=r"host.cpu: isa is 'avx1024'.*avx512_bf16"):
        read_facts(row, where="f.json")


def test_a_misspelt_key_does_not_pass_in_silence() -> None:
    row = facts_as_mapping(fakes.facts())
    row["host"]["glibc"] = "2.36"
    with pytest.raises(MalformedError, match="unknown key 'glibc'"):
        read_facts(row, where="f.json")


def test_levels_are_ordered_as_in_ipex() -> None:
    assert [level.label for level in IsaLevel] == [
        "default",
        "avx2",
        "avx2_vnni",
        "avx512",
        "avx512_vnni",
        "avx512_bf16",
        "amx",
        "avx512_fp16",
    ]
    assert IsaLevel.from_label("AMX") is IsaLevel.AMX


def test_every_fact_of_a_package_reaches_the_json() -> None:
    torch = TorchPackage(
        name="torch", version=Version("2.8.0+cpu"), installer="uv", location="/e", build="cpu", cxx11_abi=True
    )
    row = facts_as_mapping(dataclasses.replace(fakes.facts(), installed=Installed(torch=torch)))["installed"]["torch"]
    assert row == {
        "name": "torch",
        "version": "2.8.0+cpu",
        "installer": "uv",
        "location": "/e",
        "build": "cpu",
        "cxx11_abi": True,
    }


def test_facts_of_an_older_ipexenv_still_load() -> None:
    document = facts_as_mapping(fakes.facts())
    del document["host"]["topology"]["units"]
    assert read_facts(document, where="facts.json").host.topology.units == ()
