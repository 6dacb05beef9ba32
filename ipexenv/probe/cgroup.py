"""What the control groups (v1, v2, and the cpuset file system before them) leave to this process."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from ipexenv.probe.cpulist import parse_list

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.system.files import Files

_CPUSET_FILES = ("cpuset.cpus.effective", "cpuset.effective_cpus", "cpuset.cpus", "effective_cpus", "cpus")
"""v2, v1, v1 of old kernels, and the last two again for mounts with ``noprefix``."""


class Hierarchy(NamedTuple):
    """One mounted hierarchy and the place of this process in it."""

    kind: str
    """File system: ``cgroup2``, ``cgroup`` or ``cpuset``."""
    mount: str
    controllers: frozenset[str]
    """Controllers named in the mount options; v2 names none and may have any."""
    own: str
    """Path of this process's group below ``mount``, empty for the mount itself."""

    def directories(self) -> Iterator[str]:
        """Give the process's own directory, then its parents up to the mount."""
        parts = [part for part in self.own.split("/") if part]
        for count in range(len(parts), -1, -1):
            yield "/".join([self.mount.rstrip("/"), *parts[:count]])


def allowed_units(files: Files) -> frozenset[int] | None:
    """Return the processing units that every cpuset allows; None where no cpuset says anything."""
    allowed: frozenset[int] | None = None
    for hierarchy in hierarchies(files, "cpuset"):
        units = _nearest_cpuset(files, hierarchy)
        if units is not None:
            allowed = units if allowed is None else allowed & units
    return allowed


def cpu_quota(files: Files) -> float | None:
    """Return the CPUs that the tightest quota on the way to the root grants, None where unlimited."""
    quotas = [
        quota
        for hierarchy in hierarchies(files, "cpu")
        for directory in hierarchy.directories()
        if (quota := _quota(files, directory, hierarchy.kind)) is not None
    ]
    return min(quotas, default=None)


def hierarchies(files: Files, controller: str) -> list[Hierarchy]:
    """Return the mounted hierarchies that may hold ``controller``."""
    groups = _groups(files)
    found = []
    for kind, mount, top, options in _mounts(files):
        if kind == "cgroup" and controller not in options:
            continue
        if kind == "cpuset" and controller != "cpuset":
            continue
        path = groups.get("" if kind == "cgroup2" else controller)
        if path is None and controller == "cpuset":
            path = files.text("/proc/self/cpuset")
        found.append(Hierarchy(kind=kind, mount=mount, controllers=options, own=_below(path or "/", top)))
    return found


def _groups(files: Files) -> dict[str, str]:
    """Map each controller to this process's group; the v2 hierarchy has the empty name."""
    groups = {}
    for line in (files.text("/proc/self/cgroup") or "").splitlines():
        _, colon, rest = line.partition(":")
        names, second, path = rest.partition(":")
        if colon and second:
            groups.update(dict.fromkeys(names.split(","), path))
    return groups


def _mounts(files: Files) -> list[tuple[str, str, str, frozenset[str]]]:
    """Return file system, mount point, mounted directory and options of each hierarchy."""
    found = []
    for line in (files.text("/proc/self/mountinfo") or "").splitlines():
        before, dash, after = line.partition(" - ")
        left, right = before.split(" "), after.split(" ")
        if dash and len(left) >= 6 and len(right) >= 3:  # noqa: PLR2004 (columns of proc_pid_mountinfo(5))
            found.append((right[0], _unescaped(left[4]), _unescaped(left[3]), frozenset(right[2].split(","))))
    if not found:
        for line in (files.text("/proc/self/mounts") or files.text("/proc/mounts") or "").splitlines():
            columns = line.split(" ")
            if len(columns) >= 4:  # noqa: PLR2004 (columns of fstab(5))
                found.append((columns[2], _unescaped(columns[1]), "/", frozenset(columns[3].split(","))))
    return [mount for mount in found if mount[0] in ("cgroup", "cgroup2", "cpuset")]


def _unescaped(path: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path)


def _below(path: str, top: str) -> str:
    """Return ``path`` relative to the mounted directory; the mount itself where a container hides the rest."""
    if top == "/":
        return path.strip("/") if ".." not in path.split("/") else ""
    inside = path == top or path.startswith(f"{top}/")
    return path[len(top) :].strip("/") if inside else ""


def _nearest_cpuset(files: Files, hierarchy: Hierarchy) -> frozenset[int] | None:
    for directory in hierarchy.directories():
        for name in _CPUSET_FILES:
            units = parse_list(files.text(f"{directory}/{name}") or "")
            if units:
                return units
    return None


def _quota(files: Files, directory: str, kind: str) -> float | None:
    if kind == "cgroup2":
        quota, _, period = (files.text(f"{directory}/cpu.max") or "").partition(" ")
    else:
        quota = files.text(f"{directory}/cpu.cfs_quota_us") or ""
        period = files.text(f"{directory}/cpu.cfs_period_us") or ""
    if not (quota.isdigit() and period.isdigit()) or int(period) == 0 or int(quota) == 0:
        return None  # "max" in v2, -1 in v1
    return int(quota) / int(period)
