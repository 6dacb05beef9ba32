"""A whole `install` while its server does everything wrong that servers do: named, and the environment as it was."""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ipexenv import cli
from ipexenv.fetch.fetching import fetch_all
from ipexenv.fetch.limits import Limits
from tests import scripted_server as scripted
from tests.integration.sites import fingerprint, ipexenv, make_venv, quiet_world
from tests.scripted_server import ServedFile
from tests.servers import AUTHORITY, Site, serving, tables_with
from tests.wheels import build_wheel, fake_ipex, fake_torch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.server import BaseHTTPRequestHandler
    from pathlib import Path

    from ipexenv.system.world import World
    from tests.integration.sites import Ended
    from tests.scripted_server import Act

pytestmark = pytest.mark.slow

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
QUICK = Limits(stall_s=0.5, attempts=3, first_delay_s=0.01, longest_delay_s=2.0)
CHOICE = ("--torch", "2.8", "--ccl", "none")
REPLAY = ("install", "--from-lock", "pylock.toml", "--venv", "v")


def shorter(file: ServedFile, request: BaseHTTPRequestHandler) -> None:
    _other(file, request, file.body[:-7])


def longer(file: ServedFile, request: BaseHTTPRequestHandler) -> None:
    _other(file, request, file.body + b"more")


def other_bytes(file: ServedFile, request: BaseHTTPRequestHandler) -> None:
    _other(file, request, file.body[:-1] + b"!")


def _other(file: ServedFile, request: BaseHTTPRequestHandler, body: bytes) -> None:
    """Serve something else than was promised, in good order."""
    ServedFile(site=Site(), body=body, name=file.name).serve(request)


def to_itself(file: ServedFile, request: BaseHTTPRequestHandler) -> None:
    scripted.status(302, Location=f"/{file.name}")(file, request)


FAULTS: dict[str, tuple[Act, str, str]] = {
    "cut": (scripted.cut(0), "cut-off", "cut off"),
    "stall": (scripted.stall(0), "stalled", "no answer in time"),
    "silence": (scripted.silent, "stalled", "no answer in time"),
    "drip": (scripted.drip, "stalled", "bytes in 0.5 s"),
    "truncated": (shorter, "wrong-length", "and its page says"),
    "too long": (longer, "wrong-length", "and its page says"),
    "other bytes": (other_bytes, "hash-mismatch", "its SHA-256 is"),
    "another part": (scripted.wrong_range, "bad-range", "another part of the file"),
    "401": (scripted.status(401), "forbidden", "HTTP 401 Unauthorized"),
    "403": (scripted.status(403), "forbidden", "HTTP 403 Forbidden"),
    "404": (scripted.status(404), "not-found", "HTTP 404 Not Found"),
    "429": (scripted.status(429), "busy", "HTTP 429 Too Many Requests"),
    "429, an hour": (scripted.status(429, Retry_After="3600"), "busy", "it asks to wait 3600 s"),
    "500": (scripted.status(500), "server-failed", "HTTP 500 Internal Server Error"),
    "web page": (scripted.garbage, "not-a-file", "answers with a web page"),
    "noise": (scripted.noise, "", ""),
    "redirect loop": (to_itself, "redirect-loop", "more than 5 redirects"),
    "redirect to another scheme": (
        scripted.status(302, Location="file:///etc/passwd"),
        "bad-redirect",
        "redirects to something that is not HTTP",
    ),
    "redirect to an open host": (
        scripted.status(302, Location="http://example.invalid/x.whl"),
        "insecure",
        "http://example.invalid is not protected by TLS",
    ),
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be less patient than with real servers."""
    monkeypatch.setattr(fetch_all, "__kwdefaults__", {**(fetch_all.__kwdefaults__ or {}), "limits": QUICK})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def wheels(folder: Path) -> list[Path]:
    made = folder / "wheels"
    return [
        fake_torch(made, "2.8.0", PYTHON),
        fake_ipex(made, "2.8.0", PYTHON),
        build_wheel(made, "numpy", "1.26.4"),
    ]


@pytest.fixture(scope="module")
def tables(folder: Path) -> str:
    return str(tables_with(folder / "tables", []))


@pytest.fixture(scope="module")
def locked(folder: Path, wheels: list[Path], tables: str) -> Iterator[Site]:
    """Serve what a lock in the folder names; the environment has an older torch."""
    with serving() as site:
        older = fake_torch(folder / "older", "2.7.0", PYTHON)
        world = quiet_world(folder, PIP_INDEX_URL=site.simple("/simple", [*wheels, older], as_json=True))
        world = replace(world, env={**world.env, "IPEXENV_TABLES": tables})
        done(ipexenv(world, "lock", "--venv", "new", *CHOICE))
        make_venv(folder / "v")
        done(ipexenv(world, "install", "--venv", "v", "--torch", "2.7", "--stack", "native", "--ccl", "none"))
        yield site


@pytest.fixture
def world(folder: Path, locked: Site, tables: str) -> World:
    """Return a world that has downloaded nothing yet."""
    shutil.rmtree(folder / "ipexenv-cache", ignore_errors=True)
    return quiet_world(folder, PIP_INDEX_URL=f"{locked.url}/simple", IPEXENV_TABLES=tables)


def done(ended: Ended) -> Ended:
    assert ended.code == 0, (ended.document, ended.stderr)
    return ended


def served(site: Site, wheel: Path, *acts: Act) -> ServedFile:
    return ServedFile(site, wheel.read_bytes(), name=f"files/{wheel.name}", acts=list(acts))


def state_of(venv: Path) -> dict[str, str]:
    """Return everything of an environment, what ipexenv remembers included."""
    kept = {str(path): path.read_text("utf-8", "replace") for path in (venv / ".ipexenv").glob("*.json")}
    return {**fingerprint(venv), **kept}


@pytest.mark.parametrize("name", FAULTS)
def test_it_is_named_and_changes_nothing(
    folder: Path, world: World, locked: Site, wheels: list[Path], name: str
) -> None:
    act, code, words = FAULTS[name]
    served(locked, wheels[1], *[act] * 40)
    before = state_of(folder / "v")
    ended = ipexenv(world, *REPLAY)
    served(locked, wheels[1])
    assert (ended.code, ended.document["status"], ended.data["changed"]) == (3, "error", False)
    assert wheels[1].name in ended.problem["message"]
    assert code in {"", ended.problem["code"]}, ended.problem
    assert words in ended.problem["causes"][0]
    assert ended.problem["causes"][-1] == "nothing was changed"
    assert ended.problem["hint"]
    assert state_of(folder / "v") == before


def test_a_certificate_that_nobody_vouches_for_is_named(
    folder: Path, world: World, locked: Site, wheels: list[Path]
) -> None:
    before = state_of(folder / "v")
    with serving(tls=True) as other:
        other.files("/files", wheels)
        served(locked, wheels[1], *[scripted.status(302, Location=f"{other.url}/files/{wheels[1].name}")] * 9)
        ended = ipexenv(world, *REPLAY)
    served(locked, wheels[1])
    assert (ended.code, ended.problem["code"]) == (3, "tls")
    assert "TLS: the certificate is not trusted" in ended.problem["causes"][0]
    assert state_of(folder / "v") == before


def test_what_https_redirects_to_plain_http_is_not_taken(
    folder: Path, world: World, locked: Site, wheels: list[Path]
) -> None:
    before = state_of(folder / "v")
    with serving(tls=True) as secure:
        secure.redirect(f"/files/{wheels[1].name}", f"{locked.url}/files/{wheels[1].name}")
        text = (folder / "pylock.toml").read_text("utf-8")
        plain = f'"{locked.url}/files/{wheels[1].name}"'
        assert plain in text
        moved = text.replace(plain, plain.replace(locked.url, secure.url))
        (folder / "pylock.moved.toml").write_text(moved, encoding="utf-8")
        trusting = replace(world, env={**world.env, "PIP_CERT": str(AUTHORITY)})
        ended = ipexenv(trusting, "install", "--from-lock", "pylock.moved.toml", "--venv", "v")
    assert (ended.code, ended.problem["code"]) == (3, "insecure")
    assert "it redirects from https to http://127.0.0.1" in ended.problem["causes"][0]
    assert state_of(folder / "v") == before


@pytest.mark.parametrize(
    "acts",
    [
        [scripted.cut(200), scripted.cut(0)],
        [scripted.stall(100), scripted.stall(100)],
        [scripted.status(500), scripted.status(503)],
        [scripted.status(429, Retry_After="1")],
        [scripted.noise],
    ],
    ids=["cut", "stall", "500 and 503", "429", "noise"],
)
def test_what_passes_is_waited_for(
    folder: Path, world: World, locked: Site, wheels: list[Path], acts: list[Act]
) -> None:
    file = served(locked, wheels[1], *acts)
    make_venv(folder / "w")
    ended = done(ipexenv(world, *REPLAY[:-1], "w"))
    assert ended.data["changed"] is True
    assert file.acts == []
    shutil.rmtree(folder / "w")


def test_another_host_is_shown_and_the_bytes_decide(
    folder: Path, world: World, locked: Site, wheels: list[Path]
) -> None:
    with serving() as other:
        good, bad = wheels[1].read_bytes(), wheels[2].read_bytes()
        for body, code in ((bad, 3), (good, 0)):
            other.serve("/mirror.whl", body, "application/octet-stream")
            served(locked, wheels[1], *[scripted.status(302, Location=f"{other.url}/mirror.whl")] * 9)
            make_venv(folder / "w")
            ended = ipexenv(world, *REPLAY[:-1], "w")
            assert ended.code == code, ended.document
            assert f"{locked.url} redirects to {other.url}" in ended.stderr
            shutil.rmtree(folder / "w")
    served(locked, wheels[1])


@pytest.mark.parametrize("engine", ["pip", "uv"])
def test_credentials_are_used_and_appear_nowhere(
    tmp_path: Path, wheels: list[Path], tables: str, *, engine: str
) -> None:
    """Not in what is said, nor in any file that is left: lock, journal, cache, records of the environment."""
    with serving() as site, serving() as other:
        site.simple("/simple", wheels, as_json=True)
        other.files("/files", wheels)
        secret = f"{site.url}/simple".replace("://", "://me:hunter2@")
        world = quiet_world(tmp_path, PIP_INDEX_URL=secret, IPEXENV_TABLES=tables)
        said = [
            human(world, "lock", "--venv", "v", "--engine", engine, "-vv", *CHOICE),
            human(world, "install", "--venv", "v", "--engine", engine, "-vv", "--json", *CHOICE),
            human(world, "install", "--venv", "w", "--from-lock", "pylock.toml", "--source", secret, "-vv"),
            human(world, "wheelhouse", "house", "--from-lock", "pylock.toml", "-vv"),
        ]
        assert (tmp_path / "v/.ipexenv/last.json").exists()
        assert any("Basic" in header for header in site.authorizations)
        for fault in (site.fail, lambda path, _: site.redirect(path, f"{other.url}/nothing")):
            for wheel in wheels:
                fault(f"/files/{wheel.name}", 403)
            said.append(human(world, "install", "--venv", "x", "--engine", engine, "--no-cache", "-vv", *CHOICE))
            assert "changed" in said[-1], said[-1]
        assert not any(other.authorizations)
    assert not any("hunter2" in text for text in said)
    files = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]
    ours = [path for path in files if not {"uv-cache", "pip-cache"} & set(path.parts)]
    assert [path for path in ours if b"hunter2" in path.read_bytes()] == []


def human(world: World, *arguments: str) -> str:
    """Return everything that a command says to people."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        cli.main(list(arguments), world=world)
    return out.getvalue() + err.getvalue()
