"""Look at every host before ranks are started: a host that cannot take part is named at once, with the reason."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipexenv.launch.shipping import shipped
from ipexenv.launch.ssh import CONNECT_TIMEOUT_S, Unreached, explain_ssh, ssh_command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ipexenv.system.runner import Finished
    from ipexenv.system.world import World

LOOK_LIMIT_S = 60.0
"""For Python to start on a cold shared file system, in seconds."""

_ANSWER = re.compile(r"^@ipexenv-survey (?P<answer>\{.*\})\s*$", re.MULTILINE)
_SAME_PATH = "every host needs the same environment at the same path, as on a shared file system"


@dataclass(frozen=True, kw_only=True, slots=True)
class Surveyed:
    """One host as it was found."""

    name: str
    """As the hostfile calls it."""
    local: bool = False
    """Whether it is this machine, where nothing needs ssh."""
    problem: Unreached | None = None
    torch: str | None = None
    python: str | None = None
    cpus: int | None = None
    """Those that its processes may use."""
    addresses: tuple[str, ...] = ()
    """Its IPv4 addresses on the way to the other hosts, best first."""
    port: int | None = None
    """One that nobody listened on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What to look for."""

    python: str
    """Path of the target's interpreter, the same on every host."""
    site_packages: str | None
    modules: tuple[str, ...]
    """Import names that must be there."""


def survey(world: World, hosts: Sequence[str], question: Question) -> tuple[Surveyed, ...]:
    """Ask all ``hosts`` at once, over ssh but for this machine itself; a host that does not answer is a problem."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 (10 ms that other commands need not pay)

    with ThreadPoolExecutor(max_workers=min(len(hosts), 64)) as pool:
        found = list(pool.map(lambda host: _ask(world, host, hosts, question), hosts))
    first = next((host for host in found if host.torch), None)
    return tuple(_compared(host, first) for host in found)


def _ask(world: World, host: str, hosts: Sequence[str], question: Question) -> Surveyed:
    local = world.network.is_this_host(host.rpartition("@")[2])
    order = {
        "others": [other for other in hosts if other != host],
        "site_packages": question.site_packages,
        "modules": list(question.modules),
    }
    argv = shipped(question.python, _source(), order)
    limit_s = LOOK_LIMIT_S + CONNECT_TIMEOUT_S
    finished = world.runner.run(argv if local else ssh_command(host, argv), timeout_s=limit_s, env=world.env)
    return _read(host, finished, local=local)


@cache
def _source() -> str:
    return Path(__file__).with_name("_target_survey.py").read_text("utf-8")


def _read(host: str, finished: Finished, *, local: bool) -> Surveyed:
    match = _ANSWER.search(finished.stdout)
    if match is None:
        return Surveyed(name=host, local=local, problem=_silent(host, finished))
    seen: Mapping[str, Any] = json.loads(match["answer"])
    addresses = (*seen["addresses"], *([seen["reached_at"]] if seen.get("reached_at") else []))
    return Surveyed(
        name=host,
        local=local,
        problem=_lacking(seen),
        torch=seen["torch"],
        python=seen["python"],
        cpus=seen["cpus"],
        addresses=tuple(dict.fromkeys(addresses)),
        port=seen["port"],
    )


def _silent(host: str, finished: Finished) -> Unreached:
    if finished.timed_out:
        return Unreached(
            code="unreachable",
            cause="it did not answer in time",
            hint=f"try `ssh -o BatchMode=yes {host} true`",
        )
    return explain_ssh(host, finished.stderr, finished.returncode)


def _lacking(seen: Mapping[str, Any]) -> Unreached | None:
    if seen["torch"] is None:
        return Unreached(code="no-torch", cause="its Python has no torch", hint=_SAME_PATH)
    if seen["missing"]:
        words = f"its Python has no module {', '.join(seen['missing'])}"
        return Unreached(code="not-installed", cause=words, hint=_SAME_PATH)
    return None


def _compared(host: Surveyed, first: Surveyed | None) -> Surveyed:
    """Object to a host whose torch is another one than the first's: the ranks would not understand each other."""
    if host.problem is not None or first is None or host.torch == first.torch:
        return host
    words = f"it has torch {host.torch}, and {first.name} has {first.torch}"
    return replace(host, problem=Unreached(code="another-torch", cause=words, hint=_SAME_PATH))
