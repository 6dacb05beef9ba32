"""Where uv is told to look: ``UV_*`` variables, then uv.toml of the project, the user and the system."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipexenv import toml
from ipexenv.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ipexenv.system.world import World


@dataclass(frozen=True, kw_only=True, slots=True)
class UvConfiguration:
    """What uv is told about sources."""

    index: str | None = None
    extra_indexes: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    constraints: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    has_timeout: bool = False


@dataclass
class _Gathering:
    """Settings found so far, strongest first."""

    index: str | None = None
    extra_indexes: list[str] = field(default_factory=list)
    find_links: list[str] = field(default_factory=list)
    no_index: bool = False
    trusted_hosts: list[str] = field(default_factory=list)


def read_uv_configuration(world: World) -> UvConfiguration:
    """Return uv's configuration; raise UsageError that names a file which is not valid TOML."""
    found = _Gathering()
    _add_variables(found, world.env)
    for settings in _settings(world):
        pip = settings.get("pip")
        if isinstance(pip, dict):
            _add_table(found, pip)
        _add_table(found, settings)
    return UvConfiguration(
        index=found.index,
        extra_indexes=tuple(dict.fromkeys(found.extra_indexes)),
        find_links=tuple(dict.fromkeys(found.find_links)),
        no_index=found.no_index,
        constraints=tuple(world.env.get("UV_CONSTRAINT", "").split()),
        trusted_hosts=tuple(dict.fromkeys(found.trusted_hosts)),
        has_timeout=bool(world.env.get("UV_HTTP_TIMEOUT")),
    )


def _add_variables(found: _Gathering, env: Mapping[str, str]) -> None:
    found.index = _without_name(env.get("UV_DEFAULT_INDEX", "")) or env.get("UV_INDEX_URL") or None
    found.extra_indexes += [_without_name(entry) for entry in env.get("UV_INDEX", "").split()]
    found.extra_indexes += env.get("UV_EXTRA_INDEX_URL", "").split()
    found.find_links += [place.strip() for place in env.get("UV_FIND_LINKS", "").split(",") if place.strip()]
    found.no_index = env.get("UV_NO_INDEX", "").lower() in {"1", "true", "yes", "on"}
    found.trusted_hosts += env.get("UV_INSECURE_HOST", "").split()


def _without_name(entry: str) -> str:
    """Drop the name of ``name=https://…``."""
    name, separator, url = entry.partition("=")
    return url if separator and "/" not in name and ":" not in name else entry


def _add_table(found: _Gathering, table: Mapping[str, Any]) -> None:
    for row in _rows(table.get("index")):
        url = row.get("url")
        if not isinstance(url, str) or row.get("explicit") is True:
            continue
        if row.get("format") == "flat":
            found.find_links.append(url)
        elif row.get("default") is True:
            found.index = found.index or url
        else:
            found.extra_indexes.append(url)
    index = table.get("index-url")
    found.index = found.index or (index if isinstance(index, str) else None)
    found.extra_indexes += _texts(table.get("extra-index-url"))
    found.find_links += _texts(table.get("find-links"))
    found.no_index = found.no_index or table.get("no-index") is True
    found.trusted_hosts += _texts(table.get("allow-insecure-host"))


def _rows(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        yield from (row for row in value if isinstance(row, dict))


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _settings(world: World) -> Iterator[Mapping[str, Any]]:
    """Yield the tables that hold, strongest first; ``UV_CONFIG_FILE`` stands in for all of them."""
    if world.env.get("UV_CONFIG_FILE"):
        yield _read(world.directory / world.env["UV_CONFIG_FILE"])
        return
    if world.env.get("UV_NO_CONFIG", "").lower() in {"1", "true", "yes", "on"}:
        return
    project = _project(world.directory)
    if project is not None:
        yield project
    for file in (config_folder(world) / "uv" / "uv.toml", world.root / "etc" / "uv" / "uv.toml"):
        if file.is_file():
            yield _read(file)


def home_folder(world: World) -> Path:
    """Return the user's home folder."""
    return Path(world.env.get("HOME") or Path.home())


def config_folder(world: World) -> Path:
    """Return the folder of the user's configuration files."""
    return Path(world.env.get("XDG_CONFIG_HOME") or home_folder(world) / ".config")


def _project(start: Path) -> Mapping[str, Any] | None:
    """Return the settings of the nearest folder that has some; uv.toml wins over pyproject.toml beside it."""
    for folder in (start, *start.parents):
        if (folder / "uv.toml").is_file():
            return _read(folder / "uv.toml")
        project = folder / "pyproject.toml"
        if project.is_file() and "tool.uv" in project.read_text(encoding="utf-8", errors="replace"):
            table = _read(project).get("tool", {}).get("uv")
            if isinstance(table, dict):
                return table
    return None


def _read(file: Path) -> Mapping[str, Any]:
    try:
        return toml.loads(file.read_text(encoding="utf-8"))
    except (toml.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UsageError(
            f"uv's configuration file {file} cannot be read",
            code="bad-uv-configuration",
            causes=(str(error).splitlines()[0],),
            hint="correct it, or take the other engine with `--engine pip`",
        ) from None
