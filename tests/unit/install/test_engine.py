from __future__ import annotations

import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

from ipexenv.errors import OutsideError
from ipexenv.facts import Target
from ipexenv.install import engine as engine_module
from ipexenv.install.call import install_call
from ipexenv.install.configuration import Configuration
from ipexenv.install.engine import Engine, choose_engine, engine_name, find_uv
from tests.fakes import FakeRunner, finished

if TYPE_CHECKING:
    from pathlib import Path

    from ipexenv.system.world import World

UV = Engine(name="uv", argv=("uv", "pip", "install", "--python", "/env/bin/python"))
PIP = Engine(name="pip", argv=("/env/bin/python", "-m", "pip", "install"), version=Version("23.2.1"))


@pytest.fixture(autouse=True)
def no_uv_beside_us(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the tool live in a folder without uv."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "tool" / "python"))


@pytest.fixture
def with_uv(world: World, tmp_path: Path) -> World:
    make_program(tmp_path / "bin" / "uv")
    return world


def make_program(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("#!/bin/sh\n", encoding="utf-8")
    file.chmod(0o755)
    return file


def target(tmp_path: Path, *, pip: str | None = None, version: str = "3.11.7", environment: str = "venv") -> Target:
    site_packages = tmp_path / "env/lib/site-packages"
    site_packages.mkdir(parents=True, exist_ok=True)
    if pip is not None:
        (site_packages / f"pip-{pip}.dist-info").mkdir()
    return Target(
        version=Version(version),
        executable="/env/bin/python",
        environment=environment,  # type: ignore[arg-type]  # the test's own word
        prefix="/env",
        site_packages=str(site_packages),
    )


def test_uv_is_found_on_path_or_beside_us(world: World, tmp_path: Path) -> None:
    assert find_uv(world) is None
    beside = make_program(tmp_path / "tool" / "uv")
    assert find_uv(world) == str(beside)
    on_path = make_program(tmp_path / "bin" / "uv")
    assert find_uv(world) == str(on_path)


def test_auto_takes_uv_where_it_is_there(with_uv: World, tmp_path: Path) -> None:
    there = target(tmp_path, pip="24.2")
    assert choose_engine("auto", there, with_uv).argv[1:] == ("pip", "install", "--python", "/env/bin/python")
    assert choose_engine("pip", there, with_uv).name == "pip"


def test_auto_takes_pip_for_a_users_directory(with_uv: World, tmp_path: Path) -> None:
    there = target(tmp_path, pip="24.2", environment="user")
    assert choose_engine("auto", there, with_uv).argv == ("/env/bin/python", "-B", "-m", "pip", "install")
    with pytest.raises(OutsideError) as caught:
        engine_name("uv", there, with_uv)
    assert caught.value.code == "no-engine"


def test_uv_that_is_not_there_is_missed(world: World, tmp_path: Path) -> None:
    with pytest.raises(OutsideError) as caught:
        choose_engine("uv", target(tmp_path), world)
    assert caught.value.hint is not None
    assert "ipexenv[uv]" in caught.value.hint


def test_the_targets_own_pip_works_isolated(world: World, tmp_path: Path) -> None:
    engine = choose_engine("auto", target(tmp_path, pip="24.2"), world)
    assert engine == Engine(
        name="pip", argv=("/env/bin/python", "-I", "-B", "-m", "pip", "install"), version=Version("24.2")
    )


def test_our_pip_serves_a_target_without_one(world: World, tmp_path: Path) -> None:
    engine = choose_engine("auto", target(tmp_path), world)
    runner = engine.argv[3]
    assert engine.argv == ("/env/bin/python", "-I", "-B", runner, "install")
    assert runner.endswith("/pip/__pip-runner__.py")


@pytest.mark.parametrize(
    "ours",
    [
        {"Version": "26.0", "Requires-Python": ">=3.10"},
        {"Version": "22.0", "Requires-Python": ">=3.7"},
        {"Version": "nonsense", "Requires-Python": ">=3.7"},
        None,
    ],
)
def test_a_target_that_no_pip_can_serve(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ours: dict[str, str] | None
) -> None:
    def metadata(_name: str) -> dict[str, str]:
        if ours is None:
            raise PackageNotFoundError
        return ours

    monkeypatch.setattr(engine_module, "metadata", metadata)
    with pytest.raises(OutsideError) as caught:
        choose_engine("auto", target(tmp_path, version="3.8.18"), world)
    assert caught.value.causes[0] == "it has no pip of its own"
    assert "/env/bin/python -m ensurepip" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("said", "version"), [("pip 24.0 from /usr/lib (python 3.11)", "24.0"), ("pip what", None), ("", None)]
)
def test_pip_outside_of_site_packages_is_asked_for_its_version(
    world: World, tmp_path: Path, said: str, version: str | None
) -> None:
    runner = FakeRunner(endings=[(("--version",), finished(stdout=said))])
    engine = choose_engine("pip", target(tmp_path, environment="system"), replace(world, runner=runner))
    assert (engine.version == Version(version)) if version else engine.argv[3].endswith("runner__.py")


def call(engine: Engine, world: World, settings: Configuration, **more: object) -> str:
    made = install_call(
        engine,
        world,
        requirements="r.txt",
        constraints="c.txt",
        configuration=settings,
        **more,  # type: ignore[arg-type]  # passed on
    )
    return " ".join(made.argv)


def test_pip_reads_its_configuration_itself(world: World) -> None:
    settings = Configuration(index="https://i.test", find_links=("/w",), constraints=("p.txt",))
    assert call(PIP, world, settings) == (
        "/env/bin/python -m pip install --disable-pip-version-check --no-input --only-binary :all: -r r.txt -c c.txt "
        "--timeout 15 --retries 2 --progress-bar off"
    )


def test_a_time_limit_of_the_user_wins(world: World) -> None:
    assert "--timeout" not in call(PIP, world, Configuration(has_timeout=True))


def test_pip_shows_raw_progress_where_it_can_and_somebody_watches(world: World) -> None:
    newer = replace(PIP, version=Version("24.1"))
    assert "--progress-bar raw" in call(newer, world, Configuration(), show_progress=True)
    assert "--progress-bar off" in call(newer, world, Configuration())
    assert "--progress-bar off" in call(PIP, world, Configuration(), show_progress=True)


def test_pip_offline_sees_folders_alone(world: World) -> None:
    local = Configuration(find_links=("/w",)).local_only()
    line = call(PIP, world, local, offline=True, folders=("/mine",))
    assert line.endswith("--no-index --find-links /w --find-links /mine")


def test_pip_offline_keeps_indexes_on_disk(world: World) -> None:
    local = Configuration(index="file:///simple", extra_indexes=("file:///more",)).local_only()
    assert call(PIP, world, local, offline=True).endswith("--index-url file:///simple --extra-index-url file:///more")


def test_uv_is_handed_what_pip_is_configured_for(world: World) -> None:
    settings = Configuration(
        index="https://i.test",
        extra_indexes=("https://e.test",),
        find_links=("/w",),
        constraints=("p.txt",),
        trusted_hosts=("i.test",),
        best_match=True,
    )
    assert call(UV, world, settings) == (
        "uv pip install --python /env/bin/python --only-binary :all: -r r.txt -c c.txt --no-progress --color never "
        "--index-strategy unsafe-best-match -c p.txt --allow-insecure-host i.test"
    )
    env = install_call(UV, world, requirements="r", constraints="c", configuration=settings).env
    sources = {name: value for name, value in env.items() if name.startswith(("UV_INDEX", "UV_DEFAULT", "UV_FIND"))}
    assert sources == {"UV_DEFAULT_INDEX": "https://i.test", "UV_INDEX": "https://e.test", "UV_FIND_LINKS": "/w"}


def test_uv_is_handed_folders_alone_where_there_is_no_index(world: World) -> None:
    settings = Configuration(
        index="https://i.test", extra_indexes=("https://e.test",), find_links=("/w", "/v"), no_index=True
    )
    env = install_call(UV, world, requirements="r", constraints="c", configuration=settings).env
    assert (env.get("UV_DEFAULT_INDEX"), env.get("UV_INDEX"), env["UV_FIND_LINKS"]) == (None, None, "/w,/v")


def test_uv_offline(world: World) -> None:
    line = call(UV, world, Configuration().local_only(), offline=True, folders=("/mine",))
    assert line.endswith("--no-progress --color never --offline --no-index --find-links /mine")


def test_uv_gets_certificates_proxy_and_limits_by_environment(world: World, tmp_path: Path) -> None:
    settings = Configuration(cert="/ca.pem", client_cert="/me.pem", proxy="http://p.test")
    env = install_call(UV, world, requirements="r", constraints="c", configuration=settings).env
    assert (env["SSL_CERT_FILE"], env["SSL_CLIENT_CERT"], env["HTTPS_PROXY"]) == ("/ca.pem", "/me.pem", "http://p.test")
    assert (env["UV_HTTP_TIMEOUT"], env["UV_HTTP_RETRIES"]) == ("15", "2")
    folder = replace(settings, cert=str(tmp_path))
    assert install_call(UV, world, requirements="r", constraints="c", configuration=folder).env["SSL_CERT_DIR"]
    own = replace(world, env={**world.env, "SSL_CERT_FILE": "/mine.pem", "UV_HTTP_TIMEOUT": "99"})
    env = install_call(UV, own, requirements="r", constraints="c", configuration=settings).env
    assert (env["SSL_CERT_FILE"], env["UV_HTTP_TIMEOUT"]) == ("/mine.pem", "99")


@pytest.mark.parametrize("engine", [PIP, UV], ids=["pip", "uv"])
def test_settings_that_would_lead_astray_are_dropped(world: World, engine: Engine) -> None:
    astray = {"PIP_TARGET": "/else", "PIP_USER": "1", "PYTHONPATH": "/x", "UV_SYSTEM_PYTHON": "1"}
    there = replace(world, env={**world.env, **astray, "PIP_INDEX_URL": "https://i.test"})
    env = install_call(engine, there, requirements="r", constraints="c", configuration=Configuration()).env
    assert not set(astray) & set(env)
    assert env["PIP_INDEX_URL"] == "https://i.test"
