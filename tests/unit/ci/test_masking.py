"""No secret reaches a log."""

from __future__ import annotations

from ipexenv.ci.masking import secrets_in, without

ENV = {
    "PIP_INDEX_URL": "https://ci:p%40ss-word@a.example/simple",
    "UV_EXTRA_INDEX_URL": "https://glpat-0123456789@b.example/ https://git:abc@c.example",
    "MY_TOKEN": "t0ken-of-mine",
    "TOKENIZERS_PARALLELISM": "false",
    "SIGNING_KEY": "not-by-its-name",
    "PEM_SECRET": "-----BEGIN-----\nline-of-a-key\n-----END-----",
}


def test_credentials_of_addresses_and_secret_variables_are_found() -> None:
    found = secrets_in(ENV, ["https://u:more-secret@d.example/"])
    assert {"p%40ss-word", "p@ss-word", "glpat-0123456789", "t0ken-of-mine", "line-of-a-key", "more-secret"} <= set(
        found
    )
    assert not {"false", "git", "abc", "ci", "u", "not-by-its-name", ""} & set(found)
    assert list(found) == sorted(found, key=lambda secret: (-len(secret), secret))


def test_a_text_loses_them_all() -> None:
    text = "asking https://ci:p%40ss-word@a.example/simple with t0ken-of-mine, p@ss-word and https://x:ab@e.example"
    clean = without(text, secrets_in(ENV))
    assert clean == "asking https://a.example/simple with ***, *** and https://e.example"
