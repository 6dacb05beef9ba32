"""Tell about the Python that runs this file; started as ``TARGET -I _target.py``.

Standard library only, and of that only what start-up has loaded already (os, site, sys): every further import costs
milliseconds that each ``ipexenv status`` pays. Python 3.6 can still run it, so that it can say that it is too old.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import os
import site
import sys

BEYOND_BMP = 0xFFFF


def quoted(text):
    """Return ``text`` as a JSON string in ASCII; the json module would double the run time of this file."""
    parts = []
    for character in text:
        code = ord(character)
        if code > BEYOND_BMP:
            code -= BEYOND_BMP + 1
            parts.append("\\u%04x\\u%04x" % (0xD800 + (code >> 10), 0xDC00 + (code & 0x3FF)))
        elif not " " <= character <= "~" or character in '"\\':
            parts.append("\\u%04x" % code)
        else:
            parts.append(character)
    return '"' + "".join(parts) + '"'


def document(value):
    """Return ``value`` as JSON: None, booleans, integers, strings, lists and dictionaries with string keys."""
    if value is None:
        return "null"
    if value is True or value is False:
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        return "{" + ",".join(quoted(key) + ":" + document(item) for key, item in sorted(value.items())) + "}"
    return "[" + ",".join(document(item) for item in value) + "]"


def is_virtual():
    return sys.prefix != getattr(sys, "base_prefix", sys.prefix)


def python_version():
    info = sys.version_info
    suffix = {"alpha": "a", "beta": "b", "candidate": "rc"}.get(info[3])
    return "%d.%d.%d" % info[:3] + ("" if suffix is None else "%s%d" % (suffix, info[4]))


def site_packages():
    """Return the directories that pip would install to, best first; the first is platlib on every known layout."""
    return [folder for folder in site.getsitepackages() if folder.startswith((sys.prefix, sys.exec_prefix, "/usr"))]


def user_site():
    """Return the user's site directory if this Python would use it outside of -I, else None."""
    if os.environ.get("PYTHONNOUSERSITE") or os.getuid() != os.geteuid() or os.getgid() != os.getegid():
        return None
    if is_virtual() and len(site.PREFIXES) == 1:  # include-system-site-packages = true adds the base prefix
        return None
    return site.getusersitepackages()


def search_path():
    """Return where modules that are not of the standard library come from, in order."""
    library = os.path.dirname(os.__file__)
    found = []
    for folder in [user_site(), *sys.path]:
        if not folder or folder == library or folder.endswith((".zip", "lib-dynload")) or folder in found:
            continue
        found.append(folder)
    return found


def externally_managed():
    """Return the marker of PEP 668, which counts outside of virtual environments only."""
    marker = os.path.join(os.path.dirname(os.__file__), "EXTERNALLY-MANAGED")
    return marker if os.path.isfile(marker) and not is_virtual() else None


def writable(folder):
    """Say whether files can be made in ``folder``, or in its nearest parent that exists."""
    while not os.path.isdir(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    return os.access(folder, os.W_OK | os.X_OK)


def writable_folders():
    return {folder: writable(folder) for folder in [*site_packages(), user_site()] if folder}


def glibc():
    """Return ``glibc 2.36``; other C libraries know no such name and raise ValueError."""
    return os.confstr("CS_GNU_LIBC_VERSION")


def mapped_libraries():
    """Return paths of the C library's loader and of libpython as mapped into this process."""
    found = []
    with open("/proc/self/maps", "rb") as lines:
        for line in lines:
            path = line.split(None, 5)[5:]
            text = path[0].rstrip(b"\n").decode("utf-8", "surrogateescape") if path else ""
            name = os.path.basename(text)
            if name.startswith(("ld-", "libpython")) and text not in found:
                found.append(text)
    return found


FACTS = {
    "version": python_version,
    "implementation": lambda: sys.implementation.name,
    "executable": lambda: sys.executable,
    "prefix": lambda: sys.prefix,
    "base_prefix": lambda: getattr(sys, "base_prefix", sys.prefix),
    "virtual": is_virtual,
    "conda": lambda: os.path.isdir(os.path.join(sys.prefix, "conda-meta")),
    "base_conda": lambda: os.path.isdir(os.path.join(getattr(sys, "base_prefix", sys.prefix), "conda-meta")),
    "site_packages": site_packages,
    "user_site": user_site,
    "search_path": search_path,
    "writable": writable_folders,
    "externally_managed": externally_managed,
    "abiflags": lambda: sys.abiflags,
    "multiarch": lambda: getattr(sys.implementation, "_multiarch", None),
    "bits": lambda: 64 if sys.maxsize > 2**32 else 32,
    "system": lambda: os.uname()[0],
    "kernel": lambda: os.uname()[2],
    "machine": lambda: os.uname()[4],
    "glibc": glibc,
    "mapped": mapped_libraries,
}


def main():
    answer = {}
    for name, tell in FACTS.items():
        try:
            answer[name] = tell()
        except Exception:
            answer[name] = None
    os.write(int(os.environ["IPEXENV_ANSWER_FD"]), document(answer).encode("ascii"))


if __name__ == "__main__":
    main()
