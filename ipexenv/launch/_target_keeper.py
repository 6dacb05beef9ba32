"""Keeps one rank: starts it where the launcher put this process, passes on all that it says, ends it in time.

Shipped to every host in the command line (``shipping.py``), so it needs nothing there but a Python of 3.7 or newer.
What the rank writes to stdout, stderr and its answer descriptor goes to this process's stdout in short lines of their
own, which survive being mixed with other ranks' lines and with the launcher's. The rank dies with this process, with
the connection to whoever started it, and at its time limit, whichever is first.
"""

import base64
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import zlib

import _target_place as place
from _target_guard import MARK, Guard, end_marked
from _target_telling import Told
from _target_watch import Watch

POLL_MS = 200
GRACE_S = 2.0
HEARTBEAT_S = 10.0
CHILD = "import sys;exec(compile(sys.stdin.read(),'<ipexenv rank>','exec'))"
NOT_FOUND = 127


def program(order):
    """Return the source of the rank: its modules by name, then the main one."""
    modules = json.dumps(order["modules"])
    lines = [
        "import sys, types, json",
        "modules = json.loads(%r)" % modules,
        "for name, text in modules.items():",
        "    module = types.ModuleType(name)",
        "    module.__file__ = '/ipexenv/' + name + '.py'",
        "    sys.modules[name] = module",
        "    exec(compile(text, module.__file__, 'exec'), module.__dict__)",
        "sys.exit(sys.modules[%r].main())" % order["main"],
    ]
    return "\n".join(lines).encode()


class Rank:
    """The rank's process."""

    def __init__(self, order, told, env, rank, seat):
        self.started = time.monotonic()
        self.told = told
        self.ended = False
        self.watch = Watch(order["watch"]["hook"], order["watch"]["limit_s"]) if order.get("watch") else None
        if self.watch is not None:
            self.watch.into(env)
        answer_read, answer_write = os.pipe()
        env.pop("IPEXENV_ANSWER_FD", None)  # this process's own
        if order.get("command"):
            argv, text = order["command"], b""
        else:
            argv = [sys.executable, "-I", "-u", "-c", CHILD, json.dumps(dict(order["request"], rank=rank))]
            text = program(order)
            env["IPEXENV_ANSWER_FD"] = str(answer_write)
            os.set_inheritable(answer_write, True)  # noqa: FBT003 (it takes no keyword)
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            cwd=order.get("directory"),
            close_fds=False,  # mpirun's own descriptors are the rank's
            start_new_session=True,
            preexec_fn=place.first_act(*seat),  # noqa: PLW1509 (no thread has been started)
        )
        os.close(answer_write)
        self.pipes = {self.process.stdout.fileno(): "o", self.process.stderr.fileno(): "e", answer_read: "a"}
        if self.watch is not None:
            self.watch.begun()
            self.pipes[self.watch.pipe] = "w"
        try:
            self.process.stdin.write(text)
            self.process.stdin.close()
        except OSError:
            pass  # it died at once; its exit code tells

    def signal(self, number):
        try:
            os.killpg(self.process.pid, number)
        except OSError:
            pass

    def keep(self, limit_s, stopped):
        """Pass on what it says until it has ended or must; return whether its time ran out."""
        poll = select.poll()
        for fd in self.pipes:
            poll.register(fd, select.POLLIN)
        poll.register(1, 0)  # tells only that nobody reads any more
        expired = False
        end_at = None
        while self.pipes:
            for fd, events in poll.poll(POLL_MS):
                if fd == 1:
                    self.told.broken = True
                elif fd in self.pipes and events:
                    self.pass_on(fd, poll)
            now = time.monotonic()
            self.look_after(now)
            if now - self.told.told_at > HEARTBEAT_S:
                self.told.tell("h", b".")
            expired = expired or (limit_s is not None and now - self.started > limit_s)
            if end_at is None and (expired or stopped or self.told.broken) and self.process.poll() is None:
                self.ended = not expired
                self.signal(signal.SIGTERM)
                end_at = now + GRACE_S
            if end_at is None and self.process.poll() is not None:
                end_at = now + GRACE_S  # what holds the pipes now is a child that it left behind
            if end_at is not None and now > end_at:
                break
        self.signal(signal.SIGKILL)
        self.process.wait()
        return expired

    def pass_on(self, fd, poll):
        data = os.read(fd, 1 << 16)
        if not data:
            poll.unregister(fd)
            del self.pipes[fd]
        elif self.pipes[fd] != "w":
            self.told.tell(self.pipes[fd], data)
        elif self.watch.hear(data):
            self.told.tell("w", self.watch.told())

    def look_after(self, now):
        """Ask a rank that takes too long where it stands."""
        if self.watch is not None and self.process.returncode is None and self.watch.is_due(now):
            answer = self.watch.ask()
            if answer is not None:
                self.told.tell("w", answer)


def keep(order, rank, seat, stopped):
    """Start the rank and keep it to its end; return its exit code."""
    told = Told(rank)
    under = order["rank"] is None
    local_rank = place.first_number(order.get("local_rank_variables", place.LOCAL_RANKS), seat[1]) if under else seat[1]
    local_size = place.first_number(order.get("local_size_variables", place.LOCAL_SIZES), seat[2]) if under else seat[2]
    env = place.environment(order, rank, local_rank, local_size)
    guard = None
    if order.get("mark"):
        env[MARK] = "%s.%d" % (order["mark"], rank)
        guard = Guard(env[MARK])
    told.tell("p", json.dumps({"host": socket.gethostname(), "pid": os.getpid()}).encode())
    started = time.monotonic()
    ending = {"returncode": NOT_FOUND, "timed_out": False, "ended": False}
    try:
        kept = Rank(order, told, env, rank, place.seat_of(order, rank, local_rank))
    except OSError as error:
        told.tell("e", ("%s: %s\n" % (error.filename, error.strerror)).encode())
    else:
        if guard is not None:
            guard.watch_over(kept.process.pid)
        ending["timed_out"] = kept.keep(order["limit_s"], stopped)
        ending.update(returncode=kept.process.returncode, ended=kept.ended or bool(stopped))
    if guard is not None:
        if ending["returncode"] != 0:
            end_marked(guard.mark)
        guard.dismiss()
    ending.update(seconds=time.monotonic() - started, host=socket.gethostname())
    told.tell("x", json.dumps(ending).encode())
    told.again()
    return ending["returncode"]


def main():
    order = json.loads(zlib.decompress(base64.b64decode(sys.argv[2])).decode())
    names = order.get("rank_variables", place.RANKS)
    rank = order["rank"] if order["rank"] is not None else place.first_number(names, None)
    if rank is None or rank >= len(order["seats"]):
        sys.exit("ipexenv: this launcher does not say which rank a process is")
    stopped = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda signum, _frame: stopped.append(signum))
    os._exit(0 if keep(order, rank, order["seats"][rank], stopped) == 0 else 1)
