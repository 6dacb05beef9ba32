"""Build what no source has ready made, before the engine is called: the environment is not touched here."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from packaging.utils import canonicalize_name

from ipexenv.events import Event
from ipexenv.fetch.job import Fetched
from ipexenv.install.places import access_to
from ipexenv.ruling import Offer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ipexenv.bridge.build import BuiltWheel
    from ipexenv.events import Listener
    from ipexenv.install.configuration import Configuration
    from ipexenv.outcome import Pin
    from ipexenv.plan import Plan
    from ipexenv.system.http import Access, Http
    from ipexenv.system.world import World
    from ipexenv.tables.bridge import BridgeRelease


class Build(Protocol):
    """Makes the wheel of a release; see ``ipexenv.bridge.build.build_wheel``."""

    def __call__(  # noqa: PLR0913 (what to make, of what, where, and the outside world)
        self,
        release: BridgeRelease,
        parts: Sequence[Offer],
        folder: Path,
        *,
        http: Http,
        listen: Listener,
        access: Callable[[str], Access],
    ) -> BuiltWheel:
        """Make the wheel in ``folder``."""
        ...


def build_bridge(  # noqa: PLR0913 (the signature of Build)
    release: BridgeRelease,
    parts: Sequence[Offer],
    folder: Path,
    *,
    http: Http,
    listen: Listener,
    access: Callable[[str], Access],
) -> BuiltWheel:
    """Make the wheel for real."""
    from ipexenv.bridge.build import build_wheel  # noqa: PLC0415 (start-up time: most plans build nothing)

    return build_wheel(release, parts, folder, http=http, listen=listen, access=access)


def build_all(  # noqa: PLR0913 (what, where, how, and who listens)
    plan: Plan, folder: Path, *, build: Build, configuration: Configuration, world: World, listen: Listener
) -> tuple[Fetched, ...]:
    """Build the wheels of ``plan.builds`` in ``folder`` and return them. Raises OutsideError where one cannot be."""
    found: list[Fetched] = []
    for pin in plan.builds:
        assert pin.bridge is not None  # noqa: S101 (what makes it stand in builds)
        listen(Event(kind="step", text=f"building {pin.name} {pin.version}"))
        wheel = build(
            pin.bridge,
            (*pin.parts, *pin.spare_parts),
            folder,
            http=world.http,
            listen=listen,
            access=partial(access_to, configuration=configuration),
        )
        found.append(_as_fetched(pin, wheel))
    return tuple(found)


def _as_fetched(pin: Pin, wheel: BuiltWheel) -> Fetched:
    offer = Offer(
        project=canonicalize_name(pin.name),
        version=pin.version,
        filename=wheel.path.name,
        url=wheel.path.as_uri(),
        source="built here",
        sha256=wheel.sha256,
        size_bytes=wheel.size_bytes,
    )
    return Fetched(offer=offer, path=wheel.path, sha256=wheel.sha256, size_bytes=wheel.size_bytes, from_cache=False)
