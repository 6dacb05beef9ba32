"""Watches how far a rank has come on the way to its first collective. Standard library only, Python 3.7 syntax."""

import io
import json
import os
import select
import signal
import tempfile
import time
import zipfile

NUMBER = signal.SIGRTMIN + 10
AGAIN_S = 5.0
SETTLE_S = 2.0
LISTEN_S = 0.5
MOST_LINES = 12


class Watch:
    """What one rank tells of its progress, and what it is asked when it takes too long."""

    def __init__(self, source, limit_s):
        self.stage = "nothing"
        self.since = self.started = time.monotonic()
        self.ask_at = self.started + limit_s if limit_s else None
        self.pid = None
        self.rest = b""
        self.position = []
        self.moving = None
        self.archive = in_memory(source)
        self.pipe, self.report = os.pipe()
        for fd in (self.archive, self.report):
            os.set_inheritable(fd, True)  # noqa: FBT003 (it takes no keyword)

    def into(self, env):
        """Let the Python of the rank begin with the hook."""
        env["IPEXENV_WATCH"] = "%d,%d,%d" % (self.report, self.archive, NUMBER)
        hook = "/proc/self/fd/%d" % self.archive
        env["PYTHONPATH"] = hook + (os.pathsep + env["PYTHONPATH"] if env.get("PYTHONPATH") else "")

    def begun(self):
        """Close what is the rank's now."""
        os.close(self.archive)
        os.close(self.report)

    def hear(self, data):
        """Take what the hook writes; return whether the stage is another one."""
        *lines, self.rest = (self.rest + data).split(b"\n")
        before = self.stage
        for line in lines:
            if line.startswith(b"@started "):
                self.pid = int(line.split()[1])
            if line.startswith(b"@"):
                self.stage = line[1:].split()[0].decode()
                self.since = time.monotonic()
            elif line.lstrip().startswith(b"File "):
                self.position.append(line.strip().decode(errors="replace"))
        return self.stage != before

    def is_due(self, now):
        """Say whether the rank is late and should be asked where it stands."""
        return self.ask_at is not None and self.stage != "done" and now >= self.ask_at

    def ask(self):
        """Ask where its main thread stands; return what to tell, None after the first time, which tells no movement."""
        before = None if self.moving is None else list(self.position)
        first = self.moving is None
        self.position = []
        if self.pid is not None:
            try:
                os.kill(self.pid, NUMBER)
            except OSError:
                pass
            self.listen()
        self.moving = before is not None and before != self.position
        self.ask_at = time.monotonic() + (SETTLE_S if first else AGAIN_S)
        return None if first else self.told()

    def listen(self):
        """Hear the answer, which comes in many small pieces."""
        until = time.monotonic() + LISTEN_S
        while select.select([self.pipe], [], [], max(until - time.monotonic(), 0.0))[0]:
            data = os.read(self.pipe, 1 << 16)
            if not data:
                return
            self.hear(data)

    def told(self):
        now = time.monotonic()
        answer = {"stage": self.stage, "for_s": now - self.since, "age_s": now - self.started}
        if self.moving is not None:
            answer.update(moving=self.moving, position=self.position[:MOST_LINES])
        return json.dumps(answer).encode()


def in_memory(source):
    """Return a file that has no name, with a module ``sitecustomize`` as zip archive."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("sitecustomize.py", source)
    try:
        fd = os.memfd_create("ipexenv-hook")
    except (AttributeError, OSError):
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.write(fd, data.getvalue())
    return fd
