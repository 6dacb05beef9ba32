"""Tell which wheels this Python brings for new environments; started as ``TARGET -I _target_bundled.py``.

Standard library only, Python 3.7 syntax. They are what ``ensurepip`` would install: pip, and setuptools up to 3.11.
"""

import json
import os
import sys
import sysconfig


def bundled():
    """Return one wheel for each project; nothing where a project has none or several."""
    import ensurepip

    folders = [os.path.join(os.path.dirname(os.path.abspath(ensurepip.__file__)), "_bundled")]
    folders.insert(0, sysconfig.get_config_var("WHEEL_PKG_DIR"))  # where distributions keep them
    projects = ["pip"] if sys.version_info >= (3, 12) else ["pip", "setuptools"]
    names = [(folder, name) for folder in folders if folder and os.path.isdir(folder) for name in os.listdir(folder)]
    found = []
    for project in projects:
        wheels = [
            os.path.join(folder, name)
            for folder, name in names
            if name.startswith(project + "-") and name.endswith(".whl")
        ]
        if len(wheels) != 1:
            return []
        found += wheels
    return found


def main():
    try:
        answer = bundled()
    except (ImportError, OSError):
        answer = []
    os.write(int(os.environ["IPEXENV_ANSWER_FD"]), json.dumps(answer).encode("ascii"))


if __name__ == "__main__":
    main()
