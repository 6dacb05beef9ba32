"""A script that tells how it finds itself, and does what a disturbed interpreter would fail at."""

import json
import multiprocessing
import os
import pickle
import sys
import threading


class Thing:
    """Something that is pickled by reference."""


def double(number):
    return number * 2


def main():
    if "fails" in sys.argv:
        double(None)
    loader = type(__loader__).__name__
    told = {
        "argv": sys.argv,
        "path": [folder for folder in sys.path if "/proc/" in folder] + sys.path[:1],
        "main": [__name__, os.path.abspath(__file__), __spec__ and __spec__.name, loader],
        "left": sorted(name for name in os.environ if name.startswith(("IPEXENV_WATCH", "PYTHONPATH"))),
        "customized": "sitecustomize" in sys.modules,
        "threads": threading.active_count(),
        "pickled": pickle.loads(pickle.dumps(Thing())).__class__ is Thing,  # noqa: S301 (its own)
    }
    for way in ("spawn", "fork"):
        with multiprocessing.get_context(way).Pool(1) as pool:
            told[way] = pool.map(double, [1, 2])
    os.write(1, f"{json.dumps(told)}\n".encode())  # whole: a launcher passes on what comes, from all ranks


if __name__ == "__main__":
    main()
