"""Take out of a report what is nobody's business: home folders, user and host names, secrets. Pure."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from ipexenv.install.addresses import hide_credentials

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_SECRET_NAME = re.compile(r"(TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|KEY|CREDENTIAL|COOKIE|AUTH)", re.IGNORECASE)
_PROXY_NAME = re.compile(r"^(https?|ftp|all|socks)_proxy$", re.IGNORECASE)
_HUSHED = (
    r"token(?!iz)|secret|password|passwd|passphrase|api[-_]?key|access[-_]?key(?:[-_]?id)?|credentials?|auth(?!or)"
)
_QUOTED = r"(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s,;\"'&]+)"

# (pattern, replacement) of what looks like a secret wherever it stands.
_SHAPES = (
    # NAME=value and "name": "value", also as --name value on a command line
    (re.compile(rf"(?i)\b([\w.-]*(?:{_HUSHED})[\w.-]*[\"']?\s*[=:]\s*){_QUOTED}"), r"\1***"),
    (re.compile(rf"(?i)(--?[\w-]*(?:{_HUSHED})[\w-]*[ ]+)(?!-){_QUOTED}"), r"\1***"),
    (re.compile(r"(?i)\b(authorization[\"']?\s*[=:]\s*[\"']?)[^\n\"']+"), r"\1***"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), r"\1 ***"),
    # signed addresses: everything after the question mark
    (re.compile(r"((?:https?|ftp|s3|gs)://[^\s?'\"<>]*)\?[^\s'\"<>]+"), r"\1?***"),
    # well-known tokens by their beginnings
    (
        re.compile(
            r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|hf_\w{20,}|pypi-[\w-]{20,}|glpat-[\w-]{16,}"
            r"|xox[abprs]-[\w-]{10,}|(?:AKIA|ASIA)[A-Z0-9]{16}|sk-[\w-]{20,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{4,})"
        ),
        "***",
    ),
)

HIDDEN = "***"
_SHORTEST = 4
"""Secrets and names that are shorter stand in every text."""

_COMMON = frozenset({"true", "false", "none", "null", "auto", "default", "always", "never", "disabled", "enabled"})
"""Values that are no secret, whatever the variable is called."""

_NOBODY = frozenset({"root", "localhost", "user", "nobody"})
"""Names that tell nothing of anybody."""


def redact(text: str, env: Mapping[str, str], *, host: str | None = None, others: Sequence[str] = ()) -> str:
    """Return ``text`` without credentials, tokens, secret variables, proxies, and the names of home, user and host.

    ``others`` are further hosts, perhaps with a user before ``@``, as a hostfile names them.
    """
    for value in _secrets(env):
        text = text.replace(value, HIDDEN)
    text = hide_credentials(text)
    for shape, instead in _SHAPES:
        text = shape.sub(instead, text)
    home = env.get("HOME", "").rstrip("/")
    if home:
        text = re.sub(rf"{re.escape(home)}(?![\w.-])", "~", text)
    text = re.sub(r"(?<![\w.-])(/(?:home|Users|export/home)/)[^/\s:'\"`,;)]+", r"\1USER", text)
    users = {env.get(name, "") for name in ("USER", "LOGNAME", "USERNAME", "SUDO_USER")}
    users |= {other.rpartition("@")[0] for other in others}
    hosts = {host or "", env.get("HOSTNAME", ""), *(other.rpartition("@")[2] for other in others)}
    hosts |= {name.partition(".")[0] for name in hosts if not name.replace(".", "").isdigit()}
    for names, instead in ((hosts, "HOST"), (users, "USER")):
        for name in sorted(names, key=len, reverse=True):
            if len(name) > 1 and name.lower() not in _NOBODY:
                text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", instead, text, flags=re.IGNORECASE)
    return text


def _secrets(env: Mapping[str, str]) -> Iterable[str]:
    """Return the values that must not be told, the longest first: one may be a part of another."""
    named = (value for name, value in env.items() if _SECRET_NAME.search(name) and _could_be_secret(value))
    proxies = [value for name, value in env.items() if _PROXY_NAME.match(name)]
    places = [re.sub(r"^\w+://|/+$", "", proxy).rpartition("@")[2] for proxy in proxies]
    machines = [place.rpartition(":")[0] for place in places]
    known = {*named, *(value for value in (*proxies, *places, *machines) if len(value) >= _SHORTEST)}
    return sorted(known - _NOBODY, key=len, reverse=True)


def _could_be_secret(value: str) -> bool:
    return len(value) >= _SHORTEST and value.lower() not in _COMMON


def redacted(
    value: Any,  # noqa: ANN401 (JSON, as what is returned)
    env: Mapping[str, str],
    *,
    host: str | None = None,
    others: Sequence[str] = (),
) -> Any:  # noqa: ANN401 (as above)
    """Return JSON data with every string redacted, keys too."""
    if isinstance(value, str):
        return redact(value, env, host=host, others=others)
    inside = partial(redacted, env=env, host=host, others=others)
    if isinstance(value, dict):
        return {inside(key): inside(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [inside(item) for item in value]
    return value
