"""How the children of ``verify`` tell what they do; loaded by the other ``_target_*.py`` of this folder.

Standard library only, Python 3.7 syntax. Records are JSON lines on the answer descriptor, written at once, so that a
crash cannot take back what was already proven. The same marks go to stdout and stderr, so that the parent can tell
which check made which noise.
"""

import faulthandler
import json
import os
import signal
import site
import sys
import time
import traceback

MOST_CAUSES = 4
MARK = "== ipexenv: %s %s =="


class FailedError(Exception):
    """A check found something wrong; the text says what."""


class Records:
    """Writes records of one check after the other."""

    def __init__(self, limit_s):
        self.fd = int(os.environ["IPEXENV_ANSWER_FD"])
        self.limit_s = limit_s
        self.check = None
        self.started = 0.0

    def write(self, event, **fields):
        line = json.dumps(dict(fields, check=self.check, event=event), default=str) + "\n"
        data = line.encode()
        while data:
            data = data[os.write(self.fd, data) :]

    def stage(self, name):
        """Say what begins now: the last stage is where a crash or a hang happened."""
        self.write("stage", stage=name)

    def run(self, check, prove):
        """Run one check with its own time limit; return whether it came to its end.

        The limit is a thread of faulthandler's: it fires even where C code holds the interpreter, prints where every
        thread hangs and ends the process.
        """
        self.check = check
        self.started = time.monotonic()
        self._mark("begin")
        self.write("begin")
        faulthandler.dump_traceback_later(self.limit_s, exit=True)
        try:
            data = prove(self)
        except BaseException as error:  # SystemExit too: the guard of IPEX calls exit(127)
            self.write("error", seconds=self.seconds(), **description(error))
            return False
        else:
            self.write("end", seconds=self.seconds(), data=data)
            return True
        finally:
            faulthandler.cancel_dump_traceback_later()
            self._mark("end")

    def seconds(self):
        return time.monotonic() - self.started

    def _mark(self, what):
        for stream in (sys.stdout, sys.stderr):
            stream.write("\n" + MARK % (self.check, what) + "\n")
            stream.flush()


def description(error):
    """Return what is known of an exception as plain data, without the frames of this folder and of importlib."""
    here = os.path.dirname(os.path.abspath(__file__))
    strange = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((here, "<frozen "))
        and os.path.basename(os.path.dirname(frame.filename)) != "importlib"
    ]
    lines = traceback.format_list(strange) + traceback.format_exception_only(type(error), error)
    cause = error
    for _ in range(MOST_CAUSES):
        cause = cause.__cause__ or cause.__context__
        if cause is None:
            break
        lines += ["caused by ", *traceback.format_exception_only(type(cause), cause)]
    return {
        "type": type(error).__name__,
        "message": str(error),
        "exit_code": error.code if isinstance(error, SystemExit) and isinstance(error.code, int) else None,
        "trace": "".join(lines)[-4000:],
    }


def prepare(site_packages):
    """Make crashes and hangs tell where they happened, and find what was installed for this user (-I hides it)."""
    faulthandler.enable()
    faulthandler.register(signal.SIGTERM, all_threads=True, chain=True)
    if site_packages and site_packages not in sys.path:
        site.addsitedir(site_packages)


def mapped_libraries(*beginnings):
    """Return the paths of the mapped shared libraries whose file names begin so, from /proc/self/maps."""
    found = set()
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        for line in maps:
            path = line.rstrip("\n").split(None, 5)[-1]
            if path.startswith("/") and os.path.basename(path).startswith(beginnings):
                found.add(path)
    return sorted(found)
