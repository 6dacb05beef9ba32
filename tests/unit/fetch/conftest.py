from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from ipexenv.errors import OutsideError
from ipexenv.fetch.cache import Cache
from ipexenv.fetch.fetching import fetch_all
from ipexenv.fetch.limits import Limits
from ipexenv.system.transfer import RequestsTransfer
from tests.servers import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ipexenv.events import Event
    from ipexenv.fetch.job import Fetched
    from ipexenv.ruling import Offer
    from tests.servers import Site

QUICK = Limits(connections=3, piece_bytes=10_000, stall_s=60.0, attempts=3, first_delay_s=0.001, longest_delay_s=5.0)
"""Quick after a failure, and patient with a busy machine: tests of silence set a shorter limit."""
BODY = random.Random(1).randbytes(50_000)  # noqa: S311 (the same in every run)


@dataclass
class Fetching:
    """Calls fetch_all as most tests need it, and keeps what it said."""

    folder: Path
    limits: Limits = QUICK
    said: list[Event] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    @property
    def cache(self) -> Cache:
        return Cache(folder=self.folder / "cache")

    @property
    def into(self) -> Path:
        return self.folder / "into"

    def __call__(self, *offers: Offer, **more: Any) -> tuple[Fetched, ...]:
        parts: dict[str, Any] = {
            "into": self.into,
            "cache": self.cache,
            "transfer": RequestsTransfer(),
            "listen": self.said.append,
            "limits": self.limits,
            "pause": self.pauses.append,
        }
        return fetch_all(offers, **{**parts, **more})

    def refusal(self, *offers: Offer, **more: Any) -> OutsideError:
        before = set(self.into.glob("*.whl"))
        with pytest.raises(OutsideError) as caught:
            self(*offers, **more)
        assert set(self.into.glob("*.whl")) == before
        return caught.value

    @property
    def steps(self) -> list[str]:
        return [event.text for event in self.said if event.kind in {"step", "warning"}]

    @property
    def details(self) -> list[str]:
        return [event.text for event in self.said if event.kind == "detail"]


@pytest.fixture(autouse=True)
def usual_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "HTTP_PROXY", "http_proxy", "NETRC"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


@pytest.fixture
def fetch(tmp_path: Path) -> Fetching:
    return Fetching(tmp_path)
