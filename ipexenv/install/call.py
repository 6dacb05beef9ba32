"""The one command line that installs a plan, for either engine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import Version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ipexenv.install.configuration import Configuration
    from ipexenv.install.engine import Engine
    from ipexenv.system.world import World

_REQUEST_TIMEOUT_S = 15
_RETRIES = 2
_RAW_PROGRESS_SINCE = Version("24.1")

# Settings that would send the packages elsewhere than to the target, or do something other than installing; and those
# of uv's sources, which are in the configuration already.
_DROPPED = frozenset(
    {
        "PIP_BREAK_SYSTEM_PACKAGES",
        "PIP_DRY_RUN",
        "PIP_EDITABLE",
        "PIP_FORCE_REINSTALL",
        "PIP_IGNORE_INSTALLED",
        "PIP_NO_DEPS",
        "PIP_PREFIX",
        "PIP_PYTHON",
        "PIP_REPORT",
        "PIP_REQUIREMENT",
        "PIP_ROOT",
        "PIP_TARGET",
        "PIP_UPGRADE",
        "PIP_USER",
        "PYTHONHOME",
        "PYTHONPATH",
        "UV_BREAK_SYSTEM_PACKAGES",
        "UV_DEFAULT_INDEX",
        "UV_EXTRA_INDEX_URL",
        "UV_FIND_LINKS",
        "UV_INDEX",
        "UV_INDEX_URL",
        "UV_PYTHON",
        "UV_SYSTEM_PYTHON",
        "UV_TORCH_BACKEND",
        "__PYVENV_LAUNCHER__",
    }
)


# What stays for the call that installs staged files: how it is done, not what.
_PIP_KEPT = frozenset({"PIP_CACHE_DIR", "PIP_NO_COLOR", "PIP_NO_COMPILE", "PIP_ROOT_USER_ACTION"})
_UV_KEPT = frozenset(
    {
        "UV_CACHE_DIR",
        "UV_COMPILE_BYTECODE",
        "UV_CONCURRENT_INSTALLS",
        "UV_LINK_MODE",
        "UV_NO_CACHE",
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One command line with its environment."""

    argv: tuple[str, ...]
    env: dict[str, str]


def install_call(  # noqa: PLR0913 (the parts of one command line)
    engine: Engine,
    world: World,
    *,
    requirements: str,
    constraints: str,
    configuration: Configuration,
    offline: bool = False,
    folders: Sequence[str] = (),
    show_progress: bool = False,
) -> Call:
    """Return the one call that installs the files ``requirements`` under the file ``constraints``.

    Both engines see the same sources: pip reads its configuration itself, uv is handed it. ``folders`` are further
    folders of wheels to look into; with ``offline`` they and what is local in the configuration are all there is.
    """
    shared = ["--only-binary", ":all:", "-r", requirements, "-c", constraints]
    if engine.name == "uv":
        options = [*shared, *_uv_options(configuration, offline=offline, folders=folders)]
        return Call(argv=(*engine.argv, *options), env=_uv_environment(world, configuration))
    options = ["--disable-pip-version-check", "--no-input", *shared]
    if not configuration.has_timeout:
        options += ["--timeout", str(_REQUEST_TIMEOUT_S), "--retries", str(_RETRIES)]
    raw = show_progress and engine.version is not None and engine.version >= _RAW_PROGRESS_SINCE
    options += ["--progress-bar", "raw" if raw else "off"]
    if offline:
        options += _pip_indexes(configuration)
    options += [word for folder in folders for word in ("--find-links", folder)]
    return Call(argv=(*engine.argv, *options), env=_pip_environment(world))


def staged_call(  # noqa: PLR0913 (the parts of one command line)
    engine: Engine,
    world: World,
    *,
    requirements: str,
    folders: Sequence[str],
    again: Sequence[str] = (),
    uv_cache: str | None = None,
) -> Call:
    """Return the one call that installs the file ``requirements`` (``name==version --hash=…``) from ``folders`` alone.

    No configuration, index or dependency comes in: nothing but the files with these hashes can be installed. ``again``
    are the names (normalised) whose installed version would satisfy the engine as it is. ``uv_cache`` is where uv keeps
    what it has unpacked, None for its own place.
    """
    shared = ["--no-deps", "--no-index", "--only-binary", ":all:", "--require-hashes", "-r", requirements]
    shared += [word for folder in folders for word in ("--find-links", folder)]
    if engine.name == "uv":
        options = ["--offline", "--no-config", "--no-progress", "--color", "never", *shared]
        options += [word for name in again for word in ("--reinstall-package", name)]
        env = {name: value for name, value in _environment(world).items() if not _decides(name, "UV_", _UV_KEPT)}
        env.update({} if uv_cache is None else {"UV_CACHE_DIR": uv_cache})
        return Call(argv=(*engine.argv, *options), env=env)
    options = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off", *shared]
    options += ["--force-reinstall"] if again else []
    env = {name: value for name, value in _pip_environment(world).items() if not _decides(name, "PIP_", _PIP_KEPT)}
    env["PIP_CONFIG_FILE"] = os.devnull
    return Call(argv=(*engine.argv, *options), env=env)


def _decides(name: str, prefix: str, kept: frozenset[str]) -> bool:
    """Say whether a variable could change what is installed."""
    return name.startswith(prefix) and name not in kept


def _pip_indexes(local: Configuration) -> list[str]:
    if local.no_index or local.index is None:
        return ["--no-index", *(word for place in local.find_links for word in ("--find-links", place))]
    extra = (word for index in local.extra_indexes for word in ("--extra-index-url", index))
    return ["--index-url", local.index, *extra]


def _uv_options(configuration: Configuration, *, offline: bool, folders: Sequence[str]) -> list[str]:
    options = ["--no-progress", "--color", "never"]
    if offline:
        options.append("--offline")
    if configuration.no_index:
        options.append("--no-index")
    elif configuration.best_match:
        options += ["--index-strategy", "unsafe-best-match"]
    for folder in folders:
        options += ["--find-links", folder]
    for file in configuration.constraints:
        options += ["-c", file]
    for host in configuration.trusted_hosts:
        options += ["--allow-insecure-host", host]
    return options


def _pip_environment(world: World) -> dict[str, str]:
    env = _environment(world)
    env.update(PIP_ROOT_USER_ACTION="ignore", PIP_NO_COLOR="1", PYTHONDONTWRITEBYTECODE="1", PYTHONIOENCODING="utf-8")
    return env


def _uv_environment(world: World, configuration: Configuration) -> dict[str, str]:
    env = _environment(world)
    defaults = {"UV_HTTP_TIMEOUT": str(_REQUEST_TIMEOUT_S), "UV_HTTP_RETRIES": str(_RETRIES)}
    if configuration.cert:
        defaults["SSL_CERT_DIR" if Path(configuration.cert).is_dir() else "SSL_CERT_FILE"] = configuration.cert
    if configuration.client_cert:
        defaults["SSL_CLIENT_CERT"] = configuration.client_cert
    if configuration.proxy:
        defaults.update(HTTP_PROXY=configuration.proxy, HTTPS_PROXY=configuration.proxy)
    return {**defaults, **env, **_uv_sources(configuration)}


def _uv_sources(configuration: Configuration) -> dict[str, str]:
    """Return the indexes and find-links as variables: URLs may hold credentials, and command lines are public."""
    found = {
        "UV_DEFAULT_INDEX": "" if configuration.no_index else configuration.index or "",
        "UV_INDEX": "" if configuration.no_index else " ".join(configuration.extra_indexes),
        "UV_FIND_LINKS": ",".join(configuration.find_links),
    }
    return {name: value for name, value in found.items() if value}


def _environment(world: World) -> dict[str, str]:
    return {name: value for name, value in world.env.items() if name not in _DROPPED}
