"""A host elsewhere gets its settings from what its own Python told."""

from __future__ import annotations

from ipexenv.launch.survey import Surveyed
from ipexenv.launch.views import view_of

CPU = "/sys/devices/system/cpu"
FILES = {
    f"{CPU}/online": "0-3\n",
    **{f"{CPU}/cpu{unit}/topology/core_cpus_list": f"{unit % 2},{unit % 2 + 2}\n" for unit in range(4)},
}


def test_a_host_is_seen_as_it_told() -> None:
    told = {
        "topology": {"files": FILES, "affinity": [0, 2], "shm_bytes": 64 << 20},
        "openmp": "gnu",
        "files": {"tcmalloc": "/usr/lib/libtcmalloc.so.4", "jemalloc": None},
        "numactl": True,
        "package": "/site/bridge",
        "folders": ["lib"],
    }
    view = view_of(Surveyed(name="node7", told=told), interface="ib0")
    assert (view.name, view.interface, view.gloo_interface) == ("node7", "ib0", "ib0")
    assert (view.host.topology.physical_cores, view.host.topology.usable_cpus) == (2, (0, 2))
    assert view.host.shm_bytes == 64 << 20
    assert (view.libraries.openmp, view.libraries.tcmalloc, view.libraries.jemalloc, view.libraries.numactl) == (
        "gnu",
        "/usr/lib/libtcmalloc.so.4",
        None,
        True,
    )
    assert (view.package_folder, view.existing_folders) == ("/site/bridge", frozenset({"lib"}))


def test_a_host_that_told_little_is_no_trouble() -> None:
    view = view_of(Surveyed(name="node7"), interface=None)
    assert view.host.topology.usable_cpus == ()
    assert view.libraries.numactl is False
