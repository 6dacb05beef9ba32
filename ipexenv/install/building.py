"""Build what no source has ready made, before the engine is called: the environment is not touched here."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from ipexenv.errors import OutsideError
from ipexenv.events import Event
from ipexenv.install.places import access_to

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ipexenv.bridge.build import BuiltWheel
    from ipexenv.events import Listener
    from ipexenv.install.configuration import Configuration
    from ipexenv.outcome import Offer
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
) -> tuple[str, ...]:
    """Build the wheels of ``plan.builds`` in ``folder`` and return a requirement for each, by file and SHA-256.

    Raises OutsideError where one cannot be built, which says that nothing was changed.
    """
    requirements: list[str] = []
    for pin in plan.builds:
        assert pin.bridge is not None  # noqa: S101 (what makes it stand in builds)
        listen(Event(kind="step", text=f"building {pin.name} {pin.version}"))
        try:
            wheel = build(
                pin.bridge,
                (*pin.parts, *pin.spare_parts),
                folder,
                http=world.http,
                listen=listen,
                access=partial(access_to, configuration=configuration),
            )
        except OutsideError as error:
            error.causes = (*error.causes, "nothing was changed")
            error.data = {**(error.data or {}), "changed": False}
            raise
        requirements.append(f"{pin.name} @ {wheel.path.as_uri()}#sha256={wheel.sha256}")
    return tuple(requirements)
