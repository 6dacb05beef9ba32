"""Turn the target's own report into facts: kind of environment, where packages go, C library, wheel tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from ipexenv.facts import EnvironmentKind, Libc, Target

if TYPE_CHECKING:
    from ipexenv.probe.learnt import Learnt
    from ipexenv.probe.target import TargetReport
    from ipexenv.system.runner import Runner

_LIMIT_S = 5.0


def target_of(  # noqa: PLR0913 (each is one observation)
    report: TargetReport,
    *,
    libc: Libc,
    glibcxx: Version | None,
    libraries: tuple[str, ...] | None,
    learnt: Learnt,
    tags: bool = True,
) -> Target:
    """Return the facts about the target; without ``tags`` leave its wheel tags out."""
    kind = environment_kind(report)
    site_packages = _destination(report, kind)
    learnt.note("target.environment", _why(report, kind))
    return Target(
        version=report.version,
        executable=report.executable,
        implementation=report.implementation,
        wheel_tags=_tags(report, libc, learnt) if tags else (),
        environment=kind,
        prefix=report.prefix,
        site_packages=site_packages,
        externally_managed=report.externally_managed,
        writable=None if site_packages is None else site_packages in report.writable,
        glibcxx=glibcxx,
        libraries=libraries,
        free_threaded="t" in report.abiflags,
    )


def environment_kind(report: TargetReport) -> EnvironmentKind:
    """Say what the target is; ``user`` is a system Python whose site-packages pip cannot write to."""
    if report.virtual:
        return "venv"
    if report.conda:
        return "conda"
    can_write = any(folder in report.writable for folder in report.site_packages[:1])
    return "user" if report.user_site and not can_write else "system"


def libc_of(report: TargetReport, runner: Runner, learnt: Learnt) -> Libc:
    """Return the C library of the target: glibc says it in confstr, musl's loader when it is run alone."""
    family, _, number = (report.glibc or "").partition(" ")
    if family == "glibc":
        learnt.note("host.libc", "os.confstr in the target")
        return Libc(family="glibc", version=_version(number))
    loader = next((path for path in report.mapped if path.rpartition("/")[2].startswith("ld-musl-")), None)
    if loader is not None:
        learnt.note("host.libc", loader)
        return Libc(family="musl", version=_musl_version(runner, loader))
    if "musl" in (report.multiarch or ""):
        learnt.note("host.libc", "sys.implementation in the target, which names no version")
        return Libc(family="musl")
    return Libc()


def _musl_version(runner: Runner, loader: str) -> Version | None:
    """Run musl's loader without a program: it prints its version to stderr and fails."""
    finished = runner.run([loader], timeout_s=_LIMIT_S)
    lines = [line.partition("Version ") for line in finished.stderr.splitlines()]
    return next((_version(number) for before, found, number in lines if found and not before), None)


def _version(text: str) -> Version | None:
    try:
        return Version(text.strip())
    except InvalidVersion:
        return None


def _tags(report: TargetReport, libc: Libc, learnt: Learnt) -> tuple[str, ...]:
    if report.system != "linux" or report.implementation != "cpython":
        learnt.note("target.wheel_tags", f"not worked out for {report.implementation} on {report.system}")
        return ()
    from ipexenv.probe.tags import wheel_tags  # noqa: PLC0415 (8 ms with what packaging.tags imports)

    learnt.note("target.wheel_tags", "packaging.tags, fed with the target's version, ABI flags and C library")
    return wheel_tags(version=report.version, abiflags=report.abiflags, machine=report.machine, libc=libc)


def _destination(report: TargetReport, kind: EnvironmentKind) -> str | None:
    if kind == "user":
        return report.user_site
    return next(iter(report.site_packages), None)


def _why(report: TargetReport, kind: EnvironmentKind) -> str:
    why = {
        "venv": "sys.prefix is not sys.base_prefix",
        "conda": "conda-meta in sys.prefix",
        "user": "site-packages cannot be written to, the user's own can",
        "system": "none of venv, conda, user",
    }[kind]
    outside = [folder for folder in report.search_path if not folder.startswith(report.prefix)]
    return f"{why}; also looks into {', '.join(outside)}" if kind == "venv" and outside else why
