"""Ask for a file under the rules: https stays https, each host gets its own credentials, redirects are shown."""

from __future__ import annotations

import ipaddress
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from ipexenv.events import Event, ignore
from ipexenv.fetch.trouble import Trouble, from_unreachable
from ipexenv.install.addresses import host_of, is_web, scheme
from ipexenv.system.access import USUAL_ACCESS, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ipexenv.events import Listener
    from ipexenv.fetch.limits import Limits
    from ipexenv.system.access import Access
    from ipexenv.system.transfer import Credentials, Incoming, Transfer

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def usual_access(_url: str) -> Access:
    """Return what a server needs that nothing is known of."""
    return USUAL_ACCESS


def no_credentials(_url: str) -> Credentials | None:
    """Know nobody: the URL itself and netrc are asked all the same."""
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """How to get at files."""

    transfer: Transfer
    limits: Limits
    access_for: Callable[[str], Access] = usual_access
    credentials_for: Callable[[str], Credentials | None] = no_credentials
    allow_insecure: frozenset[str] = frozenset()
    """Hosts (``host`` or ``host:port``, lower case) that may be asked without TLS."""
    tell: Listener = ignore

    @contextmanager
    def opened(
        self, url: str, *, wanted: tuple[int, int | None] | None = None, validator: str | None = None
    ) -> Iterator[Incoming]:
        """Follow ``url`` to its end and yield the answer, whatever its status.

        Raises Trouble for what cannot be reached and for a redirect that must not be followed.
        """
        refuse_insecure(url, came_from=None, allowed=self.allow_insecure)
        with ExitStack() as stack:
            for _hop in range(self.limits.redirects + 1):
                answer = stack.enter_context(self._ask(url, wanted, validator))
                if answer.head.status not in _REDIRECTS:
                    yield answer
                    return
                target = _with_credentials(answer.head.location or "", url)
                stack.close()
                self._check(target, came_from=url)
                url = target
        raise Trouble(f"more than {self.limits.redirects} redirects", code="redirect-loop")

    @contextmanager
    def _ask(self, url: str, wanted: tuple[int, int | None] | None, validator: str | None) -> Iterator[Incoming]:
        try:
            with self.transfer.open(
                url,
                wanted=wanted,
                validator=validator,
                access=self.access_for(url),
                credentials=None if "@" in urlsplit(url).netloc else self.credentials_for(url),
                stall_s=self.limits.stall_s,
            ) as answer:
                yield answer
        except UnreachableError as error:
            raise from_unreachable(error) from None

    def _check(self, url: str, *, came_from: str) -> None:
        refuse_insecure(url, came_from=came_from, allowed=self.allow_insecure)
        here, there = (f"{scheme(address)}://{host_of(address)}" for address in (came_from, url))
        if here != there:
            self.tell(Event(kind="step", text=f"{here} redirects to {there}"))


def refuse_insecure(url: str, *, came_from: str | None, allowed: frozenset[str]) -> None:
    """Raise Trouble unless ``url`` is https, or plain http that is allowed or never leaves the machine.

    pip, too, takes loopback addresses for safe. One that https redirects to is not: whoever wrote the redirect does
    not know this machine.
    """
    kind, host = scheme(url), host_of(url).lower()
    if kind == "https":
        return
    if not is_web(url):
        raise Trouble("it redirects to something that is not HTTP", code="bad-redirect")
    if host in allowed or host.rpartition(":")[0] in allowed:
        return
    if came_from is not None and scheme(came_from) == "https":
        raise Trouble(f"it redirects from https to http://{host}, where nothing protects a download", code="insecure")
    if not _is_loopback(url):
        raise Trouble(f"http://{host} is not protected by TLS", code="insecure")


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _with_credentials(target: str, asked: str) -> str:
    """Carry user and password of a URL over to where the same server sends us, and to nobody else."""
    try:
        here, there = urlsplit(asked), urlsplit(target)
    except ValueError:
        return ""
    user = here.netloc.rpartition("@")[0]
    if (
        not user
        or "@" in there.netloc
        or (here.scheme, here.hostname, here.port)
        != (
            there.scheme,
            there.hostname,
            there.port,
        )
    ):
        return target
    return urlunsplit(there._replace(netloc=f"{user}@{there.netloc}"))
