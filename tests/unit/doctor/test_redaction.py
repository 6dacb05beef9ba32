"""Redaction: what is sent names nobody and opens nothing."""

from __future__ import annotations

import pytest

from ipexenv.doctor.redaction import redact, redacted

ENV = {"HOME": "/home/eve", "USER": "eve", "HF_TOKEN": "s3cr3tvalue", "PATH": "/usr/bin"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://bob:pw@example.invalid/simple", "https://example.invalid/simple"),
        ("HF_TOKEN=abc next", "HF_TOKEN=*** next"),
        ("it is s3cr3tvalue here", "it is *** here"),
        ("/home/eve/venv/bin and /home/evelyn", "~/venv/bin and /home/evelyn"),
        ("eve@node1: eve, eventually", "USER@HOST: USER, eventually"),
        ("hf_abcdefghijklmnopqrstuv", "***"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_secrets_and_names_go(text: str, expected: str) -> None:
    assert redact(text, ENV, host="node1") == expected


def test_whole_documents() -> None:
    document = {"a": ["/home/eve/x", {"b": "s3cr3tvalue"}], "n": 3, "none": None}
    assert redacted(document, ENV) == {"a": ["~/x", {"b": "***"}], "n": 3, "none": None}
