"""A bridge that is installed can be told from another one only by its version, so that has to move with the payload."""

from __future__ import annotations

from ipexenv.tables.load import load_releases
from tests.payload_record import TABLE, digest, payload_sha256, recorded

NEWEST = load_releases().bridge[-1]

WHAT_TO_DO = f"""the payload is not what compat/bridge.toml records for revision {NEWEST.revision}.
If that revision was ever released, add 1 to `revision` there. Then record the payload:
python -m tests.payload_record"""


def test_the_payload_is_what_the_newest_revision_records() -> None:
    assert payload_sha256() == NEWEST.payload_sha256, WHAT_TO_DO


def test_name_and_content_both_count() -> None:
    digests = {digest(files) for files in ({"a": b"1"}, {"b": b"1"}, {"a": b"2"}, {"a": b"1", "b": b""})}
    assert len(digests) == 4
    assert digest({"a": b"1", "b": b"2"}) == digest({"b": b"2", "a": b"1"})


def test_the_command_changes_the_digest_of_the_newest_row_alone() -> None:
    table = TABLE.read_text(encoding="utf-8")
    older = table.replace(f'"{NEWEST.payload_sha256}"', f'"{"a" * 64}"')
    both = recorded(older + table, "b" * 64)
    assert both == older + table.replace(f'"{NEWEST.payload_sha256}"', f'"{"b" * 64}"')
