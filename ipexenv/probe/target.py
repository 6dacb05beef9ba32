"""Start the target once, take its own report, and refuse what is no Python that ipexenv can serve."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from packaging.version import Version

from ipexenv.errors import OutsideError
from ipexenv.reading import MalformedError, Reader

if TYPE_CHECKING:
    from ipexenv.probe.choice import TargetChoice
    from ipexenv.system.runner import Finished
    from ipexenv.system.world import World

OLDEST = Version("3.7")
"""The first IPEX release for CPU, 1.8.0, came for Python 3.7 (its installation page)."""

_LIMIT_S = 30.0
_NOT_STARTED = 127
_SCRIPT = Path(__file__).with_name("_target.py")
_MACHINES = {"x86_64": "i686", "aarch64": "armv7l"}
"""What a 32-bit Python on a 64-bit kernel is, by the kernel's name."""


class TargetReport(NamedTuple):
    """What the target says about itself."""

    version: Version
    implementation: str
    executable: str
    prefix: str
    base_prefix: str
    virtual: bool
    conda: bool
    base_conda: bool
    site_packages: tuple[str, ...]
    user_site: str | None
    search_path: tuple[str, ...]
    writable: tuple[str, ...]
    """Those of ``site_packages`` and ``user_site`` that can be written to."""
    externally_managed: str | None
    abiflags: str
    multiarch: str | None
    machine: str
    """Architecture as wheels spell it: ``i686`` for a 32-bit Python on an x86-64 kernel."""
    system: str
    kernel: str | None
    glibc: str | None
    mapped: tuple[str, ...]
    """Paths of the C library's loader and of libpython in the target's process."""


def ask_target(world: World, where: TargetChoice) -> TargetReport:
    """Run the target and return its report; raise OutsideError when that fails or it is older than Python 3.7."""
    finished = world.runner.run(
        [where.executable, "-I", str(_SCRIPT)], timeout_s=_LIMIT_S, env=world.env, cwd=None, answer=True
    )
    try:
        row = json.loads(finished.answer)
        report = _read(Reader(row, where="the report of the target"), where.executable)
    except (ValueError, MalformedError) as error:
        raise _failure(
            finished, where, f"its answer is odd: {error}" if finished.answer else "it gave no answer"
        ) from None
    if report.version < OLDEST:
        raise _too_old(where, f"it is Python {report.version}")
    return report


def _read(reader: Reader, executable: str) -> TargetReport:
    writable = reader.maybe_table("writable") or {}
    kernel_machine = reader.maybe_text("machine") or "unknown"
    narrow = reader.maybe_integer("bits") == 32  # noqa: PLR2004 (bits of a pointer)
    prefix = reader.text("prefix")
    return TargetReport(
        version=reader.version("version"),
        implementation=reader.text("implementation", "unknown"),
        executable=reader.maybe_text("executable") or executable,
        prefix=prefix,
        base_prefix=reader.text("base_prefix", prefix),
        virtual=reader.flag("virtual", default=False),
        conda=reader.flag("conda", default=False),
        base_conda=reader.flag("base_conda", default=False),
        site_packages=reader.texts("site_packages", ()),
        user_site=reader.maybe_text("user_site"),
        search_path=reader.texts("search_path", ()),
        writable=tuple(folder for folder, answer in writable.items() if answer is True),
        externally_managed=reader.maybe_text("externally_managed"),
        abiflags=reader.text("abiflags", ""),
        multiarch=reader.maybe_text("multiarch"),
        machine=_MACHINES.get(kernel_machine, kernel_machine) if narrow else kernel_machine,
        system=(reader.maybe_text("system") or "unknown").lower(),
        kernel=reader.maybe_text("kernel"),
        glibc=reader.maybe_text("glibc"),
        mapped=reader.texts("mapped", ()),
    )


def _failure(finished: Finished, where: TargetChoice, trouble: str) -> OutsideError:
    """Say in whose words the target failed: not there, stuck, crashed, or no Python at all."""
    last = next((line.strip() for line in reversed(finished.stderr.splitlines()) if line.strip()), "")
    if finished.timed_out:
        return OutsideError(
            f"the target Python {where.executable} did not answer within {_LIMIT_S:.0f} s",
            code="target-hangs",
            causes=(f"it was chosen by {where.how}", "a .pth file or sitecustomize.py that runs at its start may wait"),
            hint=f"see what `{where.executable} -I -X importtime -c pass` does, or name another Python with `--python`",
        )
    if finished.returncode == _NOT_STARTED:
        return OutsideError(
            f"the target Python {where.executable} cannot be started",
            code="target-missing",
            causes=(last or "it does not exist", f"it was chosen by {where.how}"),
            hint=_other_python(where),
        )
    if finished.returncode < 0:
        return OutsideError(
            f"the target Python {where.executable} crashed with {_signal_name(-finished.returncode)}",
            code="target-crashed",
            causes=(f"it was chosen by {where.how}", *([last] if last else [])),
            hint=f"see whether `{where.executable} -I -c pass` works, or name another Python with `--python`",
        )
    if "Unknown option: -I" in finished.stderr:
        return _too_old(where, "it does not know the option -I, so it is older than Python 3.4")
    return OutsideError(
        f"{where.executable} does not answer as a Python does",
        code="target-not-python",
        causes=(
            last or (f"it ended with exit code {finished.returncode}" if finished.returncode else trouble),
            f"it was chosen by {where.how}",
        ),
        hint=_other_python(where),
    )


def _too_old(where: TargetChoice, cause: str) -> OutsideError:
    return OutsideError(
        f"the target Python {where.executable} is too old",
        code="target-too-old",
        causes=(f"{cause}, and every IPEX release for CPU needs {OLDEST} or newer", f"it was chosen by {where.how}"),
        hint="name a newer one with `--python PATH` or `--venv DIR`",
    )


def _other_python(where: TargetChoice) -> str:
    if where.how == "VIRTUAL_ENV":
        return "leave the environment with `deactivate` (or unset VIRTUAL_ENV), or name a Python with `--python PATH`"
    return "name a Python with `--python PATH` or an environment with `--venv DIR`"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
