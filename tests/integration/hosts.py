"""Several "hosts" on this machine: namespaces with their own network, name, processes and shared memory, and an sshd.

Nothing is made outside of the namespaces, and each lives as long as its first process: when the test ends, in whatever
way, that process dies, the kernel kills all others in there, and interfaces and mounts go with them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PROGRAMS = ("ip", "unshare", "nsenter", "setpriv", "ssh", "sshd", "ssh-keygen")
NETWORK = "10.77.0"
"""Addresses of the hosts, all in one network: NETWORK.1, NETWORK.2 and so on."""

NOWHERE = "10.88"
"""An interface that leads nowhere has the address NOWHERE.<host>.1, in a network of its own."""

_START_LIMIT_S = 120.0
_SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def why_not() -> str | None:
    """Return why no hosts can be made here, None where they can."""
    if os.geteuid() != 0:
        return "hosts made of namespaces need root"
    missing = [name for name in PROGRAMS if program(name) is None]
    if missing:
        return f"hosts made of namespaces need {', '.join(missing)} (iproute2, openssh-server, util-linux)"
    trial = [program("unshare") or "", "--mount", "--uts", "--net", "--pid", "--fork", "--mount-proc"]
    ended = subprocess.run(
        [*trial, "ip", "link", "add", "name", "one", "type", "veth", "peer", "name", "other"],
        capture_output=True,
        check=False,
    )
    if ended.returncode != 0:
        return f"namespaces with interfaces are not allowed here: {ended.stderr.decode(errors='replace').strip()}"
    return None


def program(name: str) -> str | None:
    """Return the path of a program, also where administrators' programs are not on PATH."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), *_SBIN]))


def _do(*words: str, text: str | None = None) -> None:
    ended = subprocess.run(words, capture_output=True, check=False, text=True, timeout=_START_LIMIT_S, input=text)
    assert ended.returncode == 0, f"{' '.join(words)}\n{ended.stdout}{ended.stderr}"


@dataclass
class Host:
    """One host: a set of namespaces, and how to run programs in there."""

    name: str
    address: str
    holder: subprocess.Popen[bytes]
    pid: int
    """Of its first process, as this machine counts."""

    def enter(self, *words: str | Path) -> list[str]:
        """Return the command line that runs ``words`` on the host."""
        namespaces = ("--mount", "--uts", "--net", "--pid", "--ipc")
        return ["nsenter", f"--target={self.pid}", *namespaces, "--", *map(str, words)]

    def do(self, *words: str) -> None:
        """Run a program that must succeed."""
        _do(*self.enter(*words))

    def run(
        self, *words: str | Path, limit_s: float, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end."""
        return subprocess.run(self.enter(*words), capture_output=True, text=True, check=False, timeout=limit_s, env=env)

    def start(self, *words: str | Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a program."""
        return subprocess.Popen(
            self.enter(*words),
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def processes(self) -> dict[int, str]:
        """Return id (on this machine) and command line of all processes on the host but its first one and sshd."""
        namespace = Path(f"/proc/{self.pid}/ns/pid").readlink()
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == self.pid:
                continue
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                if (entry / "ns" / "pid").readlink() == namespace and words and not words.startswith("sshd: /"):
                    found[int(entry.name)] = words
        return found

    def wait_until_quiet(self, limit_s: float = 60.0) -> dict[int, str]:
        """Wait until nothing runs on the host any more; return what still does after the limit."""
        deadline = time.monotonic() + limit_s
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return left

    def segments(self) -> list[str]:
        """Return what lies in the shared memory of the host."""
        return [path.name for path in Path(f"/proc/{self.pid}/root/dev/shm").iterdir()]


@dataclass
class Cluster:
    """Hosts that reach each other."""

    hosts: list[Host] = field(default_factory=list)
    switch: Host | None = None

    def __getitem__(self, index: int) -> Host:
        return self.hosts[index]

    def hostfile(self, folder: Path, *lines: str) -> Path:
        """Write a hostfile: the given lines, or the names of all hosts."""
        path = folder / "hostfile"
        path.write_text("\n".join(lines or [host.name for host in self.hosts]) + "\n", encoding="utf-8")
        return path

    def left_over(self) -> dict[str, object]:
        """Return the processes and the shared memory that are left on any host, empty where there are none."""
        processes = {host.name: running for host in self.hosts if (running := host.wait_until_quiet())}
        segments = {f"{host.name} shm": lying for host in self.hosts if (lying := host.segments())}
        return {**processes, **segments}


@contextlib.contextmanager
def cluster(folder: Path, count: int = 2, *, names: Sequence[str] | None = None) -> Iterator[Cluster]:
    """Make so many hosts, joined by a switch, that let each other in by ssh without a password."""
    made = Cluster()
    holders: list[subprocess.Popen[bytes]] = []
    try:
        made.switch = _make("switch", "", holders)
        made.switch.do("ip", "link", "add", "switch", "type", "bridge")
        made.switch.do("ip", "link", "set", "switch", "up")
        for index, name in enumerate(names or [f"node{number + 1}" for number in range(count)]):
            host = _make(name, f"{NETWORK}.{index + 1}", holders)
            made.hosts.append(host)
            _plug(host, made.switch, index)
        _open_doors(folder, made.hosts)
        yield made
    finally:
        for holder in holders:
            holder.kill()
        for holder in holders:
            holder.wait()


def _make(name: str, address: str, holders: list[subprocess.Popen[bytes]]) -> Host:
    """Start the first process of a host; all of it dies with this test's process."""
    words = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--uts", "--net", "--pid", "--ipc"]
    words += ["--fork", "--kill-child", "--mount-proc", "sh", "-c", "echo; exec sleep infinity"]
    holder = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    holders.append(holder)
    assert holder.stdout is not None
    with holder.stdout as pipe:
        pipe.readline()
    (first,) = Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text("ascii").split()
    host = Host(name=name, address=address, holder=holder, pid=int(first))
    host.do("hostname", name)
    host.do("ip", "link", "set", "lo", "up")
    host.do("mount", "-t", "tmpfs", "-o", "size=1g,mode=1777", "tmpfs", "/dev/shm")
    return host


def _plug(host: Host, switch: Host, index: int) -> None:
    """Give the host an interface ``eth0`` that leads to the switch."""
    port = f"port{index + 1}"
    # Only the network of the switch is entered: in its process namespace the host's process has no number.
    veth = ("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", str(host.pid))
    _do("nsenter", f"--target={switch.pid}", "--net", "--", *veth)
    switch.do("ip", "link", "set", port, "master", "switch", "up")
    host.do("ip", "address", "add", f"{host.address}/24", "dev", "eth0")
    host.do("ip", "link", "set", "eth0", "up")


def add_dead_end(host: Host, index: int, name: str = "dead0") -> None:
    """Give the host one more interface, with an address and up, that leads nowhere."""
    host.do("ip", "link", "add", name, "type", "veth", "peer", "name", f"{name}end")
    host.do("ip", "link", "set", f"{name}end", "up")
    host.do("ip", "address", "add", f"{NOWHERE}.{index + 1}.1/24", "dev", name)
    host.do("ip", "link", "set", name, "up")


def _open_doors(folder: Path, hosts: Sequence[Host]) -> None:
    """Start sshd on every host, with keys made for this test, and let all hosts know each other by name."""
    folder.mkdir(parents=True, exist_ok=True)
    for key in ("host_key", "user_key"):
        _do("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key))
    shutil.copyfile(folder / "user_key.pub", folder / "authorized_keys")
    public = (folder / "host_key.pub").read_text("utf-8").strip()
    known = "".join(f"{host.name},{host.address} {public}\n" for host in hosts)
    (folder / "known_hosts").write_text(known, encoding="utf-8")
    names = "127.0.0.1 localhost\n" + "".join(f"{host.address} {host.name}\n" for host in hosts)
    (folder / "etc_hosts").write_text(names, encoding="utf-8")
    (folder / "sshd_config").write_text(_sshd_config(folder), encoding="utf-8")
    client = f"Host *\n IdentityFile {folder}/user_key\n UserKnownHostsFile {folder}/known_hosts\n"
    (folder / "ssh_config").write_text(client + " GlobalKnownHostsFile /dev/null\n", encoding="utf-8")
    for host in hosts:
        host.do("mount", "--bind", str(folder / "etc_hosts"), "/etc/hosts")
        host.do("mount", "--bind", str(folder / "ssh_config"), "/etc/ssh/ssh_config")
        host.do("mount", "-t", "tmpfs", "tmpfs", "/run")
        host.do("mkdir", "/run/sshd")
        host.do(program("sshd") or "sshd", "-f", str(folder / "sshd_config"))


def _sshd_config(folder: Path) -> str:
    lines = {
        "HostKey": folder / "host_key",
        "AuthorizedKeysFile": folder / "authorized_keys",
        "PidFile": "none",
        "PermitRootLogin": "prohibit-password",
        "PasswordAuthentication": "no",
        "StrictModes": "no",  # the keys lie in a temporary folder, which everybody may list
        "UsePAM": "no",
        "UseDNS": "no",
        "MaxStartups": "100",
    }
    return "".join(f"{key} {value}\n" for key, value in lines.items())
