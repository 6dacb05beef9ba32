"""What `doctor` looks at around the target, on machines laid out in a folder."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ipexenv.bridge.payload.ipexenv_oneccl_bridge import interfaces
from ipexenv.doctor.looking import look
from ipexenv.system.world import World
from tests.unit.doctor.surroundings import facts, package, torch

if TYPE_CHECKING:
    from pathlib import Path

    from ipexenv.doctor.surroundings import Surroundings
    from ipexenv.facts import Facts


def seen(folder: Path, there: Facts | None = None, **env: str) -> Surroundings:
    return look(World(root=folder, directory=folder, env=env), there or facts(), " --venv x")


def test_paths_of_variables_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    found = seen(
        tmp_path,
        LD_PRELOAD=f"{tmp_path}/gone.so libplain.so",
        LD_LIBRARY_PATH=f"{tmp_path}/there:{tmp_path}/lost",
        FI_PROVIDER_PATH=f"{tmp_path}/prov",
        HOME=f"{tmp_path}/nobody",
    )
    assert found.missing_paths == {f"{tmp_path}/gone.so", f"{tmp_path}/lost", f"{tmp_path}/prov"}
    assert found.target_words == " --venv x"


def test_a_preloaded_name_that_the_loader_does_not_find(tmp_path: Path) -> None:
    for name in ("etc/ld.so.cache", "usr/lib/libthere.so"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert seen(tmp_path, LD_PRELOAD="libthere.so:libgone.so:$LIB/x.so").missing_paths == {"libgone.so"}


def test_modules_that_a_folder_hides(tmp_path: Path) -> None:
    (tmp_path / "path" / "torch").mkdir(parents=True)
    (tmp_path / "path" / "torch" / "__init__.py").touch()
    (tmp_path / "path" / "transformers.py").touch()  # not installed: it hides nothing
    (tmp_path / "numpy.py").touch()
    there = facts(numpy=package("numpy", "2.1.0"), target={"site_packages": str(tmp_path / "site")})
    found = seen(tmp_path, there, PYTHONPATH=f"{tmp_path}/path::{tmp_path}/site")
    assert found.hidden_by == (("torch", f"{tmp_path}/path"), ("numpy", str(tmp_path)))


def test_site_packages_do_not_hide_themselves(tmp_path: Path) -> None:
    (tmp_path / "site" / "torch").mkdir(parents=True)
    (tmp_path / "site" / "torch" / "__init__.py").touch()
    (tmp_path / "link").symlink_to(tmp_path / "site")
    found = seen(tmp_path, facts(target={"site_packages": f"{tmp_path}/site"}), PYTHONPATH=f"{tmp_path}/link")
    assert found.hidden_by == ()


def test_the_size_of_gpu_libraries_counts_each_file_once(tmp_path: Path) -> None:
    site = tmp_path / "site"
    for name, size in {"nvidia/cudnn/lib/libcudnn.so.9": 1000, "torch/lib/libtorch_cuda.so": 200, "other": 5}.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_bytes(bytes(size))
    (site / "nvidia/cudnn/lib/libcudnn.so").symlink_to(site / "nvidia/cudnn/lib/libcudnn.so.9")
    found = seen(tmp_path, facts(torch=torch(build="cu128"), target={"site_packages": str(site)}))
    assert found.gpu_bytes == 1200


@pytest.mark.parametrize("device", [None, "nvidiactl", "kfd"])
def test_devices_of_gpus(tmp_path: Path, device: str | None) -> None:
    (tmp_path / "dev").mkdir()
    if device:
        (tmp_path / "dev" / device).touch()
    assert seen(tmp_path).has_gpu is (device is not None)


def test_the_limit_of_a_container_counts_where_it_is_lower(tmp_path: Path) -> None:
    folder = tmp_path / "sys" / "fs" / "cgroup"
    folder.mkdir(parents=True)
    (folder / "pids.max").write_text("17\n")
    assert seen(tmp_path).limits.processes == 17
    (folder / "pids.max").write_text("max\n")
    assert seen(tmp_path).limits.processes != 17


def test_mpirun_is_followed_to_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "orterun"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (tmp_path / "bin" / "mpirun").symlink_to(program)
    assert seen(tmp_path, PATH=str(tmp_path / "bin")).mpirun == str(program)
    assert seen(tmp_path, PATH="").mpirun is None


def test_the_network_of_this_host(tmp_path: Path) -> None:
    found = seen(tmp_path).network
    assert found.host_name
    assert "lo" not in found.with_address
    assert set(found.with_address) <= set(found.interfaces)


def test_interfaces_that_cannot_be_asked_for_are_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> tuple[str, ...]:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(interfaces, "names", refuse)
    found = seen(tmp_path).network
    assert (found.interfaces, found.with_address) == ((), ())


def test_a_target_without_site_packages(tmp_path: Path) -> None:
    there = facts()
    assert seen(tmp_path, replace(there, target=replace(there.target, site_packages=None))).gpu_bytes == 0


def test_a_port_that_somebody_listens_on(tmp_path: Path) -> None:
    with socket.socket() as server:
        server.bind(("", 0))
        server.listen()
        port = server.getsockname()[1]
        assert seen(tmp_path, MASTER_PORT=str(port)).transport.taken_port == port
        assert seen(tmp_path, MASTER_PORT=str(port), MASTER_ADDR="192.0.2.1").transport.taken_port is None
    assert seen(tmp_path, MASTER_PORT="many").transport.taken_port is None
    assert seen(tmp_path, MASTER_PORT="70000").transport.taken_port is None
    assert seen(tmp_path, MASTER_PORT="0").transport.taken_port is None


def test_the_room_that_is_left(tmp_path: Path) -> None:
    there = facts(target={"site_packages": str(tmp_path)})
    found = dict(seen(tmp_path, there, TMPDIR=str(tmp_path / "gone")).free_bytes)
    assert set(found) == {str(tmp_path)}
    assert found[str(tmp_path)] > 0


def test_an_adapter_for_a_fast_network(tmp_path: Path) -> None:
    (tmp_path / "sys" / "class" / "infiniband" / "mlx5_0").mkdir(parents=True)
    assert seen(tmp_path).transport.has_fabric
    assert not seen(tmp_path / "elsewhere").transport.has_fabric


def laid_out(folder: Path, *names: str) -> Facts:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        path.chmod(0o755)
    return facts(target={"site_packages": str(folder / "site"), "prefix": str(folder / "env")})


def test_providers_of_the_bridge_of_the_old_packages_and_of_the_variable(tmp_path: Path) -> None:
    ipex = "site/intel_extension_for_pytorch/opt/mpi/libfabric/lib/prov"
    there = laid_out(tmp_path, f"{ipex}/libverbs-1.12-fi.so", f"{ipex}/libpsmx2-fi.so", "own/libtcp-fi.so", "own/note")
    assert set(seen(tmp_path, there).transport.providers) == {"verbs", "psm2"}
    named = seen(tmp_path, there, FI_PROVIDER_PATH=f"{tmp_path}/none:{tmp_path}/own").transport
    assert (named.providers, named.providers_in) == (("tcp",), f"{tmp_path}/own")
    laid_out(tmp_path, "site/ipexenv_oneccl_bridge/lib/libshm-fi.so")
    assert seen(tmp_path, there).transport.providers == ("shm",)
    assert seen(tmp_path, there, IPEXENV_BRIDGE_LIB=f"{tmp_path}/own").transport.providers == ("tcp",)
    assert seen(tmp_path, there, FI_PROVIDER_PATH=f"{tmp_path}/none").transport.providers == ()


@pytest.mark.parametrize(
    ("file", "env"),
    [
        ("mpi/lib/release/libmpi.so.12", {"I_MPI_ROOT": "mpi"}),
        ("else/libmpi.so.12", {"LD_LIBRARY_PATH": "else"}),
        ("else/mine.so", {"CCL_MPI_LIBRARY_PATH": "else/mine.so"}),
        ("env/lib/libmpi.so.12", {}),
        ("usr/lib/libmpi.so.12", {}),
    ],
)
def test_where_oneccl_looks_for_mpi(tmp_path: Path, file: str, env: dict[str, str]) -> None:
    there = laid_out(tmp_path)
    absolute = {name: f"{tmp_path}/{value}" for name, value in env.items()}
    assert not seen(tmp_path, there, **absolute).transport.libmpi
    laid_out(tmp_path, file)
    assert seen(tmp_path, there, **absolute).transport.libmpi


def test_where_oneccl_looks_for_libfabric_and_people_for_mpirun(tmp_path: Path) -> None:
    there = laid_out(tmp_path)
    assert not seen(tmp_path, there).transport.libfabric
    assert not seen(tmp_path, there).transport.mpirun
    assert seen(tmp_path, facts(bridge=package("ipexenv-oneccl-bridge", "1"))).transport.libfabric
    laid_out(tmp_path, "mpi/opt/mpi/libfabric/lib/libfabric.so.1", "env/bin/mpirun")
    found = seen(tmp_path, there, I_MPI_ROOT=f"{tmp_path}/mpi").transport
    assert (found.libfabric, found.mpirun) == (True, True)


def test_the_mpirun_of_open_mpi_is_none_for_oneccl(tmp_path: Path) -> None:
    laid_out(tmp_path, "bin/orterun")
    (tmp_path / "bin" / "mpirun").symlink_to(tmp_path / "bin" / "orterun")
    assert not seen(tmp_path, PATH=f"{tmp_path}/bin").transport.mpirun


def test_the_old_oneccl_in_ipex(tmp_path: Path) -> None:
    there = laid_out(tmp_path)
    assert seen(tmp_path, there).transport.old_oneccl is None
    laid_out(tmp_path, "site/intel_extension_for_pytorch/lib/libccl.so.1")
    assert seen(tmp_path, there).transport.old_oneccl == f"{tmp_path}/site/intel_extension_for_pytorch/lib/libccl.so.1"
