from __future__ import annotations

from pathlib import Path

import pytest

from ipexenv.launch.libraries import find_libraries, first_library, library_folders, openmp_of
from ipexenv.system.world import World
from tests.fakes import FakeRunner, facts, finished
from tests.unit.probe.test_elf import library


def touch(folder: Path, *names: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")
    return str(folder)


@pytest.mark.parametrize(
    ("there", "found"),
    [
        ((), None),
        (("libtcmalloc.so", "libtcmalloc.so.4"), "libtcmalloc.so"),
        (("libtcmalloc.so.4", "libtcmalloc.so.4.5.10"), "libtcmalloc.so.4"),  # the name that survives updates
        (("libtcmalloc.so.9", "libtcmalloc.so.10"), "libtcmalloc.so.10"),
        (("libtcmalloc_minimal.so.4", "libtcmalloc_minimal_debug.so.4"), "libtcmalloc_minimal.so.4"),
        (("libtcmalloc_debug.so.4", "libtcmalloc.so.txt", "xlibtcmalloc.so", "libtcmalloc.so.4.bak"), None),
    ],
)
def test_versioned_names_are_found(there: tuple[str, ...], found: str | None, tmp_path: Path) -> None:
    folder = touch(tmp_path, *there)
    expected = None if found is None else f"{folder}/{found}"
    assert first_library([folder], ("tcmalloc", "tcmalloc_minimal")) == expected


def test_the_first_folder_wins_and_dangling_links_do_not(tmp_path: Path) -> None:
    first, second = touch(tmp_path / "a"), touch(tmp_path / "b", "libjemalloc.so.2")
    (tmp_path / "a" / "libjemalloc.so").symlink_to("nowhere")
    assert first_library([f"{tmp_path}/none", first, second], ("jemalloc",)) == f"{second}/libjemalloc.so.2"


def test_folders_of_the_target_come_first() -> None:
    env = {"CONDA_PREFIX": "/conda", "VIRTUAL_ENV": "/env", "HOME": "/home/me"}
    assert library_folders("/env", env, "aarch64") == (
        "/env/lib",
        "/conda/lib",
        "/home/me/.local/lib",
        "/usr/local/lib",
        "/usr/local/lib64",
        "/usr/lib",
        "/usr/lib64",
        "/usr/lib/aarch64-linux-gnu",
    )


def torch(site: Path, *needed: str) -> str:
    folder = site / "torch" / "lib"
    folder.mkdir(parents=True)
    (folder / "libtorch_cpu.so").write_bytes(library("libc10.so", *needed, "libc.so.6"))
    return str(site)


@pytest.mark.parametrize(
    ("needed", "runtime"),
    [
        ("libgomp-a34b3233.so.1", "gnu"),
        ("libgomp.so.1", "gnu"),
        ("libiomp5.so", "intel"),
        ("libomp.so", "llvm"),
        ("libompi.so", None),
    ],
)
def test_the_runtime_that_torch_asks_for(needed: str, runtime: str | None, tmp_path: Path) -> None:
    assert openmp_of(torch(tmp_path, needed), [], {}) == runtime


def test_condas_link_to_another_runtime_is_seen_through(tmp_path: Path) -> None:
    site = torch(tmp_path / "site", "libgomp.so.1")
    conda = touch(tmp_path / "lib", "libomp.so")
    (tmp_path / "lib" / "libgomp.so.1").symlink_to("libomp.so")
    assert openmp_of(site, [conda], {}) == "llvm"


def test_a_file_beside_torch_comes_before_condas(tmp_path: Path) -> None:
    site = torch(tmp_path / "site", "libgomp.so.1")
    touch(tmp_path / "site" / "torch" / "lib", "libgomp.so.1")
    conda = touch(tmp_path / "lib", "libomp.so")
    (tmp_path / "lib" / "libgomp.so.1").symlink_to("libomp.so")
    assert openmp_of(site, [conda], {}) == "gnu"


def test_what_is_preloaded_is_what_runs(tmp_path: Path) -> None:
    site = torch(tmp_path, "libgomp.so.1")
    assert openmp_of(site, [], {"LD_PRELOAD": "/x/libtcmalloc.so:/x/libiomp5.so"}) == "intel"
    assert openmp_of(None, [], {"LD_PRELOAD": "/x/libomp.so.5"}) == "llvm"
    assert openmp_of(None, [], {}) is None
    assert openmp_of(str(tmp_path / "none"), [], {}) is None


def test_numactl_counts_where_it_may_bind(tmp_path: Path) -> None:
    program = Path(touch(tmp_path, "numactl")) / "numactl"
    program.chmod(0o755)
    env = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    for returncode in (0, 1):
        runner = FakeRunner(endings=[(("--localalloc",), finished(returncode))])
        assert find_libraries(World(runner=runner, env=env), facts()).numactl is (returncode == 0)
    assert not find_libraries(World(runner=FakeRunner(), env={"PATH": "/none"}), facts()).numactl
