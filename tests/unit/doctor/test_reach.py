"""How ssh would get to the other hosts, from files and from ssh's own settings alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from ipexenv.doctor.reach import look_at_ssh
from ipexenv.errors import UsageError
from ipexenv.system.world import World
from tests.fakes import FakeRunner, finished

if TYPE_CHECKING:
    from pathlib import Path

    from ipexenv.system.runner import Finished


@dataclass
class FakeNetwork:
    """A host that is called ``node1``."""

    def is_this_host(self, name: str) -> bool:
        return name == "node1"

    def address_of(self, name: str) -> str | None:
        return None

    def free_port(self) -> int:
        return 1


def world(folder: Path, *endings: tuple[tuple[str, ...], Finished], ssh: bool = True, **env: str) -> World:
    (folder / "bin").mkdir()
    (folder / ".ssh").mkdir()
    if ssh:
        program = folder / "bin" / "ssh"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    (folder / "hosts").write_text("node1:2\neve@node2 slots=2\n")
    env = {"PATH": str(folder / "bin"), "HOME": str(folder), **env}
    return World(runner=FakeRunner(endings=list(endings)), network=FakeNetwork(), env=env, directory=folder)


def key(folder: Path, name: str, mode: int) -> str:
    path = folder / ".ssh" / name
    path.write_text("a key")
    path.chmod(mode)
    return str(path)


def settings(folder: Path, *, strict: str = "ask", more: str = "") -> tuple[tuple[str, ...], Finished]:
    told = f"hostname node2\nport 2222\nstricthostkeychecking {strict}\nuserknownhostsfile {folder}/known {folder}/no\n"
    return ("ssh -G -- eve@node2",), finished(stdout=f"{told}identityfile ~/.ssh/id_rsa\n{more}")


def test_without_other_hosts_only_files_are_looked_at(tmp_path: Path) -> None:
    outside = world(tmp_path)
    path = key(tmp_path, "id_ed25519", 0o644)
    (tmp_path / ".ssh" / "id_ed25519.pub").touch()
    seen = look_at_ssh(outside, None, home=tmp_path)
    assert (seen.hosts, seen.client) == ((), str(tmp_path / "bin" / "ssh"))
    assert [(each.path, each.mode) for each in seen.keys] == [(path, 0o644)]


def test_where_there_is_no_ssh_the_hosts_are_still_told(tmp_path: Path) -> None:
    seen = look_at_ssh(world(tmp_path, ssh=False), "hosts", home=tmp_path)
    assert (seen.hosts, seen.named_by, seen.client) == (("eve@node2",), "--hostfile hosts", None)


def test_a_hostfile_named_by_a_variable_of_hydra(tmp_path: Path) -> None:
    outside = world(tmp_path, ssh=False, I_MPI_HYDRA_HOST_FILE="hosts")
    assert look_at_ssh(outside, None, home=tmp_path).named_by == "I_MPI_HYDRA_HOST_FILE=hosts"


def test_a_variable_that_leads_nowhere_names_no_hosts(tmp_path: Path) -> None:
    assert look_at_ssh(world(tmp_path, ssh=False, I_MPI_HYDRA_HOST_FILE="gone"), None, home=tmp_path).hosts == ()


def test_a_hostfile_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the hostfile"):
        look_at_ssh(world(tmp_path), "gone", home=tmp_path)


def test_a_locked_key_an_agent_and_a_host_that_is_not_known(tmp_path: Path) -> None:
    outside = world(
        tmp_path,
        settings(tmp_path),
        (("ssh-keygen -y",), finished(255, stderr="incorrect passphrase supplied to decrypt private key")),
        (("ssh-add -l",), finished(stdout="256 SHA256:abc eve (ED25519)\n")),
        (("ssh-keygen -F [node2]:2222",), finished(1)),
        SSH_AUTH_SOCK="/agent",
    )
    (tmp_path / "known").touch()
    path = key(tmp_path, "id_rsa", 0o600)
    seen = look_at_ssh(outside, "hosts", home=tmp_path)
    assert [(each.path, each.locked) for each in seen.keys] == [(path, True)]
    assert (seen.agent_keys, seen.unknown_hosts) == (1, ("eve@node2",))


@pytest.mark.parametrize(
    ("strict", "more", "found"),
    [("ask", "", "# Host found"), ("accept-new", "", ""), ("false", "", ""), ("ask", "proxyjump gate\n", "")],
)
def test_hosts_that_are_known_or_not_asked_about(tmp_path: Path, strict: str, more: str, found: str) -> None:
    outside = world(
        tmp_path, settings(tmp_path, strict=strict, more=more), (("ssh-keygen -F",), finished(stdout=found))
    )
    (tmp_path / "known").touch()
    assert look_at_ssh(outside, "hosts", home=tmp_path).unknown_hosts == ()


def test_an_agent_without_keys(tmp_path: Path) -> None:
    outside = world(
        tmp_path, settings(tmp_path, strict="no"), (("ssh-add",), finished(1, stdout="none")), SSH_AUTH_SOCK="/agent"
    )
    assert look_at_ssh(outside, "hosts", home=tmp_path).agent_keys == 0
