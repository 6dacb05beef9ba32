"""Hostfiles of both spellings, and what is wrong with the bad ones."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipexenv.errors import UsageError
from ipexenv.launch.hostfile import MOST_SLOTS, parse_hostfile


def parsed(text: str) -> list[tuple[str, int | None]]:
    return [(host.name, host.slots) for host in parse_hostfile(text, where="hosts")]


def test_both_spellings_with_comments_and_blank_lines() -> None:
    text = "# ours\n\nnode1\n node2:4  # four\nuser@node3 slots=2\n10.0.0.4 slots=3 max_slots=2\r\nnode5 max-slots=6\n"
    assert parsed(text) == [("node1", None), ("node2", 4), ("user@node3", 2), ("10.0.0.4", 2), ("node5", 6)]


def test_a_host_that_is_named_again_gets_both() -> None:
    assert parsed("a\nb:2\na\nb:3\n") == [("a", 2), ("b", 5)]


def test_addresses_with_colons() -> None:
    assert parsed("fd00::1\n[fd00::2]:3\n[fd00::3]\n") == [("fd00::1", None), ("fd00::2", 3), ("fd00::3", None)]


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("-oProxyCommand=x", "'-oProxyCommand=x' is not the name of a host"),
        ("no;de", "'no;de' is not the name of a host"),
        (":4", "'' is not the name of a host"),
        ("node:", "'' is not a number of ranks from 1 to 4096"),
        ("node:0", "'0' is not a number of ranks"),
        ("node:-1", "'-1' is not a number of ranks"),
        ("node:٣", "'٣' is not a number of ranks"),
        ("node:99999999999999", "'99999999999999' is not a number of ranks"),
        ("node slots=two", "'two' is not a number of ranks"),
        ("node slots", "'slots' is not understood"),
        ("node cpu=2", "'cpu=2' is not understood"),
        ("[fd00::1:2", "'[fd00::1:2' is not an address in brackets"),
        ("[node]:2", "'[node]:2' is not an address in brackets"),
    ],
)
def test_bad_lines_are_named_with_their_cause(line: str, cause: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_hostfile(f"good\n{line}\n", where="my/hosts")
    assert caught.value.message.startswith(f"my/hosts, line 2: {cause}")
    assert caught.value.code == "bad-hostfile"
    assert caught.value.hint


def test_an_empty_file_names_no_host() -> None:
    with pytest.raises(UsageError, match="hosts names no host"):
        parse_hostfile("# nothing\n\n", where="hosts")


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(UsageError):
        for host in parse_hostfile(text, where="hosts"):
            assert host.name
            assert not host.name.startswith("-")
            assert host.slots is None or 1 <= host.slots <= MOST_SLOTS * len(text.splitlines())


names = st.from_regex(r"\A[a-z][a-z0-9.-]{0,8}\Z").map(str.strip)


@given(st.dictionaries(names, st.none() | st.integers(1, 64), min_size=1), st.booleans())
def test_what_is_written_is_read(hosts: dict[str, int | None], intel: bool) -> None:  # noqa: FBT001 (drawn)
    form = "{}:{}" if intel else "{} slots={}"
    lines = [name if slots is None else form.format(name, slots) for name, slots in hosts.items()]
    assert dict(parsed("\n".join(lines))) == hosts
