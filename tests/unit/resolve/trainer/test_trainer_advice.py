"""Which arguments of the Trainer work: every version at which something changes, from both sides."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from packaging.version import Version

from ipexenv.errors import AnswerIsNo, TableError
from ipexenv.facts import IsaLevel
from ipexenv.resolve.trainer.advice import Advice, TrainerWish
from ipexenv.resolve.trainer.decide import advise
from ipexenv.resolve.trainer.versions import life, requirements
from tests.unit.resolve.builders import here, tables

if TYPE_CHECKING:
    from ipexenv.facts import Facts
    from ipexenv.resolve.trainer.advice import Argument
    from ipexenv.tables.schema import Tables

AMX, AVX2, AVX512 = IsaLevel.AMX, IsaLevel.AVX2, IsaLevel.AVX512
BRIDGE = "2022.2.0+ipexenv.bridge.1"
PROVIDER: dict[str, Any] = {"bridge": BRIDGE}


def place(versions: str, *, torch: str | None = "2.6.0", isa: IsaLevel | None = AMX, **more: Any) -> Facts:
    """Return facts with these versions of ``TRANSFORMERS/ACCELERATE``, and packages by their names in Installed."""
    transformers, _, accelerate = versions.partition("/")
    packages = {"transformers": transformers} | ({"accelerate": accelerate} if accelerate else {})
    python = more.pop("python", "3.11.7")
    return here(torch=torch, isa=isa, packages=packages | more, python=python)


def asked(facts: Facts, known: Tables | None = None, **wish: Any) -> Advice:
    return advise(facts, TrainerWish(**wish), known or tables())


def flags(versions: str, wish: dict[str, Any] | None = None, **more: Any) -> str:
    return " ".join(asked(place(versions, **more), **(wish or {})).flags)


def no(facts: Facts, **wish: Any) -> AnswerIsNo:
    with pytest.raises(AnswerIsNo) as caught:
        asked(facts, **wish)
    assert caught.value.hint
    return caught.value


def why(rows: tuple[Argument, ...]) -> dict[str, str]:
    return {" ".join(row.words): row.reason for row in rows}


IPEX26: dict[str, Any] = {"ipex": "2.6.0"}


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ("4.17.0", "--no_cuda"),
        ("4.19.4", "--no_cuda"),
        ("4.20.0", "--no_cuda --use_ipex --bf16"),
        ("4.28.1", "--no_cuda --use_ipex --bf16"),
        ("4.31.0/0.21.0", "--no_cuda --use_ipex --bf16"),
        ("4.32.0/0.21.0", "--use_cpu --use_ipex --bf16"),
        ("4.52.4/1.7.0", "--use_cpu --use_ipex --bf16"),
        ("4.53.0/1.7.0", "--use_cpu --bf16"),
        ("4.56.2/1.10.1", "--use_cpu --bf16"),
        ("4.57.0/1.7.0", "--use_cpu --bf16"),
        ("5.0.0/1.12.0", "--use_cpu --bf16"),
        ("5.23.0/1.15.0", "--use_cpu --bf16"),
    ],
)
def test_one_rank_with_ipex_installed(versions: str, expected: str) -> None:
    assert flags(versions, **IPEX26) == expected


@pytest.mark.parametrize(
    ("versions", "over_ccl", "over_gloo"),
    [
        ("4.19.4", "--xpu_backend ccl", None),
        ("4.23.1", "--xpu_backend ccl", None),
        ("4.24.0", "--xpu_backend ccl", "--xpu_backend gloo"),
        ("4.28.1", "--xpu_backend ccl", "--xpu_backend gloo"),
        ("4.29.0/0.21.0", "--ddp_backend ccl", "--ddp_backend gloo"),
        ("5.0.0/1.12.0", "--ddp_backend ccl", "--ddp_backend gloo"),
        ("5.0.0/1.13.0", None, "--ddp_backend gloo"),
        ("5.1.0/1.12.0", None, "--ddp_backend gloo"),
        ("5.23.0/1.15.0", None, "--ddp_backend gloo"),
    ],
)
def test_several_ranks(versions: str, over_ccl: str | None, over_gloo: str | None) -> None:
    with_provider, without = place(versions, **PROVIDER), place(versions)
    taken = asked(with_provider, ranks=2)
    assert " ".join(taken.flags).endswith(over_ccl or over_gloo or "")
    assert taken.backend == ("gloo" if over_ccl is None else "ccl")
    if over_ccl is None:
        assert no(with_provider, ranks=2, ccl="bridge").code == "no-ccl"
    else:
        assert asked(without, ranks=2, ccl="bridge").backend == "ccl"
    if over_gloo is None:
        assert no(without, ranks=2).code == no(with_provider, ranks=2, ccl="none").code == "no-backend"
    else:
        assert " ".join(asked(without, ranks=2).flags).endswith(over_gloo)


@pytest.mark.parametrize("flag", [flag for flag in tables().flags if flag.framework == "transformers"], ids=str)
def test_no_version_is_given_a_flag_that_it_refuses_or_ignores(flag: Any) -> None:
    """Over every version in the table at which something changes, and the moment before it."""
    marks = {row.version for row in tables().frameworks if row.framework == "transformers"}
    marks |= {at for row in tables().flags for at in (row.added, row.no_effect, row.removed) if at is not None}
    for mark in sorted(version for version in marks if Version("4.17") <= version < Version("6")):
        for version in (mark, Version(f"{mark}.dev0")):
            given = _given(version)
            if given is not None and flag.name in given:
                assert life(flag, version) == "works", (version, given)


def _given(version: Version) -> set[str] | None:
    row = requirements(tables(), "transformers", version)
    if row is None:
        return None
    accelerate = "1.12.0" if version >= Version("4.29") else ""
    facts = place(f"{version}/{accelerate}".rstrip("/"), python="3.12", **IPEX26, **PROVIDER)
    with contextlib.suppress(AnswerIsNo):
        advice = asked(facts, ranks=2)
        return {word for argument in advice.arguments for word in (argument.option, " ".join(argument.words))}
    return None


def test_why_use_ipex_is_left_out() -> None:
    def reason(versions: str, **more: Any) -> str:
        return why(asked(place(versions, **more)).left_out)["--use_ipex"]

    assert reason("4.19.4", **IPEX26) == "it came with transformers 4.20.0"
    ignored = "the Trainer takes it and does nothing for it since transformers 4.53.0"
    assert reason("4.53.0/1.7.0", **IPEX26) == f"{ignored}, though accelerate 1.7.0 still would"
    assert reason("4.53.0/1.13.0", **IPEX26) == ignored
    assert reason("4.57.0/1.7.0", **IPEX26).startswith("it went with transformers 4.57.0")
    assert reason("4.52.4/1.7.0") == "IPEX for CPUs is not installed"
    assert reason("4.52.4/1.7.0", ipex="2.6.10+xpu") == "IPEX for CPUs is not installed"
    assert reason("4.52.4/1.7.0", ipex="2.5.0").startswith("IPEX 2.5.0 is not for torch 2.6.0")
    assert reason("4.52.4/1.7.0", torch=None, **IPEX26).startswith("IPEX 2.6.0 is not for torch (not installed)")
    assert reason("4.52.4/1.7.0", isa=IsaLevel.DEFAULT, **IPEX26) == "IPEX 2.6.0 needs AVX2, and there is no AVX2"


def test_ipex_and_bf16_exclude_each_other_without_avx_512() -> None:
    old = place("4.52.4/1.7.0", isa=AVX2, **IPEX26)
    assert asked(old).flags == ("--use_cpu", "--use_ipex")
    insisting = asked(old, precision="bf16")
    assert insisting.flags == ("--use_cpu", "--bf16")
    assert why(insisting.left_out)["--use_ipex"] == "with --bf16 ipex.optimize needs AVX-512, and there is AVX2"
    assert [note.code for note in insisting.notes] == ["slow-bf16"]
    assert insisting.environment == ()


def test_ipex_is_left_out_on_several_ranks_in_bf16_where_accelerate_would_have_a_hand_in_it() -> None:
    """Seen with accelerate 1.7: the gradients of some weights are lost. In fp32 they are not."""

    def obeyed(versions: str, ranks: int, **wish: Any) -> bool:
        return "--use_ipex" in asked(place(versions, **IPEX26), ranks=ranks, **wish).flags

    assert not obeyed("4.52.4/1.7.0", 2)
    assert obeyed("4.52.4/1.7.0", 1)
    assert obeyed("4.52.4/1.7.0", 2, precision="fp32")
    assert obeyed("4.52.4/1.13.0", 2)
    assert obeyed("4.28.1", 2)


def test_accelerate_is_kept_from_a_second_optimisation_in_bf16() -> None:
    """It breaks training where a launcher sets LOCAL_RANK, even for one rank."""

    def variables(versions: str, **wish: Any) -> list[str]:
        return [variable.name for variable in asked(place(versions, **IPEX26), **wish).environment]

    assert variables("4.52.4/1.7.0") == ["ACCELERATE_USE_IPEX"]
    assert variables("4.52.4/1.7.0", precision="fp32") == []
    assert variables("4.52.4/1.13.0") == variables("4.28.1") == variables("5.23.0/1.15.0") == []


def test_avx_512_alone_is_enough_for_ipex_in_bf16_and_not_for_speed() -> None:
    middle = place("4.52.4/1.7.0", isa=AVX512, **IPEX26)
    assert asked(middle).flags == ("--use_cpu", "--use_ipex")
    assert asked(middle, precision="bf16").flags == ("--use_cpu", "--use_ipex", "--bf16")


def test_what_serves_ipex_in_bf16_besides_avx_512() -> None:
    def obeyed(ipex: str, torch: str, *processor: str) -> bool:
        facts = place("4.28.1", isa=IsaLevel.AVX2_VNNI, torch=torch, ipex=ipex)
        facts = replace(facts, host=replace(facts.host, cpu=replace(facts.host.cpu, flags=processor)))
        return "--use_ipex" in asked(facts, precision="bf16").flags

    assert obeyed("2.4.0", "2.4.0", "avx2", "avx_ne_convert")
    assert not obeyed("2.4.0", "2.4.0", "avx2")
    assert not obeyed("2.3.0", "2.3.0", "avx2", "avx_ne_convert")
    assert obeyed("1.11.200", "1.11.0", "avx2")
    assert not obeyed("1.12.300", "1.12.1", "avx2")


@pytest.mark.parametrize("isa", [IsaLevel.AVX512_BF16, AMX, IsaLevel.AVX512_FP16])
def test_bf16_is_chosen_where_the_processor_computes_with_it(isa: IsaLevel) -> None:
    assert asked(place("5.23.0/1.15.0", isa=isa)).flags == ("--use_cpu", "--bf16")
    assert asked(place("5.23.0/1.15.0", isa=isa), precision="fp32").flags == ("--use_cpu",)


@pytest.mark.parametrize("isa", [None, IsaLevel.DEFAULT, AVX2, AVX512, IsaLevel.AVX512_VNNI])
def test_fp32_is_chosen_elsewhere_and_bf16_on_demand(isa: IsaLevel | None) -> None:
    chosen = asked(place("5.23.0/1.15.0", isa=isa))
    assert (chosen.flags, chosen.precision) == (("--use_cpu",), "fp32")
    assert "--bf16" in why(chosen.left_out)
    insisting = asked(place("5.23.0/1.15.0", isa=isa), precision="bf16")
    assert insisting.flags == ("--use_cpu", "--bf16")
    assert [note.code for note in insisting.notes] == ["slow-bf16"]


def test_bf16_that_cannot_be_is_refused() -> None:
    assert "came with 4.20.0" in no(place("4.19.4"), precision="bf16").causes[0]
    assert "came with 1.10" in no(place("4.22.0", torch="1.9.1"), precision="bf16").causes[0]
    assert flags("4.22.0", torch="1.9.1") == "--no_cuda"


@pytest.mark.parametrize(
    ("versions", "cause"),
    [("4.40.2/0.30.0", "refuses --fp16"), ("4.41.0/0.30.0", "in fp32 all the same"), ("5.23.0/1.15.0", "all the same")],
)
def test_fp16_is_refused_because_the_trainer_refuses_or_ignores_it(versions: str, cause: str) -> None:
    error = no(place(versions), precision="fp16")
    assert (error.code, cause in error.causes[0]) == ("no-fp16", True)


@pytest.mark.parametrize(
    ("versions", "variables", "reason"),
    [
        ("4.19.4", {}, ""),
        ("4.20.0", {"CCL_WORKER_COUNT": "1"}, "transformers 4.20.0 refuses ccl without it"),
        ("4.29.0/0.29.2", {"CCL_WORKER_COUNT": "1"}, "takes gloo instead of ccl and says nothing"),
        ("4.29.0/0.29.3", {"CCL_WORKER_COUNT": "1"}, "refuses ccl without it ('Your assigned backend"),
        ("5.0.0/1.12.0", {"CCL_WORKER_COUNT": "1"}, "refuses ccl without it"),
    ],
)
def test_ccl_needs_its_worker_count(versions: str, variables: dict[str, str], reason: str) -> None:
    environment = asked(place(versions, **PROVIDER), ranks=2).environment
    assert {variable.name: variable.value for variable in environment} == variables
    assert all(reason in variable.reason for variable in environment)


def test_gloo_needs_nothing_of_the_environment() -> None:
    assert asked(place("5.23.0/1.15.0"), ranks=2).environment == ()


@pytest.mark.parametrize(
    ("versions", "torch", "alone"),
    [
        ("4.29.0/0.21.0", "2.6.0", True),
        ("4.31.0/0.21.0", "2.8.0", True),
        ("4.32.0/0.21.0", "2.6.0", False),
        ("4.57.0/1.7.0", "2.6.0", False),
        ("5.0.0/1.7.0", "2.8.0", True),
        ("5.0.0/1.8.0", "2.6.0", True),
        ("5.0.0/1.8.0", "2.8.0", False),
        ("5.0.0/1.12.0", "2.6.0", True),
        ("5.0.0/1.13.0", "2.6.0", False),
    ],
)
def test_accelerate_may_apply_ipex_by_itself(versions: str, torch: str, *, alone: bool) -> None:
    """Where it would fail in bf16 it is kept from that; elsewhere it is said."""
    ipex: dict[str, Any] = {"ipex": "2.8.0" if torch == "2.8.0" else "2.6.0"}
    kept = asked(place(versions, torch=torch, isa=AVX2, **ipex), precision="bf16")
    assert "--use_ipex" not in kept.flags
    assert [v.name for v in kept.environment] == (["ACCELERATE_USE_IPEX"] if alone else [])
    said = asked(place(versions, torch=torch, **ipex))
    by_itself = alone and "--use_ipex" not in said.flags
    assert [note.code for note in said.notes] == (["ipex-by-itself"] if by_itself else [])


def test_the_number_of_ranks_is_that_of_numa_nodes_unless_it_is_named() -> None:
    facts = place("5.23.0/1.15.0")
    two = replace(facts, host=replace(facts.host, topology=replace(facts.host.topology, numa_nodes=2)))
    unknown = replace(facts, host=replace(facts.host, topology=replace(facts.host.topology, numa_nodes=None)))
    assert [asked(place).ranks for place in (facts, two, unknown)] == [1, 2, 1]
    assert asked(two).flags == ("--use_cpu", "--bf16", "--ddp_backend", "gloo")
    alone = asked(two, ranks=1)
    assert (alone.flags, alone.backend) == (("--use_cpu", "--bf16"), None)
    assert "--ddp_backend" in why(alone.left_out)


def test_an_old_transformers_wants_a_backend_of_a_single_rank_under_a_launcher() -> None:
    assert [note.code for note in asked(place("4.28.1")).notes] == ["plain-process"]
    assert asked(place("4.28.1"), ranks=2).notes == asked(place("4.29.0/0.21.0")).notes == ()


def test_use_cpu_has_another_reason_where_ranks_would_train_apart() -> None:
    def reason(versions: str) -> str:
        return why(asked(place(versions), ranks=2, precision="fp32").arguments)["--use_cpu"]

    assert "even where there is a GPU" in reason("5.0.0/1.12.0")
    assert "world size 1" in reason("5.0.0/1.13.0")


def test_an_old_transformers_leaves_importing_the_backend_to_the_script() -> None:
    assert [n.code for n in asked(place("4.21.3", torch="1.11.0", bindings="1.11.0"), ranks=2).notes] == ["import-ccl"]
    assert asked(place("4.22.0", torch="1.11.0", bindings="1.11.0"), ranks=2).notes == ()


def test_an_old_accelerate_takes_ccl_although_gloo_is_asked_for() -> None:
    def codes(accelerate: str, **packages: Any) -> list[str]:
        advice = asked(place(f"4.40.0/{accelerate}", **packages), ranks=2, ccl="none")
        assert advice.backend == "gloo"
        return [note.code for note in advice.notes]

    assert codes("0.29.2", **PROVIDER) == ["silent-ccl"]
    assert codes("0.29.3", **PROVIDER) == codes("0.29.2") == []


def test_why_the_backend_is_gloo() -> None:
    def reason(versions: str, **wish: Any) -> str:
        return why(asked(place(versions, **PROVIDER), ranks=2, **wish).left_out)["--ddp_backend ccl"]

    assert reason("5.1.0/1.12.0") == "ccl is no choice of --ddp_backend since transformers 5.1.0"
    assert reason("5.0.0/1.13.0") == "accelerate has no ccl since 1.13.0, and 1.13.0 is there"
    assert reason("5.0.0/1.12.0", ccl="none") == "--ccl none asks for another backend"
    assert why(asked(place("5.0.0/1.12.0"), ranks=2).left_out)["--ddp_backend ccl"] == "no ccl provider is installed"


@pytest.mark.parametrize(
    ("facts", "code", "said"),
    [
        (here(torch="2.8.0"), "no-transformers", "transformers is not installed"),
        (place("4.16.2"), "unknown-version", "nothing is known of transformers 4.16.2"),
        (place("4.29.0"), "no-accelerate", "transformers 4.29.0 cannot train without accelerate"),
        (place("4.36.0/0.20.3"), "incompatible-pair", "transformers 4.36.0 does not train with accelerate 0.20.3"),
        (place("4.52.0/1.2.1"), "incompatible-pair", "transformers 4.52.0 does not train with accelerate 1.2.1"),
        (place("4.56.2/1.7.0"), "incompatible-pair", "transformers 4.56.2 does not train with accelerate 1.7.0"),
        (place("5.0.0/1.0.1"), "incompatible-pair", "transformers 5.0.0 does not train with accelerate 1.0.1"),
        (place("5.23.0/1.15.0", torch="2.5.1"), "incompatible-torch", "does not train with torch 2.5.1"),
        (place("4.44.0/1.3.0", torch="1.13.1"), "incompatible-torch", "accelerate 1.3.0 does not train with"),
        (place("5.23.0/1.15.0", python="3.10.4"), "incompatible-python", "does not run on Python 3.10.4"),
        (place("4.40.0/1.15.0", python="3.9.4"), "incompatible-python", "accelerate 1.15.0 does not run on"),
    ],
)
def test_what_cannot_train_at_all_is_refused(facts: Facts, code: str, said: str) -> None:
    error = no(facts)
    assert error.code == code
    assert said in error.message


def test_a_refusal_names_the_command_that_helps() -> None:
    assert "`pip install 'accelerate>=1.3.0'`" in str(no(place("5.0.0/1.0.1")).hint)
    assert "`ipexenv install --torch 2.6 --allow-torch-change`" in str(no(place("5.23.0/1.15.0", torch="2.5.1")).hint)


def test_a_torch_that_is_left_out_without_force_is_a_note() -> None:
    notes = asked(place("4.52.4/1.7.0", torch="2.8.0")).notes
    assert [(note.code, note.text) for note in notes] == [
        (
            "torch-left-out",
            "transformers 4.52.4 asks for torch >=2.1,<2.7, and torch 2.8.0 is there: nothing enforces that",
        )
    ]
    assert asked(place("4.53.0/1.7.0", torch="2.8.0")).notes == ()
    assert [note.code for note in asked(place("4.24.0", torch="1.12.0")).notes] == ["torch-left-out", "plain-process"]


def test_a_version_of_tomorrow_is_taken_to_be_like_the_newest_known() -> None:
    later = asked(place("5.99.0/2.0.0", python="3.13"))
    assert later.flags == asked(place("5.23.0/1.15.0")).flags
    assert [note.code for note in later.notes] == ["newer-version", "newer-version"]
    assert asked(place("5.23.4/1.15.9")).notes == ()


def test_accelerate_does_not_count_before_transformers_uses_it() -> None:
    advice = asked(place("4.28.1/1.15.0", **PROVIDER), ranks=2)
    assert (advice.accelerate, advice.backend) == (None, "ccl")


def test_tables_that_lack_a_flag_are_a_fault_of_the_tables() -> None:
    lacking = replace(tables(), flags=tuple(flag for flag in tables().flags if flag.name != "--use_ipex"))
    with pytest.raises(TableError, match="no .* row for transformers '--use_ipex'"):
        asked(place("5.0.0/1.12.0"), lacking)
