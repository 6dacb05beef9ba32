"""What an engine is asked about, the call that asks, and how its answers become offers."""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from ipexenv.errors import OutsideError
from ipexenv.events import Event
from ipexenv.install.addresses import hide_credentials, host_of, is_local, last_segment, local_path
from ipexenv.install.call import install_call
from ipexenv.install.explain import explain
from ipexenv.ruling import Offer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ipexenv.events import Listener
    from ipexenv.facts import Facts
    from ipexenv.install.call import Call
    from ipexenv.install.configuration import Configuration
    from ipexenv.install.engine import Engine
    from ipexenv.system.runner import Finished
    from ipexenv.system.world import World

_LIMIT_S = 1800.0
"""For pip, which may have to download what it decides about."""
_USER = re.compile(r"(?<=://)[^/@\s]*@")


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What is to be installed, and from where."""

    requirements: tuple[str, ...]
    """As in ``Plan.requirements``; URLs in them may hold credentials. Nothing that has to be built first."""
    constraints: tuple[str, ...] = ()
    offers: tuple[Offer, ...] = ()
    """Files that were chosen already: found again by URL, they keep the name of their source."""
    fresh: bool = False
    """Whether nothing that is installed counts: for an environment that is yet to be made, or for a whole lock."""
    with_dependencies: bool = True
    offline: bool = False
    folders: tuple[str, ...] = ()
    """Further folders of wheels to look into."""
    lines: tuple[str, ...] = ()
    """Options that precede the requirements in their file, as ``--no-index``."""
    python_version: str | None = None
    """Minor of a Python that is not here, as ``3.10``; needs uv and ``fresh``."""
    python_platform: str | None = None
    """uv's name of a platform that is not here, as ``x86_64-manylinux_2_28``."""

    @property
    def by_url(self) -> dict[str, str]:
        """Return the requirements that name a URL, by normalised name."""
        pairs = ((text.partition(" @ ")[0], text) for text in self.requirements if " @ " in text)
        return {canonicalize_name(name): text for name, text in pairs}


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """Who is asked about, where the engine looks, and who listens."""

    facts: Facts
    configuration: Configuration
    world: World
    listen: Listener


@contextmanager
def written(wish: Wish) -> Iterator[tuple[Path, str, str]]:
    """Yield a private folder, and the files of requirements and constraints in it.

    Only this user can read them: a URL may hold credentials, and command lines are public.
    """
    with tempfile.TemporaryDirectory(prefix="ipexenv-") as name:
        folder = Path(name)
        requirements, constraints = folder / "requirements.txt", folder / "constraints.txt"
        requirements.write_text("\n".join((*wish.lines, *wish.requirements)) + "\n", encoding="utf-8")
        constraints.write_text("\n".join(wish.constraints) + "\n", encoding="utf-8")
        yield folder, str(requirements), str(constraints)


def call_for(wish: Wish, engine: Engine, asking: Asking, *, requirements: str, constraints: str) -> Call:
    """Return the call that would install, to which the caller adds the words that make it a question."""
    return install_call(
        engine,
        asking.world,
        requirements=requirements,
        constraints=constraints,
        configuration=asking.configuration.local_only() if wish.offline else asking.configuration,
        offline=wish.offline,
        folders=wish.folders,
    )


def run_call(call: Call, more: Sequence[str], asking: Asking) -> Finished:
    """Run the call with ``more`` words; what it prints to people is passed on without credentials."""
    return asking.world.runner.run(
        (*call.argv, *more),
        timeout_s=_LIMIT_S,
        env=call.env,
        cwd=str(asking.world.directory),
        on_line=lambda line: asking.listen(Event(kind="output", text=hide_credentials(line))),
    )


def no_answer(ended: Finished, wish: Wish, engine: Engine) -> OutsideError:
    """Return the error for an engine that cannot say what it would install."""
    explanation = explain(ended, by_url=tuple(wish.by_url))
    return OutsideError(
        f"{engine.name} finds no set of packages to install",
        code=explanation.code,
        causes=(*explanation.causes, "nothing was changed"),
        hint=explanation.hint,
        data={"changed": False},
    )


def odd_answer(engine: Engine, trouble: str) -> OutsideError:
    """Return the error for an answer that does not read as it should."""
    return OutsideError(
        f"{engine.name} answers oddly when asked what it would install",
        code="engine-failed",
        causes=(trouble, "nothing was changed"),
        hint="run it again with `-v`, or take the other engine with `--engine`",
    )


def offer_at(url: str, *, name: str | None, sha256: str | None, size_bytes: int | None, configured: bool) -> Offer:
    """Return the wheel at ``url``; raise ValueError where its file name is no wheel's."""
    filename = name or last_segment(url)
    try:
        project, version, _, _ = parse_wheel_filename(filename)
    except InvalidWheelFilename:
        msg = f"it would install {filename}, which is no wheel"
        raise ValueError(msg) from None
    offer = Offer(
        project=str(project),
        version=version,
        filename=filename,
        url=url,
        source=host_of(url),
        sha256=None if sha256 is None else sha256.lower(),
        size_bytes=size_bytes,
        configured=configured,
    )
    return _on_disk(offer) if is_local(url) else offer


def _on_disk(offer: Offer) -> Offer:
    """Spell the path as every other part does, and take the size from the file itself."""
    path = local_path(offer.url, Path("/"))
    try:
        size_bytes: int | None = path.stat().st_size
    except OSError:
        size_bytes = offer.size_bytes
    return replace(offer, url=path.as_uri(), source=str(path.parent), size_bytes=size_bytes)


def without_user(url: str) -> str:
    """Return the URL without user and password, to compare it with what an engine says."""
    return _USER.sub("", url)
