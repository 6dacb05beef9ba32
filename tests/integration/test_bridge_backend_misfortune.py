"""What goes wrong ends in an error that says what it was, on every rank and in time, and leaves nothing behind."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration import bridge_ranks as ranks
from tests.integration.conftest import STAND_IN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import EnvironmentFactory

pytestmark = pytest.mark.slow

PROGRAM = "misfortune.py"
SEGMENTS = Path("/dev/shm")
KILLED = -9
TERMINATED = -15


@pytest.fixture
def python(environment: EnvironmentFactory) -> Path:
    return environment("native213").python


@pytest.fixture(autouse=True)
def no_segments_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Check that a test leaves nothing in shared memory; others may use it meanwhile, so by the owners' ids."""
    owners = tmp_path / "owners"
    owners.touch()
    monkeypatch.setenv("OWNERS", str(owners))
    before = set(SEGMENTS.iterdir())
    yield
    ours = set(owners.read_text().split())
    assert [path for path in set(SEGMENTS.iterdir()) - before if path.name.split(":")[0] in ours] == []


def codes(ended: list[ranks.Ended]) -> list[int]:
    return [rank.returncode for rank in ended]


LIMIT_S = 150
"""Later than the program gives up by itself."""
LONG = "600"
"""A time-out that is not waited for, in seconds."""


def run(python: Path, size: int, *arguments: str, **more: str) -> list[ranks.Ended]:
    return ranks.run(python, size, PROGRAM, *arguments, limit_s=LIMIT_S, more=more)


def at_once(folder: Path, size: int) -> dict[str, str]:
    """Return the variables that make so many ranks begin together: for time-outs of seconds."""
    meeting = folder / "together"
    meeting.mkdir()
    return {"TOGETHER": str(meeting), "TOGETHER_RANKS": str(size)}


def apart(python: Path, folder: Path, first: str, *options: str, way: str, **more: str) -> list[ranks.Ended]:
    """Run two ranks, each in namespaces of its own, where ``first`` is done before."""
    common = ranks.environment(WORLD_SIZE="2", **more)
    script = f"{first} && exec {python} {ranks.PROGRAMS / PROGRAM} {way} 60"
    started = [
        subprocess.Popen(
            ["unshare", "--map-root-user", *options, "sh", "-c", script],
            env={**common, "RANK": str(rank)},
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    return ranks.finish(started, limit_s=LIMIT_S)


@pytest.mark.parametrize("more", [{}, {"CCL_ATL_SHM": "0"}], ids=["shared memory", "TCP"])
def test_a_killed_rank_is_named_on_every_other_long_before_the_time_out(python: Path, more: dict[str, str]) -> None:
    ended = run(python, 3, "killed", LONG, **more)
    assert codes(ended) == [0, 0, KILLED], ended
    for rank in ended[:2]:
        first, second = rank.answer
        assert "CclPeerError" in first["kinds"]
        assert "DistBackendError" in first["kinds"]
        assert "rank 2" in first["text"]
        assert "has died" in first["text"]
        assert "allreduce #2 (float32[1000])" in first["text"]
        assert "cannot be used any more" in second["text"]


def test_an_absent_rank_ends_in_a_time_out_that_names_everything(python: Path, tmp_path: Path) -> None:
    ended = run(python, 2, "absent", "3", **at_once(tmp_path, 2))
    assert codes(ended) == [0, 0], ended
    waited, future, later = ended[0].answer
    assert {"CclTimeoutError", "TimeoutError", "DistBackendError"} <= set(waited["kinds"])
    for word in ("allreduce #2 (float32[3])", "rank 0 of 2", "within 3 s", "nothing heard from rank(s) 1"):
        assert word in waited["text"]
    assert "within 3 s" in future["text"]
    assert "cannot be used any more" in later["text"]


def test_a_wait_with_its_own_time_gives_up_and_the_group_goes_on(python: Path) -> None:
    ended = run(python, 2, "impatient")
    assert codes(ended) == [0, 0], ended
    first, works = ended[0].answer
    assert "CclTimeoutError" in first["kinds"]
    assert "0.3 s" in first["text"]
    assert works is ended[1].answer[1] is True


def test_torch_s_debug_level_shows_which_collectives_differ(python: Path, tmp_path: Path) -> None:
    """Between hosts, that is: these ranks share no memory."""
    own_memory = "mount -t tmpfs tmpfs /dev/shm"
    ended = apart(python, tmp_path, own_memory, "--mount", way="different", TORCH_DISTRIBUTED_DEBUG="DETAIL")
    assert codes(ended) == [0, 0], ended
    for rank in ended:
        (error,) = rank.answer
        assert "CclInputError" in error["kinds"]
        assert "rank 0: allreduce float32 1000 SUM" in error["text"]
        assert "rank 1: all_gather_into_tensor float32 100" in error["text"]


def test_ranks_that_oneccl_would_take_for_one_are_told_so(python: Path, tmp_path: Path) -> None:
    """Containers with one network, in each of which the rank is the same process."""
    ended = apart(python, tmp_path, "true", "--pid", "--fork", "--mount-proc", way="in_use")
    assert codes(ended) == [3, 3], ended
    for rank in ended:
        assert "ranks 0 and 1 both are process" in rank.answer["text"]


UNEQUAL = {
    "allreduce": ("float32[2000] (SUM)", "float32[4000] (SUM)"),
    "one way or the other": ("allreduce #", "allreduce float32 4194314 SUM"),
    "all_gather": ("all_gather float32 1000 float32 1000", "all_gather float32 2000 float32 2000"),
    "all_to_all": ("in all_to_all_single float32", "1000", "2000"),
    "broadcast": ("broadcast float32 2000 0", "broadcast float32 4000 0"),
    "scatter": ("in scatter float32 0, rank 0 sends 1000 elements to rank 1, which expects 2000",),
    "reductions": ("reduce float32 1000 SUM 0", "reduce float32 1000 MAX 0"),
}
ONE_WAY = {"broadcast", "scatter", "reductions"}
"""A rank that only sends may be done before the other one comes."""


def test_sizes_that_differ_are_an_error_that_names_them_long_before_the_time_out(python: Path) -> None:
    ended = run(python, 2, "unequal", LONG, PATIENCE_S="1")
    assert codes(ended) == [0, 0], ended
    for name, parts in UNEQUAL.items():
        errors = [rank.answer[name] for rank in ended if rank.answer[name] is not None]
        assert len(errors) == 2 or (name in ONE_WAY and errors), name
        for error in errors:
            assert "CclInputError" in error["kinds"], name
            assert [part for part in parts if part not in error["text"]] == [], error


def test_receives_without_a_send_time_out(python: Path, tmp_path: Path) -> None:
    ended = run(python, 3, "unanswered", "3", **at_once(tmp_path, 3))
    assert codes(ended) == [0, 0, 0], ended
    unknown, known, received = ended[0].answer
    assert "recv of float32[5] from rank 2: not connected within 3 s" in unknown["text"]
    assert "recv of float32[5] from rank 1" in known["text"]
    assert received == [3.0] * 5


def test_a_sender_s_death_is_an_error_at_the_receiver(python: Path) -> None:
    ended = run(python, 2, "deserted", LONG, PATIENCE_S="1")
    assert codes(ended) == [0, KILLED], ended
    (error,) = ended[0].answer
    assert "recv of float32[5] from rank 1: the connection broke" in error["text"]


REFUSALS = {
    "device": "allreduce: the tensor is on meta",
    "layout": "torch.sparse_coo",
    "type": "torch.qint8 cannot be reduced",
    "operation": "reduction BXOR is not among",
    "average": "torch.bool has no average",
    "output size": "has 6 elements and the other 4",
    "list length": "the list holds 3 tensors, and the group has 2 ranks",
    "mixed list": "torch.int32",
    "own part": "this rank's place in the list has 3 elements, and its tensor 4",
    "splits": "input splits [4, 4] do not fit 4 rows and 2 ranks",
    "any source": "receives from a rank that is named",
    "itself": "is this rank itself",
}


def test_bad_input_is_refused_by_name_and_the_group_goes_on(python: Path) -> None:
    ended = run(python, 2, "bad_input")
    assert codes(ended) == [0, 0], ended
    found: dict[str, Any] = ended[0].answer
    assert found.keys() == REFUSALS.keys()
    for name, words in REFUSALS.items():
        assert found[name] is not None, name
        assert words in found[name]["text"]
        assert "ValueError" in found[name]["kinds"] or (
            STAND_IN and name == "mixed list"
        )  # torch 2.0 is first to see it


def test_ends_without_destroying_are_silent(python: Path) -> None:
    ended = run(python, 2, "undestroyed")
    assert codes(ended) == [0, 0], ended
    assert [rank.stderr for rank in ended] == ["", ""]


def test_ranks_that_destroy_far_apart_all_end_well(python: Path, tmp_path: Path) -> None:
    ended = run(python, 2, "apart", "2", **at_once(tmp_path, 2))
    assert codes(ended) == [0, 0], ended


def test_groups_come_and_go_without_leaving_threads_or_files_open(python: Path) -> None:
    ended = run(python, 2, "again")
    assert codes(ended) == [0, 0], ended
    for rank in ended:
        sums, files, threads = rank.answer
        assert sums == [0.0, 2.0, 4.0]
        assert files < 20
        assert threads < 5


def test_a_forked_child_is_told_and_ends_as_it_wants(python: Path) -> None:
    ended = run(python, 2, "forked")
    assert codes(ended) == [0, 0], ended
    for place, rank in enumerate(ended):
        said, status = rank.answer
        assert "forked from a rank" in said["text"]
        assert status == place << 8


def test_ranks_that_are_terminated_leave_no_segment(python: Path) -> None:
    assert codes(run(python, 2, "terminated")) == [TERMINATED, TERMINATED]


def test_groups_may_be_used_in_another_order_on_every_rank(python: Path) -> None:
    ended = run(python, 2, "crossed")
    assert codes(ended) == [0, 0], ended
    assert [rank.answer for rank in ended] == [[2.0, 2.0]] * 2


def test_collectives_go_on_while_the_caller_does_something_else(python: Path) -> None:
    ended = run(python, 2, "overlapping")
    assert codes(ended) == [0, 0], ended
    assert ended[0].answer == [[False, False, False], [True, True, True]]


def test_an_interface_that_is_not_there_is_refused_on_every_rank(python: Path) -> None:
    started = ranks.start(python, 2, PROGRAM, "in_use", per_rank=[{}, {"CCL_KVS_IFACE": "nope0"}])
    ended = ranks.finish(started, limit_s=LIMIT_S)
    assert codes(ended) == [3, 3], ended
    for rank in ended:
        assert "CCL_KVS_IFACE names the network interface 'nope0', and this host has lo" in rank.answer["text"]
    assert "rank 1" in ended[0].answer["text"]


def test_a_rank_without_libraries_is_named_on_every_rank(python: Path, tmp_path: Path) -> None:
    started = ranks.start(python, 2, PROGRAM, "in_use", per_rank=[{}, {"IPEXENV_BRIDGE_LIB": str(tmp_path)}])
    ended = ranks.finish(started, limit_s=LIMIT_S)
    assert codes(ended) == [3, 3], ended
    for rank in ended:
        assert f"{tmp_path} lacks libccl.so.2" in rank.answer["text"]


@pytest.mark.parametrize("name", ["libccl.so.2", "libccl.so.1", "libtcp-fi.so"])
def test_a_library_that_is_cut_off_is_named_on_every_rank(name: str, python: Path, tmp_path: Path) -> None:
    lib = tmp_path / "lib"
    shutil.copytree(ranks.libraries() / "lib", lib)
    content = (lib / name).read_bytes()
    (lib / name).write_bytes(content[: len(content) // 2])
    started = ranks.start(python, 2, PROGRAM, "in_use", per_rank=[{}, {"IPEXENV_BRIDGE_LIB": str(lib)}])
    ended = ranks.finish(started, limit_s=LIMIT_S)
    assert codes(ended) == [3, 3], ended
    for rank in ended:
        assert f"rank 1 on {socket.gethostname()}" in rank.answer["text"]
        assert f"{lib}/{name} cannot be loaded: it is cut off" in rank.answer["text"]


@pytest.mark.parametrize("first", ["bridge", "IPEX"])
def test_the_libccl_that_ipex_brings_stands_beside_and_is_named(first: str, environment: EnvironmentFactory) -> None:
    more = {"IPEX_FIRST": "1"} if first == "IPEX" else {}
    ended = run(environment("torch27").python, 2, "foreign", **more)
    assert codes(ended) == [0, 0], ended
    for rank in ended:
        for said in rank.answer:
            assert f"oneCCL 2022.2.0 from {ranks.libraries()}/lib" in said
            beside = "intel_extension_for_pytorch/lib/libccl.so.1 is loaded beside it and is not used"
            assert (beside in said) == (first == "IPEX")


def test_a_libccl_that_hides_the_bridge_s_is_named_on_every_rank(python: Path, environment: EnvironmentFactory) -> None:
    other = environment("torch27").site_packages / "intel_extension_for_pytorch" / "lib" / "libccl.so.1"
    ended = run(python, 2, "in_use", LD_PRELOAD=str(other))
    assert codes(ended) == [3, 3], ended
    for rank in ended:
        assert f"{other} was loaded before {ranks.libraries()}/lib/libccl.so.1" in rank.answer["text"]
        assert "LD_PRELOAD" in rank.answer["text"]


def test_a_rank_that_never_comes_is_missed_by_the_store(python: Path, tmp_path: Path) -> None:
    (started, *absent) = ranks.start(python, 3, PROGRAM, "in_use", "3", more=at_once(tmp_path, 2))
    for process in absent[1:]:
        process.kill()
    ended = ranks.finish([started, *absent], limit_s=LIMIT_S)
    assert codes(ended) == [3, 3, KILLED], ended
    assert "2/3 clients joined" in ended[0].answer["text"]


def test_what_is_in_use_can_be_asked(python: Path) -> None:
    ended = run(python, 2, "in_use", CCL_WORKER_OFFLOAD="0", FI_TCP_IFACE="lo")
    assert codes(ended) == [0, 0], ended
    said = ended[0].answer
    assert "oneCCL 2022.2.0 from" in said
    assert "CCL_PLUGIN=ONECCL_LEGACY_CPU" in said
    assert "CCL_WORKER_OFFLOAD" not in said
    assert "FI_TCP_IFACE" not in said
    assert [rank.stderr for rank in ended] == ["", ""]


def test_a_full_shared_memory_is_done_without(python: Path, tmp_path: Path) -> None:
    """A mount namespace of its own gives each rank 64 KB of shared memory."""
    ended = apart(python, tmp_path, "mount -t tmpfs -o size=64k tmpfs /dev/shm", "--mount", way="in_use")
    assert codes(ended) == [0, 0], ended
    assert "CCL_ATL_SHM=0" in ended[0].answer


LOOPBACK_UP = "import fcntl, socket, struct; fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sH14x', b'lo', 1))"
"""SIOCSIFFLAGS with IFF_UP (netdevice(7))."""


def without_network(python: Path, folder: Path, first: str, **more: str) -> tuple[int, list[str]]:
    """Run two ranks in a network namespace of their own; return rank 0's exit code and what each said."""
    program = f"{python} {ranks.PROGRAMS / PROGRAM} in_use 60"
    script = f"{first}RANK=1 {program} > 1.txt & RANK=0 {program} > 0.txt; code=$?; wait; exit $code"
    ended = subprocess.run(
        ["unshare", "--net", "--map-root-user", "sh", "-c", script],
        env=ranks.environment(WORLD_SIZE="2", **more),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )
    return ended.returncode, [(folder / f"{rank}.txt").read_text() for rank in range(2)]


def test_loopback_is_network_enough(python: Path, tmp_path: Path) -> None:
    code, said = without_network(python, tmp_path, f'{python} -c "{LOOPBACK_UP}"; ')
    assert code == 0
    assert all("CCL_KVS_IFACE=lo" in text for text in said)


def test_without_any_network_every_rank_says_so(python: Path, tmp_path: Path) -> None:
    code, said = without_network(python, tmp_path, "", MEET_AT=f"file://{tmp_path}/store")
    assert code == 3
    assert all("no network interface of this host is up" in text for text in said), said
