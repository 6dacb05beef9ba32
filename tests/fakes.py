"""Stand-ins for the outside world, typed against the Protocols of ``ipexenv.system``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from packaging.version import Version

from ipexenv.facts import Cpu, Facts, Host, Installed, IsaLevel, Libc, Package, Target, Topology, TorchPackage
from ipexenv.system.http import USUAL_ACCESS, Access, Page, Piece, UnreachableError
from ipexenv.system.runner import Finished

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass
class FakeRunner:
    """Answers programs from a list of (words that the command line must hold, how it ends)."""

    endings: list[tuple[tuple[str, ...], Finished]] = field(default_factory=list)
    calls: list[tuple[str, ...]] = field(default_factory=list)
    environments: list[Mapping[str, str] | None] = field(default_factory=list)

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        answer: bool = False,
        on_line: Callable[[str], None] | None = None,
    ) -> Finished:
        self.calls.append(tuple(argv))
        self.environments.append(env)
        line = " ".join(argv)
        for words, finished in self.endings:
            if all(word in line for word in words):
                if on_line is not None:
                    for text in finished.stdout.splitlines():
                        on_line(text)
                return finished
        message = f"FakeRunner has no ending for: {line}"
        raise AssertionError(message)


def finished(
    returncode: int = 0,
    *,
    stdout: str = "",
    stderr: str = "",
    answer: bytes = b"",
    timed_out: bool = False,
) -> Finished:
    """Return how a program ended."""
    return Finished(
        argv=("fake",),
        returncode=returncode,
        stdout=stdout,
        stderr=stderr,
        answer=answer,
        timed_out=timed_out,
        seconds=0.0,
    )


@dataclass
class FakeHttp:
    """Serves pages from a mapping; everything else is unreachable."""

    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def get(self, url: str, *, accept: str, limit_s: float, max_bytes: int, access: Access = USUAL_ACCESS) -> Page:
        self.asked.append(url)
        if url in self.pages:
            return self.pages[url]
        raise UnreachableError("connection refused")

    def get_range(
        self, url: str, *, start: int, size_bytes: int, limit_s: float, access: Access = USUAL_ACCESS
    ) -> Piece:
        body = self.get(url, accept="*/*", limit_s=limit_s, max_bytes=size_bytes, access=access).body
        return Piece(body=body[start : start + size_bytes], whole_bytes=len(body))

    def save(self, url: str, file: IO[bytes], *, limit_s: float, max_bytes: int, access: Access = USUAL_ACCESS) -> None:
        file.write(self.get(url, accept="*/*", limit_s=limit_s, max_bytes=max_bytes, access=access).body)


@dataclass
class FakeKernel:
    """Answers system calls with fixed values."""

    amx: bool | None = None
    xfeatures: int | None = None
    cpus: frozenset[int] | None = frozenset({0, 1})
    size_bytes: int | None = 1 << 30

    def request_amx(self) -> bool | None:
        return self.amx

    def supported_xfeatures(self) -> int | None:
        return self.xfeatures

    def affinity(self) -> frozenset[int] | None:
        return self.cpus

    def filesystem_bytes(self, path: str) -> int | None:
        return self.size_bytes


def facts(
    *,
    torch: str | None = None,
    ipex: str | None = None,
    python: str = "3.11.7",
    glibc: str | None = "2.36",
    isa: IsaLevel | None = IsaLevel.AVX2,
) -> Facts:
    """Return facts of an ordinary machine: Debian 12, two cores."""
    return Facts(
        host=Host(
            libc=Libc(family="glibc", version=None if glibc is None else Version(glibc)),
            cpu=Cpu(vendor="GenuineIntel", flags=("avx2", "fma"), isa=isa),
            topology=Topology(
                sockets=1, numa_nodes=1, physical_cores=2, logical_cpus=2, usable_cpus=(0, 1), usable_cores=2
            ),
            shm_bytes=1 << 30,
        ),
        target=Target(
            version=Version(python),
            executable="/env/bin/python",
            prefix="/env",
            writable=True,
            glibcxx=Version("3.4.30"),
        ),
        installed=Installed(
            torch=None if torch is None else TorchPackage(name="torch", version=Version(torch)),
            ipex=None if ipex is None else Package(name="intel_extension_for_pytorch", version=Version(ipex)),
        ),
        learnt=(("host.libc", "made up"),),
    )
