"""Keeps one rank: starts it where the launcher put this process, passes on all that it says, ends it in time.

Shipped to every host in the command line (``shipping.py``), so it needs nothing there but a Python of 3.7 or newer.
What the rank writes to stdout, stderr and its answer descriptor goes to this process's stdout in short lines of their
own, which survive being mixed with other ranks' lines and with the launcher's. The rank dies with this process, with
the connection to whoever started it, and at its time limit, whichever is first.
"""

import base64
import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import zlib

PIECE_BYTES = 1500
POLL_MS = 200
GRACE_S = 2.0
PR_SET_PDEATHSIG = 1
SIOCGIFADDR = 0x8915
CHILD = "import sys;exec(compile(sys.stdin.read(),'<ipexenv rank>','exec'))"

RANKS = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK")
LOCAL_RANKS = ("MPI_LOCALRANKID", "OMPI_COMM_WORLD_LOCAL_RANK")
LOCAL_SIZES = ("MPI_LOCALNRANKS", "OMPI_COMM_WORLD_LOCAL_SIZE")


def first_number(names, default):
    """Return the first of the variables that holds a number."""
    for name in names:
        text = os.environ.get(name, "")
        if text.isdigit():
            return int(text)
    return default


class Told:
    """The lines that go back."""

    def __init__(self, rank):
        self.rank = rank
        self.count = 0
        self.kept = []
        self.broken = False

    def tell(self, kind, data):
        """Send bytes of one kind: ``a`` answer, ``o`` stdout, ``e`` stderr, ``x`` how it ended."""
        for start in range(0, len(data), PIECE_BYTES):
            text = base64.b64encode(data[start : start + PIECE_BYTES]).decode()
            head = "%d %d %s %s" % (self.rank, self.count, kind, text)
            line = ("\n@ipexenv %s %08x\n" % (head, zlib.crc32(head.encode()))).encode()
            self.count += 1
            if kind in "ax":
                self.kept.append(line)
            self.write(line)

    def again(self):
        """Send the answers once more: a line that was torn apart on its way comes whole the second time."""
        for line in self.kept:
            self.write(line)

    def write(self, data):
        while data and not self.broken:
            try:
                data = data[os.write(1, data) :]
            except BlockingIOError:
                select.select([], [1], [], 1.0)
            except OSError:
                self.broken = True


def interface_towards(address):
    """Return the interface on the way to an address, or the one that has it; None where there is no way."""
    try:
        target = socket.getaddrinfo(address, 1, socket.AF_INET, socket.SOCK_DGRAM)[0][4]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(target)
            own = socket.inet_aton(probe.getsockname()[0])
            return interface_of(probe, own)
    except OSError:
        return None


def interface_of(probe, own):
    import fcntl

    for _, name in socket.if_nameindex():
        try:
            answer = fcntl.ioctl(probe.fileno(), SIOCGIFADDR, name.encode()[:15].ljust(256, b"\0"))
        except OSError:
            continue
        if answer[20:24] == own:
            # An address of this host is reached over loopback, and belongs to the interface that others know.
            return name
    return None


def environment(order, rank, local_rank, local_size):
    """Return the environment of the rank: this host's, the sender's, its place, and what depends on the host."""
    env = dict(os.environ, **order["env"])
    place = {
        "RANK": rank,
        "WORLD_SIZE": len(order["seats"]),
        "LOCAL_RANK": local_rank,
        "LOCAL_WORLD_SIZE": local_size,
        "MASTER_ADDR": order["master_address"],
        "MASTER_PORT": order["master_port"],
    }
    env.update({name: str(value) for name, value in place.items() if value is not None})
    cpus = sorted(os.sched_getaffinity(0))
    env.setdefault("OMP_NUM_THREADS", str(max(len(cpus) // local_size, 1)))
    interface = interface_towards(order["master_address"]) if order["master_address"] else None
    for name in order["interface_variables"]:
        if interface:
            env.setdefault(name, interface)
    if order["places_oneccl"]:
        env.update(CCL_LOCAL_RANK=str(local_rank), CCL_LOCAL_SIZE=str(local_size))
        if env.get("CCL_WORKER_COUNT", "1") == "1":
            pinned = [str(cpus[-1 - each % len(cpus)]) for each in range(local_size)]
            env.setdefault("CCL_WORKER_AFFINITY", ",".join(pinned))
    return env


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

    def __init__(self, order, told, env, rank):
        answer_read, answer_write = os.pipe()
        self.started = time.monotonic()
        self.told = told
        self.ended = False
        env["IPEXENV_ANSWER_FD"] = str(answer_write)
        parent = os.getpid()
        libc = ctypes.CDLL(None)

        def die_with_parent():
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)

        os.set_inheritable(answer_write, True)  # noqa: FBT003 (it takes no keyword)
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-u", "-c", CHILD, json.dumps(dict(order["request"], rank=rank))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            close_fds=False,  # mpirun's own descriptors are the rank's
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 (no thread has been started)
        )
        os.close(answer_write)
        self.pipes = {
            self.process.stdout.fileno(): "o",
            self.process.stderr.fileno(): "e",
            answer_read: "a",
        }
        try:
            self.process.stdin.write(program(order))
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
            expired = expired or now - self.started > limit_s
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
        if data:
            self.told.tell(self.pipes[fd], data)
        else:
            poll.unregister(fd)
            del self.pipes[fd]


def main():
    order = json.loads(zlib.decompress(base64.b64decode(sys.argv[2])).decode())
    rank = order["rank"] if order["rank"] is not None else first_number(RANKS, None)
    if rank is None or rank >= len(order["seats"]):
        sys.exit("ipexenv: this launcher does not say which rank a process is")
    seat = order["seats"][rank]
    stopped = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda signum, _frame: stopped.append(signum))
    told = Told(rank)
    under = order["rank"] is None
    local_rank = first_number(LOCAL_RANKS, seat[1]) if under else seat[1]
    local_size = first_number(LOCAL_SIZES, seat[2]) if under else seat[2]
    kept = Rank(order, told, environment(order, rank, local_rank, local_size), rank)
    expired = kept.keep(order["limit_s"], stopped)
    ending = {
        "returncode": kept.process.returncode,
        "timed_out": expired,
        "ended": kept.ended,
        "seconds": time.monotonic() - kept.started,
        "host": socket.gethostname(),
    }
    told.tell("x", json.dumps(ending).encode())
    told.again()
    os._exit(0 if kept.process.returncode == 0 else 1)


main()
