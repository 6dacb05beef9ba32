"""The place of this machine in the network: which names mean it."""

from __future__ import annotations

from typing import Protocol

_OWN_PORTS = range(12_000, 32_000)
"""Below those that Linux gives to programs that ask for any: 32768 to 60999 unless told otherwise (ip-sysctl).

The one who listens on a port still has to import torch: one of the others might be gone by then.
"""
_ATTEMPTS = 50


class Network(Protocol):
    """Answers about names and addresses; sends nothing to other machines but what resolving a name takes."""

    def is_this_host(self, name: str) -> bool:
        """Say whether a name or an address means this machine; one that cannot be resolved does not."""
        ...

    def address_of(self, name: str) -> str | None:
        """Return the IPv4 address that a name stands for here, None where it cannot be resolved."""
        ...

    def free_port(self) -> int:
        """Return a TCP port that nobody listens on here, just now."""
        ...


class LocalNetwork:
    """The real Network."""

    def is_this_host(self, name: str) -> bool:
        """See Network.is_this_host: an address is this machine's where a socket can be bound to it."""
        import socket  # noqa: PLC0415 (few commands ask: start-up time)

        if name in {"localhost", socket.gethostname()}:
            return True
        try:
            addresses = {(family, address[0]) for family, _, _, _, address in socket.getaddrinfo(name, None)}
        except (OSError, UnicodeError):
            return False
        return any(_can_bind(family, str(each), 0, kind=socket.SOCK_DGRAM) for family, each in addresses)

    def address_of(self, name: str) -> str | None:
        """See Network.address_of."""
        import socket  # noqa: PLC0415 (as above)

        try:
            return socket.gethostbyname(name)
        except (OSError, UnicodeError):
            return None

    def free_port(self) -> int:
        """See Network.free_port."""
        import secrets  # noqa: PLC0415 (as above)
        import socket  # noqa: PLC0415 (as above)

        for _ in range(_ATTEMPTS):
            port = secrets.choice(_OWN_PORTS)
            if _can_bind(socket.AF_INET, "", port, kind=socket.SOCK_STREAM):
                return port
        with socket.socket() as probe:
            probe.bind(("", 0))
            return int(probe.getsockname()[1])


def _can_bind(family: int, address: str, port: int, *, kind: int) -> bool:
    import socket  # noqa: PLC0415 (as above)

    try:
        with socket.socket(family, kind) as probe:
            probe.bind((address, port))
    except OSError:
        return False
    return True
