"""Tell where this Python's installers put the parts of a wheel; started as ``TARGET -I _target_paths.py [user]``.

Standard library only, Python 3.7 syntax. Installers differ in details and over the years, so each kind has every folder
that pip or uv may take.
"""

import json
import os
import sys
import sysconfig

KINDS = ("purelib", "platlib", "scripts", "data", "include")


def schemes(user):
    """Return the names of the schemes of sysconfig that count."""
    preferred = getattr(sysconfig, "get_preferred_scheme", None)
    if user:
        return [preferred("user") if preferred else "posix_user"]
    default = getattr(sysconfig, "get_default_scheme", None) or sysconfig._get_default_scheme  # noqa: SLF001 (3.7 to 3.9)
    found = [default()]
    if preferred:
        found.append(preferred("prefix"))
    return found


def by_distutils(user):
    """Return where distutils would install, which is what pip goes by up to Python 3.9."""
    if sys.version_info >= (3, 10):
        return {}
    from distutils.dist import Distribution

    install = Distribution().get_command_obj("install", create=True)
    install.user = 1 if user else 0
    install.finalize_options()
    return {
        "purelib": install.install_purelib,
        "platlib": install.install_platlib,
        "scripts": install.install_scripts,
        "data": install.install_data,
        "headers": os.path.dirname(install.install_headers),
    }


def main():
    user = "user" in sys.argv[1:]
    found = {kind: [] for kind in ("purelib", "platlib", "scripts", "data", "headers")}
    for scheme in schemes(user):
        paths = sysconfig.get_paths(scheme)
        for kind in KINDS:
            found["headers" if kind == "include" else kind].append(paths[kind])
    try:
        for kind, path in by_distutils(user).items():
            found[kind].append(path)
    except Exception:  # noqa: S110 (a Python without distutils goes by sysconfig)
        pass
    python = "python%d.%d" % sys.version_info[:2]
    found["headers"].append(os.path.join(sys.prefix, "include", "site", python))
    answer = json.dumps({kind: [os.path.normpath(path) for path in paths] for kind, paths in found.items()})
    os.write(int(os.environ["IPEXENV_ANSWER_FD"]), answer.encode("ascii"))


if __name__ == "__main__":
    main()
