from __future__ import annotations

from typing import TYPE_CHECKING

from ipexenv.fetch.credentials import credentials_from
from ipexenv.system.runner import SubprocessRunner
from ipexenv.system.transfer import Credentials
from tests.fakes import FakeRunner, finished

if TYPE_CHECKING:
    import pytest


def test_hosts_are_known_by_the_addresses_of_sources() -> None:
    runner = FakeRunner()
    ask = credentials_from(
        ["https://me:p%40ss@Host.invalid:8443/simple", "https://other.invalid/", "/a/folder"], runner
    )
    assert ask("https://host.invalid:8443/files/x.whl") == Credentials(user="me", password="p@ss")
    assert ask("https://host.invalid/files/x.whl") is None
    assert ask("https://other.invalid/x.whl") is None
    assert ask("https://[broken/x.whl") is None
    assert runner.calls == []


def test_the_keyring_is_asked_once_for_a_user_without_password() -> None:
    runner = FakeRunner(endings=[(("keyring", "get", "host.invalid", "me"), finished(stdout="hunter2\n"))])
    ask = credentials_from(["https://me@host.invalid/simple"], runner)
    assert ask("https://host.invalid/x") == ask("https://host.invalid/y") == Credentials(user="me", password="hunter2")
    assert len(runner.calls) == 1


def test_a_keyring_that_does_not_know_is_no_obstacle() -> None:
    for ending in (finished(1), finished(stdout="")):
        ask = credentials_from(["https://me@host.invalid/simple"], FakeRunner(endings=[(("keyring",), ending)]))
        assert ask("https://host.invalid/x") is None


def test_a_keyring_that_is_not_installed_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert credentials_from(["https://me@host.invalid/simple"], SubprocessRunner())("https://host.invalid/x") is None
