"""Whatever the variables of a shell hold, `doctor` says what it makes of them and never falls over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipexenv.doctor.examine import RULES
from ipexenv.doctor.looking import look
from ipexenv.doctor.redaction import redact, redacted
from ipexenv.system.world import World
from tests.unit.doctor.surroundings import facts, package, surroundings

if TYPE_CHECKING:
    from pathlib import Path

NAMES = (
    "LD_PRELOAD", "LD_LIBRARY_PATH", "PYTHONPATH", "I_MPI_ROOT", "CCL_ROOT", "FI_PROVIDER_PATH", "ONEAPI_ROOT",
    "CCL_KVS_IFACE", "GLOO_SOCKET_IFNAME", "FI_TCP_IFACE", "OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "CCL_WORKER_AFFINITY",
    "CCL_ATL_TRANSPORT", "ATEN_CPU_CAPABILITY", "FI_PROVIDER", "WORLD_SIZE", "RANK", "MASTER_PORT", "MASTER_ADDR",
    "KMP_DUPLICATE_LIB_OK", "I_MPI_HYDRA_BOOTSTRAP", "I_MPI_HYDRA_HOST_FILE", "CCL_MPI_LIBRARY_PATH", "TMPDIR",
    "HOME", "USER", "HF_TOKEN", "https_proxy",
)  # fmt: skip
VALUES = st.one_of(
    st.text(st.characters(exclude_characters="\0"), max_size=12),
    st.sampled_from(
        [
            "",
            "0",
            "-1",
            "²",
            "\u0661",
            "9" * 30,
            "mpi",
            ":",
            "::",
            "/",
            "//:/",
            "lo",
            ",",
            "1-3,5",
            "^",
            ";",
            "~",
            "\udcff",
        ]
    ),
)
ENVIRONMENTS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8)
FACTS = facts(ipex=package("intel_extension_for_pytorch", "2.7.0"), bindings=package("oneccl_bind_pt", "2.7.0"))


@given(env=ENVIRONMENTS)
def test_no_variable_upsets_the_rules(env: dict[str, str]) -> None:
    seen = surroundings(facts=FACTS, env=env, missing_paths=frozenset(env.values()))
    found = [finding for rule in RULES for finding in rule(seen)]
    assert all(finding.summary for finding in found)
    redacted([finding.as_mapping() for finding in found], env, host="node1")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(env=ENVIRONMENTS)
def test_no_variable_upsets_the_look(env: dict[str, str], tmp_path: Path) -> None:
    quiet = {name: value for name, value in env.items() if name not in {"MASTER_ADDR", "I_MPI_HYDRA_HOST_FILE"}}
    look(World(root=tmp_path, directory=tmp_path, env={"PATH": "", **quiet}), FACTS)


@given(text=st.text(max_size=60), env=ENVIRONMENTS)
def test_no_variable_upsets_the_redaction(text: str, env: dict[str, str]) -> None:
    assert isinstance(redact(text, env, host=env.get("USER")), str)


@pytest.mark.parametrize("value", ["²", "\u0661", "", " 2", "2 ", "-2", "2.5", "9" * 5000])
def test_numbers_that_are_none(value: str) -> None:
    env = dict.fromkeys(("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "CCL_WORKER_AFFINITY", "MASTER_PORT"), value)
    for rule in RULES:
        list(rule(surroundings(env=env)))
