"""Command lines of ssh, and what its failures mean. Pure."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

CONNECT_TIMEOUT_S = 10
"""How long ssh tries to reach a host."""

FAILED = 255
"""ssh's own exit code where it could not do its part (ssh(1))."""

OPTIONS = (
    "-o", "BatchMode=yes",
    "-o", f"ConnectTimeout={CONNECT_TIMEOUT_S}",
    "-o", "ServerAliveInterval=10",
    "-o", "ServerAliveCountMax=3",
)  # fmt: skip
"""Never ask anybody anything, and notice a host that has gone (ssh_config(5))."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unreached:
    """Why nothing could be started on a host."""

    code: str
    cause: str
    hint: str


def ssh_command(host: str, argv: Sequence[str]) -> tuple[str, ...]:
    """Return the command that runs ``argv`` on ``host``, through the shell that its user has there."""
    return ("ssh", "-T", "-x", *OPTIONS, "--", host, f"exec {shlex.join(argv)}")


# What OpenSSH prints (sshconnect.c, sshconnect2.c, ssh.c and misc.c of OpenSSH 9), and shells; the most telling first.
_CAUSES = (
    (
        r"Permission denied \((?P<ways>[^)]*)\)",
        "ssh-refused",
        "ssh is not let in without a password (it offers {ways})",
        "put a public key there with `ssh-copy-id {host}`, until `ssh -o BatchMode=yes {host} true` is silent",
    ),
    (
        r"Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED",
        "ssh-host-key",
        "ssh does not know its host key",
        "run `ssh {host} true` once by hand and compare the key",
    ),
    (
        r"Could not resolve hostname [^:]*: (?P<why>.*)",
        "unknown-host",
        "its name cannot be resolved ({why})",
        "correct the name in the hostfile, or put its address there",
    ),
    (
        r"(?:connect to host .* port \d+: |kex_exchange_identification: )(?P<why>[^\r\n]*)",
        "unreachable",
        "ssh cannot reach it: {why}",
        "try `ssh -o BatchMode=yes {host} true`; is the host up, and sshd on it?",
    ),
    (
        r"(?i)\S+: (?:No such file or directory|command not found|not found|Permission denied)|Unknown command",
        "no-python",
        "the target's Python does not run there: {line}",
        "every host needs the same environment at the same path, as on a shared file system",
    ),
)


def explain_ssh(host: str, stderr: str, returncode: int) -> Unreached:
    """Say why a command on ``host`` never began, from what ssh or the shell there printed."""
    stderr = stderr.replace("\r", "")
    for pattern, code, cause, hint in _CAUSES:
        match = re.search(pattern, stderr)
        if match is not None:
            line = next(line.strip() for line in stderr.splitlines() if match[0].splitlines()[0] in line)
            words = {**{key: value or "" for key, value in match.groupdict().items()}, "line": line, "host": host}
            return Unreached(code=code, cause=cause.format(**words), hint=hint.format(**words))
    last = next((line.strip() for line in reversed(stderr.splitlines()) if line.strip()), "and said nothing")
    return Unreached(
        code="unreachable",
        cause=f"nothing could be started there: exit code {returncode}, {last}",
        hint=f"try `ssh -o BatchMode=yes {host} true`",
    )
