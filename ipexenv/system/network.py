"""The place of this machine in the network: which names mean it."""

from __future__ import annotations

from typing import Protocol


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
        return any(_can_bind(family, str(address)) for family, address in addresses)

    def address_of(self, name: str) -> str | None:
        """See Network.address_of."""
        import socket  # noqa: PLC0415 (as above)

        try:
            return socket.gethostbyname(name)
        except (OSError, UnicodeError):
            return None

    def free_port(self) -> int:
        """See Network.free_port."""
        import socket  # noqa: PLC0415 (as above)

        with socket.socket() as probe:
            probe.bind(("", 0))
            return int(probe.getsockname()[1])


def _can_bind(family: int, address: str) -> bool:
    import socket  # noqa: PLC0415 (as above)

    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True
