"""Outputs are what pip 23.2 and uv 0.13 really print for each failure, shortened."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipexenv.install.explain import explain
from tests.fakes import finished

FILE = "oneccl_bind_pt-2.7.0+cpu-cp311-cp311-linux_x86_64.whl"
URL = f"http://files.test:8080/ccl/{FILE.replace('+', '%2B')}"

CASES = {
    "wrong-hash": (
        f"ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n    x@ {URL}#sha256=0:",
        f"error: Failed to download\n  cause: Hash mismatch for `oneccl-bind-pt @ {URL}#sha256=00`",
    ),
    "forbidden": (
        f"  ERROR: HTTP error 403 while getting {URL}\nERROR: Could not install requirement",
        f"error: Failed to download\n  cause: HTTP status client error (403 Forbidden) for url ({URL})",
        f"error: x\n  cause: HTTP status client error (401 Unauthorized) for url ({URL})",
    ),
    "not-found": (
        f"  ERROR: HTTP error 404 while getting {URL}",
        f"error: x\n  cause: HTTP status client error (404 Not Found) for url ({URL})",
    ),
    "source-failed": (
        "ERROR: HTTPConnectionPool: Max retries exceeded (Caused by ResponseError('too many 500 error responses'))",
        f"error: x\n  cause: HTTP status server error (500 Internal Server Error) for url ({URL})",
        "ERROR: Could not install packages due to an OSError: Exceeded 30 redirects.",
    ),
    "tls": (
        "ERROR: (Caused by SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] self-signed')))",
        "error: x\n  cause: client error (Connect)\n  cause: invalid peer certificate: Other(CaUsedAsEndEntity)",
    ),
    "no-network": (
        "ERROR: (Caused by NewConnectionError('Failed to establish a new connection: [Errno 111] Connection refused'))",
        "error: x\n  cause: client error (Connect)\n  cause: Connection refused (os error 111)",
        "ERROR: [Errno -2] Name or service not known",
        "error: x\n  cause: dns error\n  cause: failed to lookup address information: Name or service not known",
        "ERROR: (Caused by ProxyError('Cannot connect to proxy.'))",
    ),
    "stalled": (
        f"  Downloading {URL} (1 kB)\npip._vendor.urllib3.exceptions.ReadTimeoutError: Read timed out.",
        "error: x\n  cause: Failed to download distribution due to network timeout. Try increasing UV_HTTP_TIMEOUT",
    ),
    "cut-off": ("error: x\n  cause: end of file before message length reached",),
    "damaged-wheel": (
        "ERROR: Wheel 'oneccl-bind-pt' located at /tmp/x.whl is invalid.",
        "error: x\n  cause: Failed to read from zip file\n  cause: Encountered an unexpected header",
        f"error: Failed to unzip wheel: {FILE}\n  cause: unable to locate the end of central directory record",
        "error: x\n  cause: Because torch==2.8.0 has an invalid package format and you require torch==2.8.0, we can",
    ),
    "contradictory-wheel": (
        f"    The user requested oneccl-bind-pt 2.6.0+cpu (from {URL})\nERROR: ResolutionImpossible",
        f"ERROR: Requested oneccl_bind_pt from {URL} has inconsistent version: expected '2.7.0+cpu'",
    ),
    "unsupported-wheel": ("ERROR: x-cp38-cp38-linux_x86_64.whl is not a supported wheel on this platform.",),
    "conflict": (
        "ERROR: Cannot install torch==2.7.0 because these package versions have conflicting dependencies.",
        "error: x\n  cause: Because you require torch==2.7.0 and torch==2.6.0, we can conclude that",
    ),
    "not-offered": (
        "ERROR: No matching distribution found for nowhere>1",
        "error: x\n  cause: Because nowhere was not found in the package registry and x==1 depends on nowhere>1",
    ),
    "disk-full": (
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
        "error: x\n  cause: No space left on device (os error 28)",
    ),
    "not-writable": (
        "ERROR: Could not install packages due to an OSError: [Errno 30] Read-only file system: '/env'",
        "error: x\n  cause: Permission denied (os error 13)",
    ),
    "externally-managed": (
        "error: externally-managed-environment",
        "error: The interpreter at /usr is externally managed, and indicates the following:",
    ),
}


@pytest.mark.parametrize(
    ("code", "output"),
    [(code, output) for code, outputs in CASES.items() for output in outputs],
    ids=lambda v: str(v)[:40],
)
def test_every_failure_is_recognised_on_either_stream(code: str, output: str) -> None:
    for ended in (finished(1, stdout=output), finished(1, stderr=output)):
        explanation = explain(ended)
        assert explanation.code == code
        assert explanation.causes[0]
        assert explanation.hint


def test_the_cause_names_file_and_host() -> None:
    explanation = explain(finished(1, stderr=f"ERROR: HTTP error 403 while getting {URL}"))
    assert explanation.causes[0] == f"files.test:8080 refuses {FILE} (HTTP 403)"


def test_the_cause_without_an_address() -> None:
    assert explain(finished(1, stderr="ERROR: HTTP error 404")).causes[0] == (
        "a source lists a file and does not have it (HTTP 404)"
    )


def test_no_version_of_what_was_asked_for_by_url_is_a_contradiction() -> None:
    said = "error: x\n  cause: Because there is no version of oneccl-bind-pt==2.7.0+cpu and you require it, we can"
    assert explain(finished(1, stderr=said)).code == "not-offered"
    assert explain(finished(1, stderr=said), by_url=["oneccl-bind-pt"]).code == "contradictory-wheel"


def test_the_engines_own_words_follow_without_passwords() -> None:
    said = (
        "Collecting x\nERROR: one\nERROR: from https://me:hunter2@files.test/x\nhint: three\ncause: four\nERROR: five"
    )
    assert explain(finished(1, stderr=said)).causes == (
        "it says: ERROR: one",
        "it says: ERROR: from https://files.test/x",
        "it says: hint: three",
        "it says: cause: four",
    )


def test_what_nobody_knows_is_quoted() -> None:
    assert explain(finished(1, stdout="first\nlast\n")).causes == ("it says: last",)
    assert explain(finished(7)).causes == ("it ended with code 7 and said nothing",)


def test_an_engine_that_never_ends() -> None:
    ended = replace(finished(-15, stdout="Downloading", timed_out=True), seconds=7200.0)
    explanation = explain(ended)
    assert explanation.code == "engine-timeout"
    assert explanation.causes[0] == "it was still running after 120 minutes"


@given(st.text(max_size=200))
def test_any_output_gets_an_explanation(output: str) -> None:
    explanation = explain(finished(1, stderr=output))
    assert explanation.code
    assert explanation.causes
