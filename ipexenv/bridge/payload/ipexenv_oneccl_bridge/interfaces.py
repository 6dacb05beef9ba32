"""Network interfaces of this host and their addresses, from the standard library alone."""

from __future__ import annotations

import fcntl
import socket
import struct
from typing import Dict, Optional, Tuple

SIOCGIFADDR = 0x8915
"""Linux: ask for the IPv4 address of an interface (netdevice(7))."""

SIOCGIFFLAGS = 0x8913
IFF_UP = 1
"""Linux: ask for the flags of an interface, and the one that says it is up (netdevice(7))."""

LOOPBACK = "lo"


def names() -> Tuple[str, ...]:
    """Return the names of all interfaces."""
    return tuple(name for _, name in socket.if_nameindex())


def addresses() -> Dict[str, str]:
    """Return the IPv4 address of every interface that has one."""
    found = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for name in names():
            request = struct.pack("256s", name.encode()[:15])
            try:
                answer = fcntl.ioctl(probe.fileno(), SIOCGIFADDR, request)
            except OSError:  # down, or without an IPv4 address
                continue
            found[name] = socket.inet_ntoa(answer[20:24])
    return found


def up() -> Tuple[str, ...]:
    """Return the names of the interfaces that are up."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for name in names():
            try:
                answer = fcntl.ioctl(probe.fileno(), SIOCGIFFLAGS, struct.pack("256s", name.encode()[:15]))
            except OSError:  # gone meanwhile
                continue
            if struct.unpack_from("H", answer, 16)[0] & IFF_UP:
                found.append(name)
    return tuple(found)


def source_towards(target: str) -> Optional[str]:
    """Return the address this host would use to reach ``target`` (name or IPv4 address), ``None`` if it cannot.

    Connecting a datagram socket sends nothing: the kernel looks up the route and stops there.
    """
    try:
        resolved = socket.getaddrinfo(target, 1, socket.AF_INET, socket.SOCK_DGRAM)[0][4]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(resolved)
            return str(probe.getsockname()[0])
    except OSError:
        return None


def is_loopback(address: str) -> bool:
    """Say whether an IPv4 address never leaves the host."""
    return address.startswith("127.")


def holding(address: str, known: Dict[str, str]) -> Optional[str]:
    """Return the interface of ``known`` (name to address) that has the address."""
    return next((name for name, own in known.items() if own == address), None)
