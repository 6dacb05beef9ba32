"""The way to the other hosts: ssh, and the network interface that the libraries would choose. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ipexenv.doctor.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ipexenv.doctor.surroundings import Surroundings

_VIRTUAL = re.compile(r"(docker|br-|veth|virbr|vnet|cni|flannel|cali|kube|lxc|lxd|podman|tun|tap|wg|tailscale|zt)")
"""Names of interfaces that lead to containers and tunnels, not to the other hosts."""

_OPEN_TO_OTHERS = 0o077
_BOOTSTRAPS = frozenset({"ssh", ""})
"""What I_MPI_HYDRA_BOOTSTRAP says where Hydra uses ssh (Intel MPI's reference; it is the default)."""


def ssh_missing(seen: Surroundings) -> Iterator[Finding]:
    """Report that there is no ssh where ranks are to be started on other hosts with it."""
    bootstrap = seen.env.get("I_MPI_HYDRA_BOOTSTRAP")
    asked = f"I_MPI_HYDRA_BOOTSTRAP={bootstrap}" if bootstrap == "ssh" else ""
    if seen.ssh.client is None and (seen.ssh.hosts or asked) and (bootstrap or "") in _BOOTSTRAPS:
        yield Finding(
            id="ssh-missing",
            severity="error",
            summary="there is no ssh here, and other hosts are to be reached with it",
            evidence=tuple(part for part in (seen.ssh.named_by, asked, "no `ssh` on PATH") if part),
            cause="images of containers leave the client out; mpirun starts its helpers on the other hosts with it",
            cure="`apt-get install openssh-client` (or `dnf install openssh-clients`); under Slurm `srun` needs no ssh",
        )


def ssh_key_open(seen: Surroundings) -> Iterator[Finding]:
    """Report a private key that others may read: ssh passes over it, and asks for a password instead."""
    for key in seen.ssh.keys:
        if key.mode & _OPEN_TO_OTHERS:
            yield Finding(
                id="ssh-key-open",
                severity="warning",
                summary=f"ssh does not use the key {key.path}: others may read it",
                evidence=(f"mode {key.mode:04o}",),
                cause="it was copied without its permissions; ssh refuses private keys that are open to others",
                cure=f"`chmod 600 {key.path}`",
            )


def ssh_asks(seen: Surroundings) -> Iterator[Finding]:
    """Report that no key would get to the other hosts without somebody typing."""
    ssh = seen.ssh
    usable = [key for key in ssh.keys if not key.locked and not key.mode & _OPEN_TO_OTHERS]
    if not ssh.hosts or ssh.client is None or usable or ssh.agent_keys:
        return
    locked = [key.path for key in ssh.keys if key.locked]
    yield Finding(
        id="ssh-asks",
        severity="warning",
        summary=f"ssh would ask for a {'passphrase' if locked else 'password'} on the way to {ssh.hosts[0]}",
        evidence=(ssh.named_by, *(f"{path} has a passphrase" for path in locked), "no agent holds a key"),
        cause="ranks on other hosts are started while nobody can type",
        cure=f"`ssh-add {locked[0]}`, with an agent running"
        if locked
        else f"`ssh-keygen -t ed25519`, then `ssh-copy-id {ssh.hosts[0]}` for each host",
    )


def ssh_host_unknown(seen: Surroundings) -> Iterator[Finding]:
    """Report hosts whose key ssh does not know: it would ask whether to go on, and stop where nobody answers."""
    unknown = seen.ssh.unknown_hosts
    if unknown:
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        yield Finding(
            id="ssh-host-unknown",
            severity="warning",
            summary=f"ssh does not know {unknown[0]}{more}, and would ask",
            evidence=(seen.ssh.named_by, "not in known_hosts: " + ", ".join(unknown)),
            cause="nobody has logged in there from here yet; without a terminal ssh then refuses",
            cure=f"`ssh {unknown[0]} true` once by hand, compare the key and say yes; the same for each host",
        )


def interface_choice(seen: Surroundings) -> Iterator[Finding]:
    """Report which of several interfaces oneCCL's start-up and gloo would take by themselves.

    oneCCL takes the first with an IPv4 address whose name does not contain ``lo`` (internal_kvs.cpp of oneCCL 2021).
    """
    network = seen.network
    if seen.env.get("CCL_KVS_IFACE") or len(network.with_address) < 2:  # noqa: PLR2004 (two are a choice)
        return
    first = next((name for name in network.with_address if "lo" not in name), network.with_address[0])
    better = next((name for name in network.with_address if "lo" not in name and not _VIRTUAL.match(name)), None)
    wrong = _VIRTUAL.match(first) is not None
    wish = better or first
    yield Finding(
        id="interface-choice",
        severity="warning" if wrong and better else "info",
        summary=f"of {len(network.with_address)} network interfaces oneCCL takes {first}"
        + (", which leads to containers or a tunnel" if wrong else ""),
        evidence=(f"with an address: {', '.join(network.with_address)}",),
        cause="it takes the first that has an address; ranks on other hosts may not be reached over that one",
        cure=f"`export CCL_KVS_IFACE={wish} GLOO_SOCKET_IFNAME={wish} FI_TCP_IFACE={wish}` where another leads to the "
        "other hosts; `ipexenv run --hostfile FILE` finds it by itself",
    )


def interface_passed_over(seen: Surroundings) -> Iterator[Finding]:
    """Report that oneCCL passes over every interface, because it takes names with ``lo`` in them for the loopback."""
    names = seen.network.with_address
    if names and all("lo" in name for name in names) and not seen.env.get("CCL_KVS_IFACE"):
        yield Finding(
            id="interface-passed-over",
            severity="warning",
            summary=f"oneCCL passes over {names[0]}, since `lo` is in its name, and finds no other interface",
            evidence=(f"with an address: {', '.join(names)}",),
            cause="it looks for these two letters to leave out the loopback",
            cure=f"`export CCL_KVS_IFACE={names[0]}`; `ipexenv run` and `ipexenv verify` set it",
        )


def interface_without_address(seen: Surroundings) -> Iterator[Finding]:
    """Report that a variable names an interface that is there and has no IPv4 address."""
    known, usable = set(seen.network.interfaces), {*seen.network.with_address, "lo"}
    for name in ("CCL_KVS_IFACE", "GLOO_SOCKET_IFNAME", "FI_TCP_IFACE"):
        values = {value for value in seen.env.get(name, "").split(",") if value}
        if values & known and not values & usable:
            yield Finding(
                id="interface-without-address",
                severity="error",
                summary=f"{name} names {seen.env[name]}, which has no address",
                evidence=(f"{name}={seen.env[name]}", f"with an address: {', '.join(sorted(usable))}"),
                cause="the interface is down, or was never configured",
                cure=f"`unset {name}`: `ipexenv run` and `ipexenv verify` find the interface that leads to the others",
            )


RULES = (
    ssh_missing,
    ssh_key_open,
    ssh_asks,
    ssh_host_unknown,
    interface_choice,
    interface_passed_over,
    interface_without_address,
)
