"""Look at how ssh would get to the other hosts. Nothing is sent: files, the agent's socket and ssh's own settings."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from ipexenv.doctor.surroundings import SshKey, SshView
from ipexenv.errors import UsageError
from ipexenv.launch.hostfile import parse_hostfile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ipexenv.system.world import World

_LIMIT_S = 10.0
_MOST_HOSTS = 32
_VARIABLES = ("I_MPI_HYDRA_HOST_FILE", "HYDRA_HOST_FILE")
_ASKING = frozenset({"yes", "ask", "true"})
"""Values of StrictHostKeyChecking with which a host that is not known is refused when nobody can be asked."""


def look_at_ssh(world: World, hostfile: str | None, *, home: Path | None = None) -> SshView:
    """Return what ssh has for the hosts of ``hostfile``, or of the one that a variable of Hydra names.

    ``home`` is where ssh keeps its files: that of the user, whatever HOME says (ssh(1)).
    A file that cannot be read raises UsageError where the user named it, and names no hosts where a variable did.
    """
    named_by, hosts = _hosts(world, hostfile)
    client = shutil.which("ssh", path=world.env.get("PATH", ""))
    if client is None:
        return SshView(hosts=hosts, named_by=named_by)
    settings = {host: dict(_settings(world, client, host)) for host in hosts[:_MOST_HOSTS]}
    home = _home() if home is None else home
    named = [path for each in settings.values() for path in each.get("identityfile", ())]
    usual = sorted((home / ".ssh").glob("id_*"))
    paths = dict.fromkeys([*(Path(re.sub(r"^~(?=/)", str(home), path)) for path in named), *usual])
    return SshView(
        hosts=hosts,
        named_by=named_by,
        client=client,
        keys=tuple(_key(world, path, ask=bool(hosts)) for path in paths if path.suffix != ".pub" and path.is_file()),
        agent_keys=_agent_keys(world) if hosts else 0,
        unknown_hosts=tuple(host for host, each in settings.items() if not _is_known(world, host, each)),
    )


def _home() -> Path:
    import pwd  # noqa: PLC0415 (it is not there on Windows)

    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:  # a container may run as a user that has no name
        return Path("/")


def _hosts(world: World, hostfile: str | None) -> tuple[str, tuple[str, ...]]:
    if hostfile is not None:
        path = world.directory / Path(hostfile).expanduser()
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise UsageError(
                f"cannot read the hostfile {path}: {error.strerror or error}",
                code="no-hostfile",
                hint="name a file with one host a line",
            ) from None
        return f"--hostfile {hostfile}", _others(world, text, hostfile)
    name = next((name for name in _VARIABLES if world.env.get(name)), None)
    if name is None:
        return "", ()
    try:
        text = (world.directory / world.env[name]).read_text(encoding="utf-8", errors="replace")
        return f"{name}={world.env[name]}", _others(world, text, name)
    except (OSError, UsageError):
        return "", ()


def _others(world: World, text: str, where: str) -> tuple[str, ...]:
    names = (entry.name for entry in parse_hostfile(text, where=where))
    return tuple(name for name in names if not world.network.is_this_host(name.rpartition("@")[2]))


def _settings(world: World, client: str, host: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Give what ssh's own configuration says of a host (``ssh -G``, which connects to nobody)."""
    ended = world.runner.run([client, "-G", "--", host], timeout_s=_LIMIT_S, env=world.env)
    found: dict[str, tuple[str, ...]] = {}
    for line in ended.stdout.splitlines():
        key, _, value = line.partition(" ")
        words = tuple(value.split()) if key.endswith("hostsfile") else (value,)
        found[key] = (*found.get(key, ()), *words)
    return iter(found.items())


def _key(world: World, path: Path, *, ask: bool) -> SshKey:
    """Return what can be told of a private key without its passphrase: an empty one does not open a locked key."""
    mode = path.stat().st_mode & 0o777
    if not ask:
        return SshKey(path=str(path), mode=mode)
    ended = world.runner.run(["ssh-keygen", "-y", "-P", "", "-f", str(path)], timeout_s=_LIMIT_S, env=world.env)
    return SshKey(path=str(path), mode=mode, locked=ended.returncode != 0 and "passphrase" in ended.stderr)


def _agent_keys(world: World) -> int:
    if not world.env.get("SSH_AUTH_SOCK"):
        return 0
    ended = world.runner.run(["ssh-add", "-l"], timeout_s=_LIMIT_S, env=world.env)
    return len(ended.stdout.splitlines()) if ended.returncode == 0 else 0


def _is_known(world: World, host: str, settings: Mapping[str, tuple[str, ...]]) -> bool:
    """Say whether a key of the host is known, or ssh is told not to ask; jump hosts and the like are not judged."""
    if settings.get("stricthostkeychecking", ("ask",))[0] not in _ASKING or "proxyjump" in settings:
        return True
    name = settings.get("hostkeyalias", settings.get("hostname", (host.rpartition("@")[2],)))[0]
    port = settings.get("port", ("22",))[0]
    wanted = name if port == "22" else f"[{name}]:{port}"
    files = [*settings.get("userknownhostsfile", ()), *settings.get("globalknownhostsfile", ())]
    existing = [file for file in map(Path, files) if file.is_file()]
    return any(
        world.runner.run(
            ["ssh-keygen", "-F", wanted, "-f", str(file)], timeout_s=_LIMIT_S, env=world.env
        ).stdout.strip()
        for file in existing
    )
