"""The releases of ``compat/`` as typed data: IPEX, the oneCCL bindings, torch. Pure: no file is opened here.

Every row cites its ``source`` and says how sure it is (``confidence``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from ipexenv.facts import IsaLevel
from ipexenv.reading import Reader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

Confidence = Literal["seen in listing", "seen in docs", "inferred", "measured"]
TorchCheck = Literal["none", "exit-127", "attribute-error"]

CONFIDENCES = get_args(Confidence)
TORCH_CHECKS = get_args(TorchCheck)


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """Where a row's facts come from and how sure they are."""

    source: tuple[str, ...]
    confidence: Confidence
    notes: str | None = None
    tested: str | None = None
    """What happened when it was run, and on what machine."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IpexRelease:
    """One published IPEX version for CPU."""

    version: Version
    package: str
    """Distribution name, as pip takes it."""
    import_name: str
    torch: SpecifierSet
    """torch versions that its documentation or its own guard allows."""
    torch_pinned: Version | None
    """torch of the release's own Dockerfile: preferred over other patch levels."""
    python: tuple[Version, ...]
    """Python minors (``3.11``) that have a wheel anywhere."""
    python_on_index: tuple[Version, ...]
    """Python minors that have a wheel on the public package index; empty where it was never put there."""
    platforms: tuple[str, ...]
    """Platform tags of its wheels, best first (``manylinux_2_28_x86_64``)."""
    min_isa: IsaLevel
    import_alias: str | None = None
    """Older module name that still imports, with a warning."""
    torch_check: TorchCheck = "none"
    """What the import does where torch's major.minor differs: nothing, end the process, or raise AttributeError."""
    local_suffix: str | None = None
    """Local version label of Intel's own wheels, ``+cpu``; the index's wheels carry none."""
    glibc: Version | None = None
    """Newest GLIBC symbol version that the wheel needs, or that its platform tag promises."""
    glibcxx: Version | None = None
    """Newest GLIBCXX symbol version that the wheel needs (``3.4.30``)."""
    cxx11_abi: bool | None = None
    execstack: bool = False
    """Whether a library of it asks for an executable stack, which glibc >= 2.41 refuses to load."""
    needed_libs: tuple[str, ...] = ()
    """System libraries beyond libc, libm, libstdc++ and libgcc; ``libpython`` stands for the target's own."""
    requires: tuple[str, ...] = ()
    broken: str | None = None
    """Why this release never works, for anyone."""
    yanked: str | None = None
    """The reason the package index gives, None where it is not yanked."""
    bundles_oneccl: str | None = None
    bundles_mpi: str | None = None
    mpi_dir: str | None = None
    """Folder of the bundled mpirun, inside the package."""
    setvars: str | None = None
    """Script that puts the bundled MPI on the path, inside the package."""
    oneccl: Version | None = None
    """Version of the bindings that its own dependency file names."""
    ipexrun: bool = False
    bf16_api: str | None = None
    date: str | None = None
    sources: tuple[str, ...] = ()
    """Names of ``sources.toml`` rows that were documented to serve it."""
    seen_at: tuple[str, ...] = ()
    """Full addresses at which a wheel of it was seen, dead ones included."""
    last: bool = False
    provenance: Provenance

    @classmethod
    def from_mapping(cls, row: Mapping[str, Any], *, where: str) -> IpexRelease:
        """Read one ``[[ipex]]`` row; raise MalformedError that names the bad key."""
        reader = Reader(row, where=where)
        python = reader.versions("python")
        release = cls(
            version=reader.version("version"),
            package=reader.text("package", "intel_extension_for_pytorch"),
            import_name=reader.text("import_name", "intel_extension_for_pytorch"),
            torch=reader.specifier("torch"),
            torch_pinned=reader.maybe_version("torch_pinned"),
            python=python,
            python_on_index=reader.versions("python_on_index", [str(version) for version in python]),
            platforms=reader.texts("platforms"),
            min_isa=_isa(reader, "min_isa"),
            import_alias=reader.maybe_text("import_alias"),
            torch_check=reader.choice("torch_check", TORCH_CHECKS, "none"),  # type: ignore[arg-type]  # choice() checked it
            local_suffix=reader.maybe_text("local_suffix"),
            glibc=reader.maybe_version("glibc"),
            glibcxx=reader.maybe_version("glibcxx"),
            cxx11_abi=reader.maybe_flag("cxx11_abi"),
            execstack=reader.flag("execstack", default=False),
            needed_libs=reader.texts("needed_libs", ()),
            requires=reader.texts("requires", ()),
            broken=reader.maybe_text("broken"),
            yanked=reader.maybe_text("yanked"),
            bundles_oneccl=reader.maybe_text("bundles_oneccl"),
            bundles_mpi=reader.maybe_text("bundles_mpi"),
            mpi_dir=reader.maybe_text("mpi_dir"),
            setvars=reader.maybe_text("setvars"),
            oneccl=reader.maybe_version("oneccl"),
            ipexrun=reader.flag("ipexrun", default=False),
            bf16_api=reader.maybe_text("bf16_api"),
            date=reader.maybe_text("date"),
            sources=reader.texts("sources", ()),
            seen_at=reader.texts("seen_at", ()),
            last=reader.flag("last", default=False),
            provenance=read_provenance(reader),
        )
        reader.finish()
        return release


@dataclass(frozen=True, kw_only=True, slots=True)
class OneCclRelease:
    """One published version of the oneCCL bindings."""

    version: Version
    package: str
    import_name: str
    torch: SpecifierSet
    python: tuple[Version, ...]
    platforms: tuple[str, ...] = ("linux_x86_64",)
    local_suffix: str | None = None
    cpu: bool = True
    """False for releases that exist for XPU only."""
    wheel: bool = True
    """False for releases that could only be built from source."""
    oneccl: str | None = None
    """Version of Intel's oneCCL inside."""
    mpi: str | None = None
    mpi_dir: str | None = None
    setvars: str | None = None
    vars: str | None = None
    not_torch: tuple[Version, ...] = ()
    """torch versions that this release is documented not to work with, though near."""
    broken: str | None = None
    date: str | None = None
    sources: tuple[str, ...] = ()
    seen_at: tuple[str, ...] = ()
    """Full addresses at which a wheel of it was seen, dead ones included."""
    last: bool = False
    provenance: Provenance

    @classmethod
    def from_mapping(cls, row: Mapping[str, Any], *, where: str) -> OneCclRelease:
        """Read one ``[[oneccl]]`` row; raise MalformedError that names the bad key."""
        reader = Reader(row, where=where)
        release = cls(
            version=reader.version("version"),
            package=reader.text("package", "oneccl_bind_pt"),
            import_name=reader.text("import_name"),
            torch=reader.specifier("torch"),
            python=reader.versions("python", ()),
            platforms=reader.texts("platforms", ("linux_x86_64",)),
            local_suffix=reader.maybe_text("local_suffix"),
            cpu=reader.flag("cpu", default=True),
            wheel=reader.flag("wheel", default=True),
            oneccl=reader.maybe_text("oneccl"),
            mpi=reader.maybe_text("mpi"),
            mpi_dir=reader.maybe_text("mpi_dir"),
            setvars=reader.maybe_text("setvars"),
            vars=reader.maybe_text("vars"),
            not_torch=reader.versions("not_torch", ()),
            broken=reader.maybe_text("broken"),
            date=reader.maybe_text("date"),
            sources=reader.texts("sources", ()),
            seen_at=reader.texts("seen_at", ()),
            last=reader.flag("last", default=False),
            provenance=read_provenance(reader),
        )
        reader.finish()
        return release


@dataclass(frozen=True, kw_only=True, slots=True)
class TorchRelease:
    """One torch version on the public package index."""

    version: Version
    python: tuple[Version, ...]
    """Python minors that have an x86-64 Linux wheel."""
    platforms: tuple[str, ...]
    numpy: SpecifierSet
    """Range of numpy that it works with (``<2`` for torch <= 2.2); empty means any."""
    torchvision: Version | None = None
    torchaudio: Version | None = None
    cxx11_abi: bool | None = None
    """ABI of the index's own wheel and of the ``+cpu`` build."""
    cxx11_abi_builds: tuple[str, ...] = ()
    """Builds (``cu126``, ``conda``) whose ABI is the new one although ``cxx11_abi`` is false."""
    cpu_build: bool = True
    """Whether PyTorch's CPU index lists a ``+cpu`` build of it."""
    yanked: str | None = None
    date: str | None = None
    provenance: Provenance

    @classmethod
    def from_mapping(cls, row: Mapping[str, Any], *, where: str) -> TorchRelease:
        """Read one ``[[torch]]`` row; raise MalformedError that names the bad key."""
        reader = Reader(row, where=where)
        release = cls(
            version=reader.version("version"),
            python=reader.versions("python"),
            platforms=reader.texts("platforms"),
            numpy=reader.specifier("numpy", ""),
            torchvision=reader.maybe_version("torchvision"),
            torchaudio=reader.maybe_version("torchaudio"),
            cxx11_abi=reader.maybe_flag("cxx11_abi"),
            cxx11_abi_builds=reader.texts("cxx11_abi_builds", ()),
            cpu_build=reader.flag("cpu_build", default=True),
            yanked=reader.maybe_text("yanked"),
            date=reader.maybe_text("date"),
            provenance=read_provenance(reader),
        )
        reader.finish()
        return release


def _isa(reader: Reader, key: str) -> IsaLevel:
    label = reader.text(key)
    try:
        return IsaLevel.from_label(label)
    except ValueError as error:
        raise reader.wrong(key, label, str(error)) from None


def read_provenance(reader: Reader) -> Provenance:
    """Read the keys that every row has; raise MalformedError where a row cites nothing."""
    source = reader.texts("source")
    if not source:
        raise reader.wrong("source", [], "at least one source")
    return Provenance(
        source=source,
        confidence=reader.choice("confidence", CONFIDENCES),  # type: ignore[arg-type]  # choice() checked it
        notes=reader.maybe_text("notes"),
        tested=reader.maybe_text("tested"),
    )
