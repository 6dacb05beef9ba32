"""What every export shares: which target of the lock, its requirement lines, and the command that adds the bridge."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ipexenv.errors import UsageError
from ipexenv.install.addresses import is_local
from ipexenv.tables.bridge import BRIDGE_PROJECT

if TYPE_CHECKING:
    from ipexenv.lock.model import Lock, LockedTarget
    from ipexenv.ruling import Offer


def target_of(lock: Lock, python: str | None) -> LockedTarget:
    """Return the lock's one target, or the one for ``python`` (``3.11``, ``3.13t``).

    Raises UsageError that names the targets where that is none or several.
    """
    fitting = [target for target in lock.targets if python is None or target.platform.minor == python]
    if len(fitting) == 1:
        return fitting[0]
    made_for = tuple(f"it was made for {target.platform.words}" for target in lock.targets)
    if not fitting:
        raise UsageError(
            f"the lock has nothing for Python {python}",
            code="no-such-target",
            causes=made_for,
            hint=f"name one of its Pythons, as `--target-python {lock.targets[0].platform.minor}`",
        )
    raise UsageError(
        "the lock is for several kinds of targets, and an export is for one",
        code="several-targets",
        causes=made_for,
        hint=f"name one, as `--target-python {lock.targets[0].platform.minor}`",
    )


def requirement_of(file: Offer, *, always_url: bool = False) -> str:
    """Return the line that pip and uv take for exactly this file, by its hash.

    What the configured index had is named by version, so that a mirror serves it as well, everything else by its URL.
    """
    name = f"{file.project}=={file.version}" if file.configured and not always_url else f"{file.project} @ {file.url}"
    return f"{name} --hash=sha256:{file.sha256}"


def bridge_command(lock_name: str) -> str:
    """Return the command that builds and installs the bridge of a lock."""
    return f"ipexenv install --ccl bridge --from-lock {shlex.quote(lock_name)}"


def bridge_comment(target: LockedTarget, lock_name: str) -> tuple[str, ...]:
    """Return what is to be said about the bridge, in lines; none where the lock has no bridge."""
    if target.bridge is None:
        return ()
    return (
        f"The ccl backend, {BRIDGE_PROJECT} {target.bridge.version}, is on no index: it is built where it is",
        f"installed. Afterwards run: {bridge_command(lock_name)}",
    )


def refuse_local_files(target: LockedTarget, *, what: str) -> None:
    """Raise UsageError where the lock names files of this machine, which ``what`` could not reach."""
    local = [file.filename for file in target.files if is_local(file.url)]
    if local:
        raise UsageError(
            f"{what} cannot reach the files of this machine that the lock names",
            code="local-files",
            causes=tuple(f"{name} lies in a folder here" for name in local[:5]),
            hint="lock with sources on a server (`ipexenv lock --source URL`), or copy the folder and install from it "
            "with `ipexenv install --offline --source DIR`",
        )
