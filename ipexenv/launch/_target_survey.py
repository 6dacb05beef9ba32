"""Look at one host before ranks are started there: is the target whole, what has the host, which way leads to others.

Shipped to the host in the command line (``shipping.py``); standard library only, Python 3.7 syntax.
"""

import base64
import glob
import importlib.util
import json
import os
import re
import resource
import shutil
import socket
import struct
import subprocess
import sys
import zlib

import _target_place as place
import _target_topology as topology
from _target_telling import Told

SIOCGIFFLAGS = 0x8913
UP, LOOPBACK = 0x1, 0x8
INFO = re.compile(r"(?P<name>[A-Za-z0-9_.]+)-(?P<version>[^-]+?)(?:-py[0-9.]+)?\.(?:dist-info|egg-info)")


def version_of(name):
    """Return the version that a package's version.py tells; the package itself is not imported, which takes seconds."""
    folder = folder_of(name)
    if folder is None:
        return None
    try:
        with open(os.path.join(folder, "version.py"), encoding="utf-8") as file:
            match = re.search(r"^__version__[^=\n]*=\s*['\"]([^'\"]+)", file.read(), re.MULTILINE)
    except OSError:
        return ""
    return match.group(1) if match else ""


def folder_of(name):
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    return os.path.dirname(found.origin) if found is not None and found.origin else None


def distributions(names):
    """Return the versions of installed distributions, by the names of their metadata; the first on the path counts."""
    wanted = {re.sub(r"[-_.]+", "-", name).lower(): name for name in names}
    found = {}
    for folder in sys.path:
        try:
            entries = sorted(os.listdir(folder or "."))
        except OSError:
            continue
        for entry in entries:
            match = INFO.match(entry)
            name = wanted.get(re.sub(r"[-_.]+", "-", match.group("name")).lower()) if match else None
            if name is not None:
                found.setdefault(name, match.group("version"))
    return found


def address_towards(name):
    """Return this host's IPv4 address on the way to another, None where it knows no way; nothing is sent."""
    try:
        target = socket.getaddrinfo(name, 1, socket.AF_INET, socket.SOCK_DGRAM)[0][4]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(target)
            return probe.getsockname()[0]
    except OSError:
        return None


def links():
    """Return name and IPv4 address of all interfaces that are up, but loopback."""
    import fcntl

    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            request = name.encode()[:15].ljust(256, b"\0")
            try:
                flags = struct.unpack("H", fcntl.ioctl(probe.fileno(), SIOCGIFFLAGS, request)[16:18])[0]
                address = socket.inet_ntoa(fcntl.ioctl(probe.fileno(), place.SIOCGIFADDR, request)[20:24])
            except OSError:
                continue
            if flags & UP and not flags & LOOPBACK:
                found.append([name, address])
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("", 0))
        return probe.getsockname()[1]


def first_file(patterns):
    """Return the first file that matches one of the patterns, the highest name of each pattern first."""
    for pattern in patterns:
        found = sorted(glob.glob(pattern.replace("{prefix}", sys.prefix)), reverse=True)
        if found:
            return found[0]
    return None


def openmp():
    """Return whose OpenMP runtime lies beside torch's libraries; None where torch links the system's."""
    folder = folder_of("torch")
    names = os.listdir(os.path.join(folder, "lib")) if folder and os.path.isdir(os.path.join(folder, "lib")) else []
    for begin, runtime in (("libiomp5", "intel"), ("libgomp", "gnu"), ("libomp", "llvm")):
        if any(name.startswith(begin) for name in names):
            return runtime
    return None


def numactl_works():
    """Say whether numactl is there and may bind memory, which containers mostly forbid."""
    if shutil.which("numactl") is None:
        return False
    try:
        command = ["numactl", "--localalloc", "true"]
        return (
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0
        )
    except OSError:
        return False


def look(order, name):
    if order["site_packages"]:
        sys.path.append(order["site_packages"])
    others = [other for other in order["hosts"] if other != name]
    ways = (address_towards(other.rpartition("@")[2]) for other in others)
    package = next(filter(None, map(folder_of, order.get("packages", ()))), None)
    return {
        "hostname": socket.gethostname(),
        "python": "%d.%d.%d" % sys.version_info[:3],
        "torch": version_of("torch"),
        "missing": [module for module in order["modules"] if importlib.util.find_spec(module) is None],
        "versions": distributions(order.get("distributions", ())),
        "cpus": len(os.sched_getaffinity(0)),
        "addresses": [way for way in ways if way and not way.startswith("127.")],
        "reached_at": (os.environ.get("SSH_CONNECTION", "").split() + [""] * 3)[2] or None,
        "links": links(),
        "port": free_port(),
        "topology": topology.gather() if order.get("topology") else None,
        "open_files": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        "absent": [path for path in order.get("paths", ()) if not os.path.exists(path)],
        "files": {key: first_file(patterns) for key, patterns in order.get("files", {}).items()},
        "openmp": openmp(),
        "numactl": numactl_works(),
        "package": package,
        "folders": [
            each for each in order.get("folders", ()) if package and os.path.isdir(os.path.join(package, each))
        ],
    }


def main():
    order = json.loads(zlib.decompress(base64.b64decode(sys.argv[2])).decode())
    name = order["own"] or os.environ.get("SLURMD_NODENAME") or socket.gethostname()
    if name not in order["hosts"]:
        sys.exit("ipexenv: this host calls itself %s, and is none of those that were asked" % name)
    told = Told(order["hosts"].index(name))
    told.tell("a", zlib.compress(json.dumps(look(order, name)).encode()))
    told.again()
