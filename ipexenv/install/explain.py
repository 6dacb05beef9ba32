"""Say why an engine failed, from what it printed. Only for people: no decision rests on it.

The phrases are those of pip 22 to 26 and uv 0.5 to 0.13, seen by making each of these failures happen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipexenv.install.addresses import hide_credentials, host_of, last_segment, without_credentials

if TYPE_CHECKING:
    from collections.abc import Collection

    from ipexenv.system.runner import Finished

_URL = re.compile(r"https?://[^\s'\"`)>,#]+")
_LINES_QUOTED = 4
_LINE_LIMIT = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """What became of an engine's run."""

    code: str
    causes: tuple[str, ...]
    hint: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sign:
    """A phrase that gives a failure away. ``{file}`` and ``{host}`` stand for those of the URL beside the phrase."""

    pattern: str
    code: str
    cause: str
    hint: str


_OTHER_SOURCE = "run it again, or take the file from elsewhere with `--source URL-or-DIR`"
_NETWORK = "check network and proxy and run it again; `--offline --source DIR` installs from a folder of wheels"

_LIAR = _Sign(
    pattern=r"has inconsistent|does not match the wheel filename|The user requested \S+ \S+ \(from https?://",
    code="contradictory-wheel",
    cause="the metadata inside a wheel contradicts its file name",
    hint="do not use that file; " + _OTHER_SOURCE,
)

# The first that matches wins: what is surest comes first, and what also shows up in harmless warnings last.
_SIGNS = (
    _Sign(
        pattern=r"DO NOT MATCH THE HASHES|Hash mismatch for",
        code="wrong-hash",
        cause="{file} from {host} is not the file that was announced: its SHA-256 differs",
        hint="do not use that file; " + _OTHER_SOURCE,
    ),
    _Sign(
        pattern=r"No space left on device|os error 28\b|Disk quota exceeded|os error 122\b",
        code="disk-full",
        cause="the disk is full (environment, cache or temporary folder)",
        hint="free some space, or point TMPDIR and the engine's cache (PIP_CACHE_DIR, UV_CACHE_DIR) to another disk",
    ),
    _Sign(
        pattern=r"Read-only file system|os error 30\b",
        code="not-writable",
        cause="the environment lies on a read-only file system",
        hint="install into an environment of its own with `--venv DIR`",
    ),
    _Sign(
        pattern=r"externally[- ]managed",
        code="externally-managed",
        cause="the operating system manages this Python's packages (PEP 668)",
        hint="install into an environment of its own with `--venv DIR`",
    ),
    _Sign(
        pattern=r"Permission denied|os error 13\b",
        code="not-writable",
        cause="a file or folder of the environment or of the engine's cache may not be written",
        hint="correct its permissions, or install into an environment of its own with `--venv DIR`",
    ),
    _Sign(
        pattern=r"\b403 (Client Error|Forbidden)|HTTP error 403",
        code="forbidden",
        cause="{host} refuses {file} (HTTP 403)",
        hint="take the file from elsewhere with `--source URL-or-DIR`",
    ),
    _Sign(
        pattern=r"\b401 (Client Error|Unauthorized)|HTTP error 401",
        code="forbidden",
        cause="{host} wants a user and a password for {file} (HTTP 401)",
        hint="put them into ~/.netrc or into the source's URL",
    ),
    _Sign(
        pattern=r"\b404 (Client Error|Not Found)|HTTP error 404",
        code="not-found",
        cause="{host} lists {file} and does not have it (HTTP 404)",
        hint="take the file from elsewhere with `--source URL-or-DIR`",
    ),
    _Sign(
        pattern=r"\b5\d\d (Server Error|Internal Server Error|Bad Gateway|Service Unavailable|Gateway Time)"
        r"|too many 5\d\d error",
        code="source-failed",
        cause="{host} failed on {file} (a server error)",
        hint=_OTHER_SOURCE,
    ),
    _Sign(
        pattern=r"CERTIFICATE_VERIFY_FAILED|invalid peer certificate|SSLError|SSLCertVerificationError|tls handshake",
        code="tls",
        cause="the certificate of {host} is not trusted",
        hint="name your authority with PIP_CERT or SSL_CERT_FILE, or trust the host with PIP_TRUSTED_HOST",
    ),
    _Sign(
        pattern=r"Name or service not known|name resolution|dns error|failed to lookup address|No address associated",
        code="no-network",
        cause="the host name {host} cannot be resolved",
        hint=_NETWORK,
    ),
    _Sign(
        pattern=r"[Rr]ead timed out|network timeout|operation timed out|deadline has elapsed",
        code="stalled",
        cause="{host} stopped sending {file}",
        hint="run it again; PIP_TIMEOUT and UV_HTTP_TIMEOUT (seconds) make the engines wait longer",
    ),
    _Sign(
        pattern=r"ProxyError|Tunnel connection failed|proxy tunnel|unsuccessful tunnel",
        code="no-network",
        cause="the proxy does not let the engine through to {host}",
        hint=_NETWORK,
    ),
    _Sign(
        pattern=r"Exceeded \d+ redirects|too many redirects|redirect loop",
        code="source-failed",
        cause="{host} redirects in a circle",
        hint=_OTHER_SOURCE,
    ),
    _Sign(
        pattern=r"end of file before message length|IncompleteRead|incomplete-download"
        r"|error decoding response body",
        code="cut-off",
        cause="{host} broke off in the middle of {file}",
        hint=_OTHER_SOURCE,
    ),
    _LIAR,
    _Sign(
        pattern=r"Because (?P<what>\S+) has an invalid package format|is invalid\.|Failed to read from zip"
        r"|Failed to unzip wheel|not a zip file|BadZipFile|unexpected header|Failed to extract archive"
        r"|has an invalid wheel",
        code="damaged-wheel",
        cause="{file} from {host} is no whole wheel: it broke off, is damaged, or is an error page in its place",
        hint=_OTHER_SOURCE,
    ),
    _Sign(
        pattern=r"is not a supported wheel on this platform|no wheels with a matching|incompatible with the current",
        code="unsupported-wheel",
        cause="a file does not suit this Python or this platform",
        hint="`ipexenv status -v` shows what the target accepts; give another file with `--source URL-or-DIR`",
    ),
    _Sign(
        pattern=r"ResolutionImpossible|conflicting dependencies|you require .* and .*, we can conclude",
        code="conflict",
        cause="the requirements contradict each other, or a constraint that is configured (PIP_CONSTRAINT)",
        hint="loosen that constraint, or install into an environment of its own with `--venv DIR`",
    ),
    _Sign(
        pattern=r"[Cc]onnection refused|Network is unreachable|No route to host|client error \(Connect\)"
        r"|NewConnectionError|Max retries exceeded",
        code="no-network",
        cause="{host} cannot be reached",
        hint=_NETWORK,
    ),
    _Sign(
        pattern=r"No matching distribution|no version of|not found in the package registry|not found in the provided",
        code="not-offered",
        cause="an index does not offer what is needed",
        hint="check the configured index (PIP_INDEX_URL, UV_DEFAULT_INDEX), or add a source with `--source URL-or-DIR`",
    ),
)


def explain(ended: Finished, *, by_url: Collection[str] = ()) -> Explanation:
    """Return why the engine ended as it did: the likely cause, then the engine's own last words.

    ``by_url`` are the normalised names of what was asked for by URL: of those, an engine that finds "no version" has
    found a file with another version inside.
    """
    output = f"{ended.stdout}\n{ended.stderr}"
    quoted = _last_words(output)
    if ended.timed_out:
        return Explanation(
            code="engine-timeout",
            causes=(f"it was still running after {ended.seconds / 60:.0f} minutes", *quoted),
            hint="run it again: what is downloaded already is kept in the engine's cache",
        )
    lacking = re.search(r"there is no version of ([\w.-]+)==", output)
    if lacking is not None and lacking.group(1) in by_url:
        return Explanation(code=_LIAR.code, causes=(_LIAR.cause, *quoted), hint=_LIAR.hint)
    for sign in _SIGNS:
        found = re.search(sign.pattern, output)
        if found is not None:
            return Explanation(code=sign.code, causes=(_filled(sign.cause, output, found), *quoted), hint=sign.hint)
    return Explanation(
        code="engine-failed",
        causes=quoted or (f"it ended with code {ended.returncode} and said nothing",),
        hint="run it again with `-v` to see everything that the engine says",
    )


def _filled(cause: str, output: str, found: re.Match[str]) -> str:
    """Put in the file and host of the URL nearest to the phrase, on its line or before it, or what the phrase names."""
    end = output.find("\n", found.start())
    urls = _URL.findall(output[: end if end >= 0 else len(output)])
    address = without_credentials(urls[-1].rstrip(".:")) if urls else ""
    named = found.groupdict().get("what")
    return cause.format(file=named or last_segment(address) or "a file", host=host_of(address) or "a source")


def _last_words(output: str) -> tuple[str, ...]:
    """Return the lines in which the engine says what is wrong, without passwords in them."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    said = [line for line in lines if re.match(r"(ERROR|error|cause|Caused by|hint)\b.*:", line)] or lines[-1:]
    return tuple(f"it says: {hide_credentials(line)[:_LINE_LIMIT]}" for line in said[:_LINES_QUOTED])
