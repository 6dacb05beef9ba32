"""Ends what a rank has started when its keeper is killed without warning. Standard library only, Python 3.7 syntax.

The kernel kills the rank itself together with its keeper; its children, which a launcher's SIGKILL does not reach, are
found by a mark in their environment.
"""

import os
import signal
import time

MARK = "IPEXENV_JOB"
ROUNDS = 20
STDERR = 2


class Guard:
    """A process beside the keeper that outlives it."""

    def __init__(self, mark):
        """Fork it; nothing else may have been opened or started yet."""
        self.mark = mark
        read_end, self.pipe = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(self.pipe)
                watch(read_end, mark)
            finally:
                os._exit(0)
        os.close(read_end)

    def watch_over(self, pid):
        """Tell it the process, first of its group, that must not outlive the keeper."""
        self.send(b"%d\n" % pid)

    def dismiss(self):
        """Let it go: the keeper has ended everything itself."""
        self.send(b"done\n")
        os.close(self.pipe)
        try:
            os.waitpid(self.pid, 0)
        except OSError:
            pass

    def send(self, data):
        try:
            os.write(self.pipe, data)
        except OSError:
            pass  # somebody has killed it


def watch(read_end, mark):
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    kept = os.dup(read_end) if read_end <= STDERR else read_end
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        if fd > STDERR and fd != kept:
            try:
                os.close(fd)
            except OSError:
                pass
    told = b""
    while True:
        data = os.read(kept, 4096)
        if not data:
            break
        told += data
    words = told.split()
    if words and words[-1] != b"done":
        end_group(int(words[0]))
        end_marked(mark)


def end_group(pid):
    try:
        os.killpg(pid, signal.SIGKILL)
    except OSError:
        pass


def end_marked(mark):
    """Kill every process whose environment holds the mark, until none is left."""
    wanted = ("%s=%s" % (MARK, mark)).encode()
    for _ in range(ROUNDS):
        found = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if has(pid, wanted)]
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        if not found:
            return
        time.sleep(0.1)


def has(pid, wanted):
    try:
        with open("/proc/%d/environ" % pid, "rb") as file:
            return wanted in file.read().split(b"\0")
    except OSError:
        return False
