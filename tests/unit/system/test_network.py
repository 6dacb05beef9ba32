"""Which names mean this machine."""

from __future__ import annotations

import socket

from ipexenv.system.network import LocalNetwork


def test_this_host_is_known_by_its_names_and_addresses() -> None:
    network = LocalNetwork()
    assert network.is_this_host("localhost")
    assert network.is_this_host(socket.gethostname())
    assert network.is_this_host("127.0.0.1")


def test_other_addresses_and_what_is_no_name_are_not_this_host() -> None:
    network = LocalNetwork()
    assert not network.is_this_host("192.0.2.1")  # kept for documentation (RFC 5737)
    assert not network.is_this_host("no name at all")
    assert not network.is_this_host("x" * 300)
    assert network.address_of("x" * 300) is None


def test_addresses_and_ports_can_be_had() -> None:
    network = LocalNetwork()
    assert network.address_of("127.0.0.1") == "127.0.0.1"
    with socket.create_server(("", network.free_port())) as server:
        assert server.getsockname()[1] > 0
