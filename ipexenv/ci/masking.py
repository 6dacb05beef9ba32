"""What no log may show: user and password in the addresses of sources, and variables that are secrets. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ipexenv.install.addresses import hide_credentials

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

HIDDEN = "***"
_IN_ADDRESS = re.compile(r"://([^/@\s'\"]+)@")
_NAME = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|CREDENTIAL", re.IGNORECASE)
_PLAIN_USERS = frozenset({"git", "token", "user", "oauth2", "__token__", "x-access-token", "gitlab-ci-token"})
_LEAST_LETTERS = 4
"""Shorter ones stand in every text: hiding them would spoil the log and tell what they are."""

_LEAST_OF_A_VARIABLE = 8
"""TOKENIZERS_PARALLELISM=false is no secret."""


def secrets_in(env: Mapping[str, str], more: Iterable[str] = ()) -> tuple[str, ...]:
    """Return what has to be hidden, longest first: credentials in any variable or in ``more``, and secret variables.

    Of ``user:password@`` it is the password, as it stands there and decoded; of ``token@`` the whole.
    """
    found = {value for name, value in env.items() if _NAME.search(name) and len(value) >= _LEAST_OF_A_VARIABLE}
    for text in (*env.values(), *more):
        for match in _IN_ADDRESS.finditer(text):
            user, colon, password = match[1].partition(":")
            found |= {password, unquote(password)} if colon else {user, unquote(user)}
    lines = {line.strip() for secret in found for line in secret.splitlines()}
    usable = (line for line in lines if len(line) >= _LEAST_LETTERS and line not in _PLAIN_USERS)
    return tuple(sorted(usable, key=lambda line: (-len(line), line)))


def without(text: str, secrets: Sequence[str]) -> str:
    """Return ``text`` without secrets, and without the credentials of every URL in it."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return hide_credentials(text)
