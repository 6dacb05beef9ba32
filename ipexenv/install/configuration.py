"""Where the package engines look, read from their own configuration without starting them.

Sources: pip's user guide ("Configuration"; starting pip to ask it costs half a second) and uv's guide to
configuration files.
"""

from __future__ import annotations

import configparser
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ipexenv.errors import UsageError
from ipexenv.install.addresses import host_of, is_local
from ipexenv.install.uv_configuration import config_folder, home_folder, read_uv_configuration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ipexenv.install.uv_configuration import UvConfiguration
    from ipexenv.system.world import World

_SECTIONS = ("global", "install")
_TRUE = frozenset({"y", "yes", "t", "true", "on", "1"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Configuration:
    """What pip (and uv, where it is the engine) is told about sources. URLs hold their credentials."""

    index: str | None = None
    """The main index; None for the engine's built-in one."""
    extra_indexes: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    constraints: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    cert: str | None = None
    client_cert: str | None = None
    proxy: str | None = None
    best_match: bool = False
    """Whether every index counts alike, as they do for pip; uv by itself stops at the first that has the project."""
    has_timeout: bool = False
    """Whether the user set a time limit for requests, which then wins over ours."""

    @property
    def indexes(self) -> tuple[str | None, ...]:
        """Return every index, the main one first (None for the built-in one); empty with ``--no-index``."""
        return () if self.no_index else (self.index, *self.extra_indexes)

    def trusts(self, address: str) -> bool:
        """Say whether any certificate of the address's host is to be accepted."""
        host = host_of(address)
        return host in self.trusted_hosts or host.partition(":")[0] in self.trusted_hosts

    def local_only(self) -> Configuration:
        """Return what is left of it when nothing may leave the machine."""
        indexes = [index for index in self.indexes if index is not None and is_local(index)]
        return replace(
            self,
            index=indexes[0] if indexes else None,
            extra_indexes=tuple(indexes[1:]),
            find_links=tuple(place for place in self.find_links if is_local(place)),
            no_index=not indexes,
        )


def read_configuration(world: World, *, prefix: str | None, with_uv: bool) -> Configuration:
    """Return pip's configuration for the environment at ``prefix``, with uv's own laid over it where asked.

    Raises UsageError that names a configuration file which cannot be read as one.
    """
    merged = _pip_settings(world, prefix)
    pip = Configuration(
        index=merged.get("index-url") or None,
        extra_indexes=tuple(merged.get("extra-index-url", "").split()),
        find_links=tuple(merged.get("find-links", "").split()),
        no_index=merged.get("no-index", "").strip().lower() in _TRUE,
        constraints=tuple(merged.get("constraint", "").split()),
        trusted_hosts=tuple(merged.get("trusted-host", "").split()),
        cert=_expanded(merged.get("cert"), world),
        client_cert=_expanded(merged.get("client-cert"), world),
        proxy=merged.get("proxy") or None,
        has_timeout="timeout" in merged or "default-timeout" in merged,
    )
    return _with_uv(pip, read_uv_configuration(world)) if with_uv else pip


def _with_uv(pip: Configuration, uv: UvConfiguration) -> Configuration:
    """Let uv's main index win, and keep everything else that either of them names."""
    demoted = (pip.index,) if uv.index and pip.index and pip.index != uv.index else ()
    return replace(
        pip,
        index=uv.index or pip.index,
        extra_indexes=tuple(dict.fromkeys((*uv.extra_indexes, *pip.extra_indexes, *demoted))),
        find_links=tuple(dict.fromkeys((*uv.find_links, *pip.find_links))),
        no_index=pip.no_index or uv.no_index,
        constraints=tuple(dict.fromkeys((*uv.constraints, *pip.constraints))),
        trusted_hosts=tuple(dict.fromkeys((*uv.trusted_hosts, *pip.trusted_hosts))),
        best_match=len(pip.indexes) > 1 or bool(demoted),
        has_timeout=uv.has_timeout,
    )


def _pip_settings(world: World, prefix: str | None) -> dict[str, str]:
    """Return option -> value. Later files win, ``[install]`` over ``[global]``, ``PIP_*`` variables over both."""
    by_section: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for file in _pip_files(world, prefix):
        for section, settings in _read_ini(file).items():
            if section in by_section:
                by_section[section].update(settings)
    merged = {**by_section["global"], **by_section["install"]}
    merged.update(_pip_variables(world.env))
    return merged


def _pip_variables(env: Mapping[str, str]) -> dict[str, str]:
    return {_option(name[4:]): value for name, value in env.items() if name.startswith("PIP_") and value}


def _pip_files(world: World, prefix: str | None) -> Iterator[Path]:
    """Yield pip's configuration files that exist, weakest first: global, user, site, PIP_CONFIG_FILE."""
    named = world.env.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return
    candidates = [world.root / folder.lstrip("/") / "pip" / "pip.conf" for folder in reversed(_xdg_folders(world))]
    candidates.append(world.root / "etc" / "pip.conf")
    if not (named and (world.directory / named).exists()):
        home = home_folder(world)
        candidates += [home / ".pip" / "pip.conf", config_folder(world) / "pip" / "pip.conf"]
    if prefix:
        candidates.append(Path(prefix) / "pip.conf")
    if named:
        candidates.append(world.directory / named)
    yield from (file for file in candidates if file.is_file())


def _xdg_folders(world: World) -> list[str]:
    return [folder for folder in world.env.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":") if folder]


def _read_ini(file: Path) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(file.read_text(encoding="utf-8"))
    except (configparser.Error, UnicodeDecodeError) as error:
        raise UsageError(
            f"pip's configuration file {file} cannot be read",
            code="bad-pip-configuration",
            causes=(str(error).splitlines()[0],),
            hint="correct it, or set PIP_CONFIG_FILE=/dev/null to do without",
        ) from None
    except OSError:  # not ours to read: pip passes over it as well
        return {}
    return {section: {_option(key): value for key, value in parser.items(section)} for section in parser.sections()}


def _option(name: str) -> str:
    return name.lower().replace("_", "-").removeprefix("--")


def _expanded(path: str | None, world: World) -> str | None:
    if not path:
        return None
    return str(world.directory / str(home_folder(world) / path[2:] if path.startswith("~/") else path))
