"""Facts as a JSON document and back: what ``status -v --json`` prints is what ``resolve --facts`` reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packaging.version import Version

from ipexenv.facts import (
    ENVIRONMENT_KINDS,
    LIBC_FAMILIES,
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
from ipexenv.reading import Reader

if TYPE_CHECKING:
    from collections.abc import Mapping


def facts_as_mapping(facts: Facts) -> dict[str, Any]:
    """Return plain JSON data that ``read_facts`` reads back."""
    return {
        "host": _plain(facts.host),
        "target": _plain(facts.target),
        "installed": _plain(facts.installed),
        "learnt": dict(facts.learnt),
    }


def read_facts(row: Mapping[str, Any], *, where: str) -> Facts:
    """Read what ``facts_as_mapping`` wrote; raise MalformedError that names the bad key."""
    reader = Reader(row, where=where)
    learnt = reader.maybe_table("learnt") or {}
    facts = Facts(
        host=_host(Reader(reader.table("host"), where=f"{where}: host")),
        target=_target(Reader(reader.table("target"), where=f"{where}: target")),
        installed=_installed(Reader(reader.maybe_table("installed") or {}, where=f"{where}: installed")),
        learnt=tuple((str(name), str(how)) for name, how in learnt.items()),
    )
    reader.finish()
    return facts


def _plain(value: Any) -> Any:  # noqa: ANN401 (any field of any fact)
    if isinstance(value, IsaLevel):
        return value.label
    if isinstance(value, Version):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    slots = [name for kind in reversed(type(value).__mro__) for name in getattr(kind, "__slots__", ())]
    if slots and not isinstance(value, (str, int, float)):
        return {name: _plain(getattr(value, name)) for name in slots}
    return value


def _host(reader: Reader) -> Host:
    host = Host(
        system=reader.text("system", "linux"),
        architecture=reader.text("architecture", "x86_64"),
        distribution=reader.maybe_text("distribution"),
        kernel=reader.maybe_text("kernel"),
        libc=_libc(Reader(reader.maybe_table("libc") or {}, where=f"{reader.where}.libc")),
        cpu=_cpu(Reader(reader.maybe_table("cpu") or {}, where=f"{reader.where}.cpu")),
        topology=_topology(Reader(reader.maybe_table("topology") or {}, where=f"{reader.where}.topology")),
        shm_bytes=reader.maybe_integer("shm_bytes"),
    )
    reader.finish()
    return host


def _libc(reader: Reader) -> Libc:
    family = reader.choice("family", LIBC_FAMILIES, "unknown")
    libc = Libc(family=family, version=reader.maybe_version("version"))  # type: ignore[arg-type]  # choice() checked it
    reader.finish()
    return libc


def _cpu(reader: Reader) -> Cpu:
    label = reader.maybe_text("isa")
    try:
        isa = None if label is None else IsaLevel.from_label(label)
    except ValueError as error:
        raise reader.wrong("isa", label, str(error)) from None
    cpu = Cpu(
        vendor=reader.maybe_text("vendor"),
        model=reader.maybe_text("model"),
        flags=reader.texts("flags", ()),
        isa=isa,
        os_xfeatures=reader.maybe_integer("os_xfeatures"),
        amx_permitted=reader.maybe_flag("amx_permitted"),
    )
    reader.finish()
    return cpu


def _topology(reader: Reader) -> Topology:
    topology = Topology(
        sockets=reader.maybe_integer("sockets"),
        numa_nodes=reader.maybe_integer("numa_nodes"),
        physical_cores=reader.maybe_integer("physical_cores"),
        logical_cpus=reader.maybe_integer("logical_cpus"),
        usable_cpus=reader.integers("usable_cpus", ()),
        usable_cores=reader.maybe_integer("usable_cores"),
        cpu_quota=reader.maybe_number("cpu_quota"),
        units=tuple(_unit(Reader(row, where=f"{reader.where}.units")) for row in reader.rows("units", ())),
    )
    reader.finish()
    return topology


def _unit(reader: Reader) -> ProcessingUnit:
    unit = ProcessingUnit(
        unit=reader.integer("unit"),
        core=reader.integer("core"),
        socket=reader.maybe_integer("socket"),
        numa_node=reader.maybe_integer("numa_node"),
        efficient=reader.flag("efficient", default=False),
    )
    reader.finish()
    return unit


def _target(reader: Reader) -> Target:
    target = Target(
        version=reader.version("version"),
        executable=reader.maybe_text("executable"),
        implementation=reader.text("implementation", "cpython"),
        wheel_tags=reader.texts("wheel_tags", ()),
        environment=reader.choice("environment", ENVIRONMENT_KINDS, "venv"),  # type: ignore[arg-type]  # checked
        prefix=reader.maybe_text("prefix"),
        site_packages=reader.maybe_text("site_packages"),
        externally_managed=reader.maybe_text("externally_managed"),
        writable=reader.maybe_flag("writable"),
        glibcxx=reader.maybe_version("glibcxx"),
        libraries=reader.maybe_texts("libraries"),
        free_threaded=reader.flag("free_threaded", default=False),
    )
    reader.finish()
    return target


def _installed(reader: Reader) -> Installed:
    def package(key: str) -> Package | None:
        row = reader.maybe_table(key)
        return None if row is None else _package(Reader(row, where=f"{reader.where}.{key}"))

    torch_row = reader.maybe_table("torch")
    installed = Installed(
        torch=None if torch_row is None else _torch(Reader(torch_row, where=f"{reader.where}.torch")),
        ipex=package("ipex"),
        bindings=package("bindings"),
        bridge=package("bridge"),
        mpi=package("mpi"),
        oneccl=package("oneccl"),
        transformers=package("transformers"),
        accelerate=package("accelerate"),
        numpy=package("numpy"),
        torchvision=package("torchvision"),
        torchaudio=package("torchaudio"),
        other_ccl=reader.texts("other_ccl", ()),
        ccl_on_path=reader.texts("ccl_on_path", ()),
    )
    reader.finish()
    return installed


def _package(reader: Reader) -> Package:
    package = Package(
        name=reader.text("name"),
        version=reader.version("version"),
        installer=reader.maybe_text("installer"),
        location=reader.maybe_text("location"),
    )
    reader.finish()
    return package


def _torch(reader: Reader) -> TorchPackage:
    package = TorchPackage(
        name=reader.text("name"),
        version=reader.version("version"),
        installer=reader.maybe_text("installer"),
        location=reader.maybe_text("location"),
        build=reader.maybe_text("build"),
        cxx11_abi=reader.maybe_flag("cxx11_abi"),
    )
    reader.finish()
    return package
