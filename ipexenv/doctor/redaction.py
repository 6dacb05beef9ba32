"""Take out of a report what is nobody's business: home folders, user and host names, secrets. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ipexenv.install.addresses import hide_credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECRET_NAME = re.compile(r"(TOKEN|SECRET|PASSWORD|PASSWD|KEY|CREDENTIAL|COOKIE)", re.IGNORECASE)
_ASSIGNED = re.compile(r"\b(?P<name>[A-Z0-9_]*(?:TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|CREDENTIALS?)[A-Z0-9_]*)=\S+")
_KNOWN_TOKENS = re.compile(
    r"\b(gh[pousr]_[A-Za-z0-9]{20,}|hf_[A-Za-z0-9]{20,}|pypi-[A-Za-z0-9_-]{20,}|glpat-[\w-]{16,})"
)

HIDDEN = "***"


def redact(text: str, env: Mapping[str, str], *, host: str | None = None) -> str:
    """Return ``text`` without credentials, tokens, secret variables, and the names of home folder, user and host."""
    text = hide_credentials(text)
    text = _ASSIGNED.sub(rf"\g<name>={HIDDEN}", text)
    text = _KNOWN_TOKENS.sub(HIDDEN, text)
    for name, value in env.items():
        if _SECRET_NAME.search(name) and len(value) > 3:  # noqa: PLR2004 (shorter ones stand in every text)
            text = text.replace(value, HIDDEN)
    home = env.get("HOME", "").rstrip("/")
    if home:
        text = re.sub(rf"{re.escape(home)}(?=/|\b|$)", "~", text)
    user = env.get("USER") or env.get("LOGNAME") or ""
    for word, instead in ((user, "USER"), (host or "", "HOST")):
        if len(word) > 1 and word != "localhost":
            text = re.sub(rf"(?<![\w-]){re.escape(word)}(?![\w-])", instead, text)
    return text


def redacted(value: Any, env: Mapping[str, str], *, host: str | None = None) -> Any:  # noqa: ANN401 (JSON)
    """Return JSON data with every string redacted."""
    if isinstance(value, str):
        return redact(value, env, host=host)
    if isinstance(value, dict):
        return {key: redacted(item, env, host=host) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(item, env, host=host) for item in value]
    return value
