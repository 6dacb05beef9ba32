"""Time one large download against pip, uv and curl, each in a process of its own and without a cache.

    python benchmarks/download.py [--megabytes 200] [--limit-mb-s 40] [--latency-ms 20] [--runs 5]
    python benchmarks/download.py --requirement torch==2.8.0     # from the package index that pip is configured for

The loopback server can be slowed down: ``--limit-mb-s`` for each connection, as content delivery networks do, and
``--latency-ms`` before each answer. uv has no command that only downloads, so that its figure holds the unpacking, too.
"""

from __future__ import annotations

import argparse
import hashlib
import http.server
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "large-1.0-py3-none-any.whl"
OURS = """
import sys
from pathlib import Path
from packaging.utils import parse_wheel_filename
from ipexenv.fetch.fetching import fetch_all
from ipexenv.ruling import Offer
from ipexenv.system.transfer import RequestsTransfer
url, name, sha256, into = sys.argv[1:]
project, version = parse_wheel_filename(name)[:2]
offer = Offer(project=project, version=version, filename=name, url=url, source="benchmark", sha256=sha256)
fetch_all([offer], into=Path(into), cache=None, transfer=RequestsTransfer())
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What is downloaded."""

    url: str
    name: str
    sha256: str


def build(folder: Path, megabytes: int) -> Subject:
    """Write a wheel of incompressible bytes."""
    info = "large-1.0.dist-info"
    files = {
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: large\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: benchmark\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "large/blob.bin": os.urandom(megabytes * 1_000_000),
    }
    with zipfile.ZipFile(folder / NAME, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in (*files, f"{info}/RECORD")))
    with (folder / NAME).open("rb") as file:
        sha256 = hashlib.sha256()
        while chunk := file.read(1 << 20):
            sha256.update(chunk)
    return Subject(url=f"/{NAME}", name=NAME, sha256=sha256.hexdigest())


@contextmanager
def serving(file: Path, *, limit_mb_s: float | None, latency_ms: float) -> Iterator[str]:
    """Serve ``file`` on a loopback port, with ranges; yield the address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            time.sleep(latency_ms / 1000)
            total = file.stat().st_size
            first, _, last = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last or total), total - 1)
            self.send_response(206 if "Range" in self.headers else 200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(end - start + 1))
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("ETag", '"fixed"')
            if "Range" in self.headers:
                self.send_header("Content-Range", f"bytes {start}-{end}/{total}")
            self.end_headers()
            if self.command == "GET":
                self._send(start, end + 1)

        do_HEAD = do_GET  # noqa: N815 (http.server's name)

        def _send(self, start: int, end: int) -> None:
            began, sent = time.monotonic(), 0
            with file.open("rb") as source:
                while start < end:
                    count = os.sendfile(self.wfile.fileno(), source.fileno(), start, min(1 << 19, end - start))
                    start, sent = start + count, sent + count
                    if limit_mb_s is not None:
                        time.sleep(max(0.0, sent / (limit_mb_s * 1e6) - (time.monotonic() - began)))

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def from_index(requirement: str) -> Subject:
    """Return what pip would download."""
    argv = ["install", "--dry-run", "--quiet", "--no-deps", "--ignore-installed", "--report", "-", requirement]
    done = subprocess.run([sys.executable, "-m", "pip", *argv], check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)["install"][0]["download_info"]
    name = unquote(urlsplit(found["url"]).path.rpartition("/")[2])
    return Subject(url=found["url"], name=name, sha256=found["archive_info"]["hashes"]["sha256"])


def commands(subject: Subject, into: Path) -> dict[str, list[str]]:
    """Return how each program downloads the subject into a folder; only programs that are there."""
    python = sys.executable
    uv = shutil.which("uv", path=f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}")
    pip = [python, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "--no-cache-dir"]
    found = {
        "ipexenv": [python, "-c", OURS, subject.url, subject.name, subject.sha256, str(into)],
        "pip download": [*pip, "-d", str(into), subject.url],
    }
    if uv is not None:
        target = ["--target", str(into), "--no-deps", "--no-cache", "--python", python]
        found["uv pip install"] = [uv, "pip", "install", "-q", *target, subject.url]
    if shutil.which("curl") is not None:
        found["curl"] = ["curl", "-sSfL", "-o", str(into / subject.name), subject.url]
    return found


def measure(subject: Subject, runs: int) -> dict[str, float]:
    """Return the median seconds of each program, taking turns."""
    seconds: dict[str, list[float]] = {}
    for _ in range(runs):
        for label in commands(subject, Path()):
            with tempfile.TemporaryDirectory(prefix="ipexenv-benchmark-") as name:
                into = Path(name) / "into"
                into.mkdir()
                began = time.perf_counter()
                subprocess.run(commands(subject, into)[label], check=True)
                seconds.setdefault(label, []).append(time.perf_counter() - began)
    return {label: statistics.median(times) for label, times in seconds.items()}


def report(title: str, measured: dict[str, float]) -> None:
    """Print the Markdown table."""
    ours = measured.pop("ipexenv")
    print(f"| {title} | median | ipexenv's | ratio |\n| --- | --- | --- | --- |")
    for label, seconds in measured.items():
        print(f"| {label} | {seconds:.2f} s | {ours:.2f} s | {ours / seconds:.2f} |")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--limit-mb-s", type=float, help="slow each connection of the loopback server down to this")
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--requirement", help="download this from the configured index instead, as torch==2.8.0")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    if options.requirement is not None:
        subject = from_index(options.requirement)
        report(f"{subject.name} from the index", measure(subject, options.runs))
        return 0
    with tempfile.TemporaryDirectory(prefix="ipexenv-benchmark-") as folder:
        made = build(Path(folder), options.megabytes)
        with serving(Path(folder) / NAME, limit_mb_s=options.limit_mb_s, latency_ms=options.latency_ms) as address:
            subject = Subject(url=f"{address}{made.url}", name=made.name, sha256=made.sha256)
            report(f"{options.megabytes} MB from loopback", measure(subject, options.runs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
