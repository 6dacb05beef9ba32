"""Everything that a change needs, brought here and looked through before the first file of the environment changes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ipexenv.errors import OutsideError
from ipexenv.events import Event
from ipexenv.fetch.credentials import credentials_from
from ipexenv.fetch.fetching import fetch_all
from ipexenv.fetch.wheel import read_wheel
from ipexenv.install.addresses import is_local, local_path, without_credentials
from ipexenv.install.ahead import unpacking_ahead
from ipexenv.install.alone import nobody_else, with_users_alone
from ipexenv.install.building import build_all
from ipexenv.install.closure import closure
from ipexenv.install.places import access_to
from ipexenv.install.shelf import Shelf
from ipexenv.install.wish import Wish
from ipexenv.system.background import Background

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

    from ipexenv.events import Listener
    from ipexenv.facts import Facts
    from ipexenv.fetch.cache import Cache
    from ipexenv.fetch.job import Fetched
    from ipexenv.fetch.wheel import WheelContents
    from ipexenv.install.ahead import Ahead
    from ipexenv.install.configuration import Configuration
    from ipexenv.install.engine import Engine
    from ipexenv.install.order import Order
    from ipexenv.plan import Plan
    from ipexenv.ruling import Offer
    from ipexenv.system.world import World
    from ipexenv.transaction.state import StateFolder

_MB = 1_000_000
_LARGE_BYTES = 64 * _MB
"""From here on a wheel is torch, IPEX or CUDA: by the hundred megabytes, unpacking takes a second."""

_ELSEWHERE = frozenset(
    {"cut-off", "damaged-wheel", "forbidden", "not-found", "source-failed", "stalled", "tls", "wrong-hash"}
)
"""What an engine may say of a file that another source serves as well."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ready:
    """One file that lies ready, with the bytes that were asked for, and what it brings."""

    file: Fetched
    wheel: WheelContents
    unpacked: bool = False
    """Whether uv has it in its cache, so that no room is needed any more where files can be linked from there."""

    @property
    def project(self) -> str:
        """Return its normalised name."""
        return self.file.offer.project

    @property
    def requirement(self) -> str:
        """Return the line that no other file can satisfy."""
        return f"{self.file.offer.project}=={self.file.offer.version} --hash=sha256:{self.file.sha256}"

    @property
    def by_path(self) -> str:
        """Return the requirement that names the file itself."""
        return f"{self.file.offer.project} @ {self.file.path.as_uri()}#sha256={self.file.sha256}"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Desk:
    """Where files are put down."""

    shelf: Shelf
    cache: Cache | None
    folder: Path
    ahead: Ahead | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """Where files are brought, and how they are got."""

    plan: Plan
    order: Order
    chosen: tuple[Offer, ...]
    """The files of the plan's pins."""
    engine: Engine
    facts: Facts
    """About the target, or about the Python that its environment is to be made with."""
    configuration: Configuration
    state: StateFolder
    world: World
    listen: Listener

    def fill(self) -> tuple[Ready, ...]:
        """Decide on every file, bring it here and look into it; the environment stays as it is.

        Raises OutsideError where a file cannot be had, or is not what it should be.
        """
        cache = self._cache()
        shelf = Shelf.of(cache, self.state)
        with (
            shelf.incoming() as folder,
            unpacking_ahead(self.engine, self.world, folder) as ahead,
        ):
            bring = partial(self._bring, _Desk(shelf=shelf, cache=cache, folder=folder, ahead=ahead))
            built = [self._look(shelf.put(wheel), cache, vouched=True) for wheel in self._build(folder)]
            there = {one.file.path.name: one for one in (*built, *bring(self._early()))}
            shelved = Background(partial(self._shelved, shelf, cache, there.keys()))  # while an engine is asked
            try:
                files = self._wanted(tuple(there.values()))
            except OutsideError as error:
                if error.code not in _ELSEWHERE or all(offer.filename in there for offer in self.chosen):
                    raise
                # The engine knows one place for each of them, and we may know more.
                there |= {one.file.path.name: one for one in bring(self.chosen)}
                files = self._wanted(tuple(there.values()))
            wanted = {file.sha256 for file in files}
            there |= {one.file.path.name: one for one in shelved.result() if one.file.sha256 in wanted}
            there |= {one.file.path.name: one for one in bring(file for file in files if file.filename not in there)}
        found = (there[file.filename] for file in files)
        return tuple(replace(one, unpacked=ahead is not None and ahead.has(one)) for one in found)

    def _cache(self) -> Cache | None:
        if self.order.cache is None:
            return None
        try:
            self.order.cache.prepare()
        except OutsideError as error:
            text = f"{error.message} ({'; '.join(error.causes)}); going on without it"
            self.listen(Event(kind="warning", text=text))
            return None
        return self.order.cache

    def _build(self, folder: Path) -> tuple[Fetched, ...]:
        how = {"configuration": self.configuration, "world": self.world, "listen": self.listen}
        return build_all(self.plan, folder, build=self.order.build, **how)  # type: ignore[arg-type]  # as named

    def _early(self) -> tuple[Offer, ...]:
        """Return what is better had before pip is asked: it would download it to decide, and then we once more."""
        return () if self.order.files is not None or self.engine.name == "uv" else self.chosen

    def _wanted(self, there: Sequence[Ready]) -> tuple[Offer, ...]:
        """Return every file to install, those that are ``there`` among them."""
        if self.order.files is not None:
            return (*self.order.files, *(one.file.offer for one in there))
        by_project = {one.project: one.by_path for one in there}
        asked = [by_project.pop(_project_of(text), text) for text in self.plan.requirements]
        configuration, lines = self._places()
        wish = Wish(
            lines=lines,
            requirements=(*asked, *by_project.values()),
            constraints=self.plan.constraints,
            offers=self.order.offers,
            fresh=self.plan.venv is not None,
            offline=self.order.offline,
            folders=self._folders(),
        )
        found = closure(
            wish,
            self.engine,
            configuration=configuration,
            world=self.world,
            facts=self.facts,
            listen=self.listen,
        )
        return found.files

    def _places(self) -> tuple[Configuration, tuple[str, ...]]:
        """Return where the engine is to look: where no index answers, at the user's sources alone."""
        configuration, sources = self.configuration, self.order.user_sources
        if self.order.offline or not sources or not nobody_else(configuration, self.order.reports):
            return configuration, ()
        self.listen(Event(kind="step", text="no index answers: dependencies come from what --source names as well"))
        return with_users_alone(configuration, sources, self.world.directory)

    def _folders(self) -> tuple[str, ...]:
        """Return the user's folders of wheels, which dependencies must come from where nothing else may be asked."""
        if not self.order.offline:
            return ()
        paths = (local_path(place, self.world.directory) for place in self.order.user_sources if is_local(place))
        return tuple(str(path) for path in paths)

    def _shelved(self, shelf: Shelf, cache: Cache | None, there: Collection[str]) -> tuple[Ready, ...]:
        """Look into those of the chosen files that are not ``there`` yet and need not be fetched."""
        chosen = [] if self.order.files is not None else [file for file in self.chosen if file.filename not in there]
        found = (shelf.find(offer) for offer in self.order.hold(chosen))
        return tuple(self._look(file, cache, vouched=True) for file in found if file is not None)

    def _bring(self, desk: _Desk, offers: Iterable[Offer]) -> tuple[Ready, ...]:
        """Bring files here that the order does not refuse."""
        wanted = self.order.hold(offers)
        vouched = {offer.filename: offer.sha256 is not None for offer in wanted}
        there = {offer.filename: found for offer in wanted if (found := desk.shelf.find(offer)) is not None}
        missing = tuple(offer for offer in wanted if offer.filename not in there)
        ready = {name: self._look(file, desk.cache, vouched=vouched[name]) for name, file in there.items()}

        def arrived(file: Fetched) -> None:
            """Look into a file while others are on their way."""
            name = file.path.name
            ready[name] = self._look(desk.shelf.put(file), desk.cache, vouched=vouched[name])
            if desk.ahead is not None:
                desk.ahead.begin(ready[name])

        if missing:
            self._announce(missing, desk.cache)
            self._fetch(missing, desk.cache, desk.folder, arrived)
        return tuple(ready[offer.filename] for offer in wanted)

    def _fetch(
        self, files: Sequence[Offer], cache: Cache | None, folder: Path, arrived: Callable[[Fetched], None]
    ) -> None:
        places = [*self.configuration.find_links, *self.order.user_sources, *(file.url for file in files)]
        places += [index for index in self.configuration.indexes if index]
        fetch_all(
            files,
            into=folder,
            cache=cache,
            transfer=self.order.transfer,
            access_for=partial(access_to, configuration=self.configuration),
            credentials_for=credentials_from(places, self.world.runner),
            listen=self.listen,
            arrived=arrived,
            alternatives=self.order.offers,
            allow_insecure=self.order.allow_insecure,
            require_known=self.order.require_known,
        )

    def _announce(self, files: Sequence[Offer], cache: Cache | None) -> None:
        here = [file for file in files if is_local(file.url) or (cache and file.sha256 and cache.has(file.sha256))]
        coming = [file for file in files if file not in here]
        if coming:
            size_bytes = sum(file.size_bytes or 0 for file in coming)
            amount = f", {size_bytes / _MB:.0f} MB" if size_bytes >= _MB else ""
            noun = "file" if len(coming) == 1 else "files"
            self.listen(Event(kind="step", text=f"downloading {len(coming)} {noun}{amount}"))
        for file in coming:
            self.listen(Event(kind="detail", text=f"{file.filename} comes from {without_credentials(file.url)}"))

    def _look(self, file: Fetched, cache: Cache | None, *, vouched: bool) -> Ready:
        """Open a wheel; of a large one whose own hash somebody vouched for, members are not hashed one by one."""
        seen = cache is not None and cache.is_checked(file.sha256)
        deep = not seen and (not vouched or file.size_bytes < _LARGE_BYTES)
        wheel = read_wheel(file.path, replace(file.offer, sha256=file.sha256), deep=deep)
        if deep and cache is not None:
            cache.mark_checked(file.sha256)
        self.order.inspect(file.path)
        return Ready(file=file, wheel=wheel)


def _project_of(requirement: str) -> str:
    return canonicalize_name(Requirement(requirement.partition(" @ ")[0]).name)
