"""Tell what ``ipexenv.probe.topology`` reads of a host: its files as text, CPU affinity, size of /dev/shm.

Sent to other hosts as text; standard library only, Python 3.7 syntax. ``gather()`` returns plain JSON data. Started as
a program it prints that as one line; put into another script it does nothing by itself.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import glob
import json
import os

CPU = "/sys/devices/system/cpu"
PATTERNS = (
    "/etc/os-release",
    "/proc/self/cgroup",
    "/proc/self/cpuset",
    "/sys/devices/cpu_core/cpus",
    CPU + "/online",
    CPU + "/cpu[0-9]*/online",
    CPU + "/cpu[0-9]*/cpu_capacity",
    CPU + "/cpu[0-9]*/cpufreq/cpuinfo_max_freq",
    CPU + "/cpu[0-9]*/topology/core_id",
    CPU + "/cpu[0-9]*/topology/physical_package_id",
    CPU + "/cpu[0-9]*/topology/die_id",
    "/sys/devices/system/node/node[0-9]*/cpulist",
)
# The newest name that is there; the others say the same.
EITHER = (
    ("core_cpus_list", "thread_siblings_list", "thread_siblings"),
    ("package_cpus_list", "core_siblings_list", "core_siblings"),
)
CGROUP_KINDS = ("cgroup", "cgroup2", "cpuset")
CGROUP_FILES = (
    "cpuset.cpus.effective",
    "cpuset.effective_cpus",
    "cpuset.cpus",
    "effective_cpus",
    "cpus",
    "cpu.max",
    "cpu.cfs_quota_us",
    "cpu.cfs_period_us",
)


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "replace")
    except (OSError, ValueError):
        return None


def parents(path):
    """Return a group's path and those of its parents, without slashes at the ends; the last is the mount itself."""
    parts = [part for part in path.split("/") if part and part != ".."]
    return ["/".join(parts[:count]) for count in range(len(parts), -1, -1)]


def cgroup_mounts():
    """Return the file that lists mounts, its lines about control groups, and those mounts' points and tops."""
    path, place, top, kind = "/proc/self/mountinfo", 4, 3, " - "
    text = read(path)
    if text is None:
        path, place, top, kind = "/proc/mounts", 1, None, None
        text = read(path) or ""
    kept, points = [], []
    for line in text.splitlines():
        columns = line.split(" ")
        name = line.partition(kind)[2].split(" ")[0] if kind else (columns + [""] * 3)[2]
        if name in CGROUP_KINDS and len(columns) > place:
            kept.append(line)
            points.append((columns[place], columns[top] if top else "/"))
    return path, "\n".join(kept), points


def cgroup_files(groups):
    """Return the paths of all files about CPUs in this process's groups and above them."""
    _, _, points = cgroup_mounts()
    found = []
    for point, top in points:
        inside = set()
        for group in groups:
            below = group[len(top) :] if top != "/" and (group + "/").startswith(top.rstrip("/") + "/") else group
            inside.update(parents(below))
        for folder in inside:
            found += ["/".join([point.rstrip("/"), folder, name]).replace("//", "/") for name in CGROUP_FILES]
    return found


def paths():
    found = [path for pattern in PATTERNS for path in glob.glob(pattern)]
    for names in EITHER:
        for name in names:
            matches = glob.glob(CPU + "/cpu[0-9]*/topology/" + name)
            if matches:
                found += matches
                break
    if not any(path.endswith("/cpulist") for path in found):
        found += glob.glob("/sys/devices/system/node/node[0-9]*/cpumap")
    groups = [line.split(":", 2)[-1] for line in (read("/proc/self/cgroup") or "").splitlines()]
    groups.append((read("/proc/self/cpuset") or "/").strip())
    return found + cgroup_files(groups)


def gather():
    """Return ``files`` (text by path), ``affinity`` (units or None) and ``shm_bytes``."""
    files = {path: text for path, text in ((path, read(path)) for path in paths()) if text is not None}
    mounts, lines, _ = cgroup_mounts()
    files[mounts] = lines
    cpuinfo = read("/proc/cpuinfo") or ""
    # One unit's block is enough where /sys knows the cores: all blocks are 200 kB on a large machine.
    known = any("/topology/" in path for path in files)
    files["/proc/cpuinfo"] = cpuinfo.partition("\n\n")[0] if known else cpuinfo
    try:
        affinity = sorted(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        affinity = None
    try:
        state = os.statvfs("/dev/shm")  # noqa: S108 (its size alone)
        shm_bytes = state.f_blocks * state.f_frsize
    except OSError:
        shm_bytes = None
    return {"files": files, "affinity": affinity, "shm_bytes": shm_bytes}


if __name__ == "__main__":
    print(json.dumps(gather()))
