"""Who to be on which host, from the addresses of sources and the system's keyring.

netrc needs nothing here: the transfer looks there by itself for every host that nobody else knows.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ipexenv.install.addresses import host_of
from ipexenv.system.transfer import Credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ipexenv.system.runner import Runner

_KEYRING_LIMIT_S = 60.0
"""A keyring may ask its owner to unlock it."""


def credentials_from(addresses: Iterable[str], runner: Runner) -> Callable[[str], Credentials | None]:
    """Return what knows user and password of each host that ``addresses`` have a user for.

    A page of ``https://user:secret@host/`` may link to its files by ``https://host/…``: they need the same. Where an
    address has a user and no password, the program ``keyring`` is asked once, as pip's ``--keyring-provider
    subprocess`` does; without an answer the host is asked as nobody.
    """
    users = {host_of(address).lower(): _user_of(address) for address in addresses if "@" in _authority(address)}
    known: dict[str, Credentials | None] = {}
    lock = threading.Lock()

    def credentials_for(url: str) -> Credentials | None:
        host = host_of(url).lower()
        if host not in users:
            return None
        with lock:
            if host not in known:
                user, password = users[host]
                if password is None:
                    password = _from_keyring(host, user, runner)
                known[host] = None if password is None else Credentials(user=user, password=password)
            return known[host]

    return credentials_for


def _authority(address: str) -> str:
    try:
        return urlsplit(address).netloc
    except ValueError:
        return ""


def _user_of(address: str) -> tuple[str, str | None]:
    user, colon, password = _authority(address).rpartition("@")[0].partition(":")
    return unquote(user), unquote(password) if colon else None


def _from_keyring(host: str, user: str, runner: Runner) -> str | None:
    done = runner.run(["keyring", "get", host, user], timeout_s=_KEYRING_LIMIT_S)
    password = done.stdout.rstrip("\r\n")
    return password if done.returncode == 0 and password else None
