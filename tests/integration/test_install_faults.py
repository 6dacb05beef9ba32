"""Bad input, for both engines: exit 3, a clear error, and the environment as it was, byte by byte."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from ipexenv.install import sources
from tests.integration.sites import fingerprint, ipexenv, make_venv, quiet_world, uv_program
from tests.servers import BINARY, HTML, Site, closed_port, serving, tables_with
from tests.wheels import build_wheel, fake_bindings, fake_ipex, fake_torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.integration.sites import Ended

pytestmark = pytest.mark.slow

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
IPEX = "intel-extension-for-pytorch"
ENGINES = ("pip", "uv")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    if request.param == "uv":
        assert uv_program() is not None
    return str(request.param)


@pytest.fixture(scope="module")
def venv(engine: str, folder: Path) -> Path:
    return make_venv(folder / engine, pip=engine == "pip")


@pytest.fixture(scope="module")
def wheel(folder: Path) -> Path:
    return fake_ipex(folder / "wheels", "2.8.0", PYTHON)


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


@pytest.fixture
def index(site: Site, wheel: Path, folder: Path) -> str:
    """Return a good index with torch, IPEX and numpy, for tests to damage."""
    return site.simple(
        "/simple",
        [fake_torch(folder / "wheels", "2.8.0", PYTHON), wheel, build_wheel(folder / "wheels", "numpy", "1.26.4")],
    )


class Bench:
    """Runs `install` on the venv and compares its bytes before and after."""

    def __init__(self, venv: Path, engine: str, folder: Path) -> None:
        self.venv, self.engine, self.folder = venv, engine, folder
        # An engine's cache would hide a fault of the next test: what it downloaded well once is not asked for again.
        for cache in ("pip-cache", "uv-cache", "ipexenv-cache"):
            shutil.rmtree(folder / cache, ignore_errors=True)

    def refused(self, index: str, *arguments: str, intel: str | None = None, **env: str) -> Ended:
        """Install and return how it ended, after proving that it failed outside and changed nothing."""
        serves = (IPEX, "oneccl-bind-pt")
        named = [] if intel is None else [("intel-us", intel, "simple", serves)]
        tables = tables_with(self.folder / "tables", named)
        world = quiet_world(self.folder, PIP_INDEX_URL=index, **env)
        before = fingerprint(self.venv)
        command = ("install", "--venv", str(self.venv), "--engine", self.engine, "--tables", str(tables))
        ended = ipexenv(world, *command, *arguments)
        assert ended.code == 3, (ended.document, ended.stderr)
        assert ended.document["status"] == "error"
        assert ended.problem["hint"], ended.problem
        assert fingerprint(self.venv) == before
        return ended


@pytest.fixture
def bench(venv: Path, engine: str, folder: Path) -> Bench:
    return Bench(venv, engine, folder)


def damage(site: Site, wheel: Path, fault: str, folder: Path) -> None:
    path = f"/files/{wheel.name}"
    data = wheel.read_bytes()
    liar = build_wheel(folder / "liar", "intel_extension_for_pytorch", "2.8.0", _tag(wheel), claimed_version="2.7.0")
    other = build_wheel(folder / "other", "intel_extension_for_pytorch", "2.8.0", _tag(wheel), requires=("torch",))
    faults: dict[str, Callable[[], None]] = {
        "wrong-hash": lambda: site.serve(path, other.read_bytes(), BINARY),
        "cut-off": lambda: site.cut_off(path, data),
        "contradiction": lambda: site.serve(path, liar.read_bytes(), BINARY),
        "html": lambda: site.serve(path, "<html>Please log in</html>", HTML),
        "circle": lambda: site.redirect(path, path.replace("+", "%2B")),
        "stall": lambda: site.stall(path, 60, data),
        "403": lambda: site.fail(path, 403),
        "404": lambda: site.fail(path, 404),
        "500": lambda: site.fail(path, 500),
    }
    faults[fault]()


def _tag(wheel: Path) -> str:
    return wheel.stem.split("-", 2)[2]


@pytest.mark.parametrize(
    ("fault", "codes"),
    [
        ("wrong-hash", {"hash-mismatch"}),
        ("cut-off", {"changed", "damaged-wheel"}),
        ("contradiction", {"hash-mismatch"}),
        ("html", {"not-a-file", "damaged-wheel"}),
        ("circle", {"redirect-loop", "damaged-wheel"}),
        ("stall", {"not-a-file", "damaged-wheel"}),
        ("403", {"forbidden"}),
        ("404", {"not-found"}),
        ("500", {"server-failed", "source-failed"}),
    ],
)
def test_a_bad_file_of_the_configured_index(
    bench: Bench, site: Site, index: str, wheel: Path, *, fault: str, codes: set[str]
) -> None:
    damage(site, wheel, fault, bench.folder)
    problem = bench.refused(index).problem
    assert problem["code"] in codes, problem
    assert problem["causes"][-1] == "nothing was changed"


@pytest.mark.parametrize(
    ("fault", "codes"),
    [
        ("cut-off", {"changed", "cut-off", "damaged-wheel"}),
        ("contradiction", {"bad-wheel", "contradictory-wheel"}),
        ("html", {"not-a-file", "damaged-wheel"}),
        ("circle", {"redirect-loop", "source-failed", "damaged-wheel"}),
        ("403", {"forbidden"}),
    ],
)
def test_a_bad_file_of_a_page_without_digests(
    bench: Bench, site: Site, wheel: Path, folder: Path, *, fault: str, codes: set[str]
) -> None:
    torch = fake_torch(folder / "wheels", "2.8.0", PYTHON)
    index = site.simple("/simple", [torch, build_wheel(folder / "wheels", "numpy", "1.26.4")])
    page = site.find_links("/page.html", [wheel])
    damage(site, wheel, fault, folder)
    problem = bench.refused(index, "--source", page).problem
    assert problem["code"] in codes, problem


@pytest.mark.parametrize("fault", ["truncated", "html", "circle", "stall", "403", "404", "pdf"])
def test_a_bad_page_of_the_index(
    bench: Bench, site: Site, index: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "LIMIT_S", 1.0)
    path = f"/simple/{IPEX}/"
    page = b"<html>" + b'<a href="/files/x">x</a>' * 99
    faults: dict[str, Callable[[], None]] = {
        "truncated": lambda: site.cut_off(path, page, HTML),
        "html": lambda: site.serve(path, "<html><form>Please log in</form></html>"),
        "circle": lambda: site.redirect(path, path),
        "stall": lambda: site.stall(path),
        "403": lambda: site.fail(path, 403),
        "404": lambda: site.fail(path, 404),
        "pdf": lambda: site.serve(path, b"%PDF", "application/pdf"),
    }
    faults[fault]()
    ended = bench.refused(index)
    assert ended.problem["code"] == "no-source"
    assert ended.problem["causes"]


def test_an_unknown_certificate(bench: Bench, wheel: Path, folder: Path) -> None:
    with serving(tls=True) as site:
        index = site.simple("/simple", [fake_torch(folder / "wheels", "2.8.0", PYTHON), wheel])
        ended = bench.refused(index)
    assert ended.problem["code"] == "no-source"
    assert "TLS: the certificate is not trusted" in ended.stderr


def test_files_behind_an_unknown_certificate(bench: Bench, site: Site, wheel: Path, folder: Path) -> None:
    torch = fake_torch(folder / "wheels", "2.8.0", PYTHON)
    index = site.simple("/simple", [torch, build_wheel(folder / "wheels", "numpy", "1.26.4")])
    with serving(tls=True) as files:
        files.files("/files", [wheel])
        site.serve("/page.html", f'<a href="{files.url}/files/{wheel.name}">IPEX</a>')
        ended = bench.refused(index, "--source", f"{site.url}/page.html")
    assert ended.problem["code"] == "tls"


def test_no_network(bench: Bench) -> None:
    ended = bench.refused(closed_port(), intel=closed_port())
    assert ended.problem["code"] == "no-source"
    assert ended.stderr.count("connection refused") == 2


def test_bindings_that_are_listed_and_forbidden(bench: Bench, site: Site, folder: Path) -> None:
    torch = fake_torch(folder / "wheels", "2.7.0", PYTHON)
    index = site.simple("/simple", [torch, build_wheel(folder / "wheels", "numpy", "1.26.4")])
    bindings = fake_bindings(folder / "wheels", "2.7.0", PYTHON)
    intel = site.simple("/us", [bindings], folder="/torch_ccl/cpu")
    site.fail(f"/torch_ccl/cpu/{bindings.name}", 403)
    ended = bench.refused(index, "--stack", "native", "--torch", "2.7.0", "--ccl", "bindings", intel=intel)
    assert ended.problem["code"] == "forbidden"
    assert bindings.name in ended.problem["message"] + "".join(ended.problem["causes"])
    assert "403" in "".join(ended.problem["causes"])


def test_a_dependency_that_is_missing(bench: Bench, site: Site, folder: Path) -> None:
    tag = _tag(fake_ipex(folder / "wheels", "2.8.0", PYTHON))
    ipex = build_wheel(folder / "needy", "intel_extension_for_pytorch", "2.8.0", tag, requires=("psutil>=9999",))
    index = site.simple(
        "/simple",
        [fake_torch(folder / "wheels", "2.8.0", PYTHON), ipex, build_wheel(folder / "wheels", "numpy", "1.26.4")],
    )
    assert bench.refused(index).problem["code"] in {"not-offered", "unsupported-wheel"}
