"""Where failures are provoked: environments that are broken in one way, servers that refuse, a machine without room."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration import bridge_ranks
from tests.integration.bridge_environment import bridge_environment
from tests.integration.overlays import clean, make_overlay, pip
from tests.servers import EXPIRED, EXPIRED_AUTHORITY, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.integration.conftest import Environment, EnvironmentFactory
    from tests.integration.provocation import Around

_MADE: dict[str, Path] = {}
"""What was made for one module serves the next."""

UNGUARDED = " without its guard"
"""Ends the name of an environment whose IPEX does not compare versions any more."""

_GUARD = 'if torch_version == "" or ipex_version == "" or torch_version != ipex_version:'

PROJECTS = {"ipex": "intel_extension_for_pytorch"}
_OWN_MOUNTS = ("unshare", "--mount", *(() if os.geteuid() == 0 else ("--map-root-user",)), "sh", "-c")
_CPUSET = """
for base in /sys/fs/cgroup/cpuset /sys/fs/cgroup; do
    group=$base/ipexenv-test-$$
    [ -f $base/cpuset.cpus ] || [ -f $base/cpuset.cpus.effective ] || continue
    mkdir $group || continue
    cat $base/cpuset.mems > $group/cpuset.mems 2>/dev/null || true
    echo "$FIRST_CPU" > $group/cpuset.cpus && sh -c 'echo $$ > $0/cgroup.procs && exec "$@"' $group "$@"
    code=$?
    for _ in 1 2 3 4 5 6 7 8 9 10; do rmdir $group && exit $code; sleep 0.2; done
    exit 1
done
exit 1
"""
_AROUND: Mapping[Around, tuple[str, ...]] = {
    "small shared memory": (*_OWN_MOUNTS, 'mount -t tmpfs -o size=1m tmpfs /dev/shm && exec "$@"', "sh"),
    "small disk": (
        *_OWN_MOUNTS,
        'mkdir -p $TMP/disk && mount -t tmpfs -o size=4m tmpfs $TMP/disk && exec "$@"',
        "sh",
    ),
    "one cpu": ("sh", "-c", _CPUSET, "sh"),
}


def around(place: Around | None, env: Mapping[str, str]) -> tuple[str, ...]:
    """Return the words that come before a command; skip the test where this machine does not let it be so."""
    if place is None:
        return ()
    words = _AROUND[place]
    try:
        trial = subprocess.run([*words, "true"], capture_output=True, text=True, check=False, env=dict(env), timeout=60)
    except FileNotFoundError as error:
        pytest.skip(f"{place} cannot be had without {error.filename}")
    if trial.returncode:
        pytest.skip(f"{place} needs rights that this machine does not give: {trial.stderr.strip()}")
    return words


def cpus() -> Mapping[str, str]:
    """Return a CPU that may be used, and another."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        pytest.skip("a CPU outside the cpuset needs a machine with two")
    return {"FIRST_CPU": str(usable[0]), "OTHER_CPU": str(usable[-1])}


def wheel(folder: Path, name: str, version: str, *requires: str, size_bytes: int = 0) -> Path:
    """Make the smallest wheel that pip takes, with so many bytes in it."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {each}\n" for each in requires)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.py", "#" * size_bytes)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@dataclass(kw_only=True)
class Places:
    """The environments in which failures are provoked, made on first use."""

    environment: EnvironmentFactory
    interpreter: Callable[[str], Path]
    folder: Callable[[str], Path]
    words: Mapping[str, str]
    """Variables of the servers."""

    def python(self, where: str | None) -> Path:
        """Return a Python: of a recipe, of the ``bridge``, or of ``ipex 2.5.0 over native213``, as pip makes it."""
        if where is None:
            return Path(sys.executable)
        if where not in _MADE:
            _MADE[where] = self._make(where)
        return _MADE[where]

    def variables(self, where: str | None, folder: Path) -> dict[str, str]:
        """Return what commands may name in the environment ``where``, with ``folder`` as their own."""
        python = self.python(where)
        packages = next((python.parent.parent / "lib").glob("python*/site-packages"), Path("/nowhere"))
        base = (where or "").partition(" over ")[2].removesuffix(UNGUARDED)
        uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
        return {
            "PY": str(python),
            "BARE": getattr(sys, "_base_executable", sys.executable) + " -I -S",
            "PIP": f"{sys.executable} -m pip --disable-pip-version-check",
            "UV": uv or "uv",
            "TMP": str(folder),
            "NO_CONFIG": f"env PIP_CONFIG_FILE={os.devnull}",
            "PACKAGE": str(packages / "intel_extension_for_pytorch"),
            "SITE_PACKAGES": str(packages),
            "BASE_PACKAGES": str(self.environment(base).site_packages) if base else "",
            **self.words,
        }

    def _make(self, where: str) -> Path:
        what, over, base = where.partition(" over ")
        if what == "bridge":
            lender = self.environment(base or "native213")
            return bridge_environment(lender, self.interpreter("3.11"), self.folder("bridge"), mpi=False)
        if not over:
            return self.environment(where).python
        base, unguarded, _ = base.partition(UNGUARDED)
        overlay = make_overlay(self.environment(base), self.folder("pair") / "env")
        name, version = what.split()
        install_into(overlay, name, version)
        if unguarded:
            take_guard_off(overlay)
        return overlay.python


def install_into(overlay: Environment, name: str, version: str) -> None:
    """Install one project, as who knows better than pip does: whatever it needs, and whatever Python it is for."""
    words = ["install", "-q", "--no-deps"]
    if name == "ipex" and version.startswith("1.12") and overlay.site_packages.parent.name == "python3.11":
        # Its last Python is 3.10, and a torch that is not 1.12 and small is there for 3.11: pip's own way to insist.
        words += ["--target", str(overlay.site_packages), "--python-version", "3.10", "--only-binary", ":all:"]
    pip(overlay.python, *words, f"{PROJECTS.get(name, name)}=={version}")
    if name == "ipex":
        pip(overlay.python, "install", "-q", "--no-deps", "psutil")


def take_guard_off(overlay: Environment) -> None:
    """Change IPEX as impatient users do, so that it goes on beside another torch."""
    file = overlay.site_packages / "intel_extension_for_pytorch" / "__init__.py"
    text = file.read_text(encoding="utf-8")
    assert _GUARD in text
    file.write_text(text.replace(_GUARD, "if False:"), encoding="utf-8")


@contextmanager
def sites(folder: Path) -> Iterator[Mapping[str, str]]:
    """Serve an index whose files are there, some that refuse, and one each whose certificate is unknown or too old.

    The wheels come into ``folder``; what commands may name of it all is the result.
    """
    wheels = [wheel(folder, "some_package", "1.0"), wheel(folder, "needs_two", "1.0", "some-package==2.0")]
    with serving() as site, serving(tls=True) as secret, serving(tls=True, certificate=EXPIRED) as late:
        site.files("/files", wheels)
        site.simple("/simple", wheels)
        site.simple("/forbidden/simple", wheels, folder="/private")
        for each in wheels:
            site.fail(f"/private/{each.name}", 403)
            site.fail(f"/private/{each.name}.metadata", 403)
        site.stall(f"/stalled/{wheels[0].name}", seconds=20)
        ipex = [wheel(folder, PROJECTS["ipex"], version) for version in ("2.5.0", "2.8.0")]
        site.files("/files", ipex)
        yanked = f'<a href="/files/{ipex[0].name}" data-yanked="for security.">{ipex[0].name}</a>'
        site.serve(
            "/yanked/intel-extension-for-pytorch/", f'{yanked}<a href="/files/{ipex[1].name}">{ipex[1].name}</a>'
        )
        secret.simple("/simple", wheels)
        late.simple("/simple", wheels)
        yield {
            "SITE": site.url.rstrip("/"),
            "TLS_SITE": secret.url.rstrip("/"),
            "EXPIRED_SITE": late.url.rstrip("/"),
            "EXPIRED_AUTHORITY": str(EXPIRED_AUTHORITY),
            "LARGE_WHEEL": str(wheel(folder, "large_package", "1.0", size_bytes=16 << 20)),
            "LIBRARIES": str(bridge_ranks.libraries()),
        }


def ended_in(
    places: Places,
    where: str | None,
    folder: Path,
    command: str,
    *,
    env: Mapping[str, str],
    place: Around | None = None,
    limit_s: float,
) -> subprocess.CompletedProcess[str]:
    """Run a shell command in an environment with the variables ``env``, in which ``$NAME`` is filled in.

    After ``limit_s`` it is killed, with the ranks that it has started.
    """
    words = places.variables(where, folder)
    if place == "one cpu":
        words |= cpus()
    for name in sorted(words, key=len, reverse=True):
        env = {key: value.replace(f"${name}", words[name]) for key, value in env.items()}
    everything = clean(**words, **env)
    preload = everything.pop("LD_PRELOAD", None)  # for the command, not for the shell that starts it
    ended = subprocess.run(
        [
            shutil.which("timeout") or "timeout",
            *("-s", "KILL", str(limit_s)),
            *around(place, everything),
            shutil.which("bash") or "bash",
            "-c",
            command if preload is None else f"export LD_PRELOAD={preload}; {command}",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
        errors="replace",
        env=everything,
        cwd=folder,
    )
    forget_the_dead()
    return ended


def forget_the_dead() -> None:
    """Remove what libfabric has left in shared memory for processes that died of what was provoked."""
    for file in Path("/dev/shm").glob("[0-9]*:[0-9]*:[0-9]*"):
        if not Path("/proc", file.name.partition(":")[0]).exists():
            file.unlink(missing_ok=True)
