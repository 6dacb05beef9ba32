from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipexenv.errors import UsageError
from ipexenv.install.configuration import Configuration, read_configuration
from ipexenv.install.uv_configuration import read_uv_configuration

if TYPE_CHECKING:
    from ipexenv.system.world import World


def with_env(world: World, **env: str) -> World:
    return replace(world, env={**world.env, **env})


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def pip(world: World, prefix: str | None = None) -> Configuration:
    return read_configuration(world, prefix=prefix, with_uv=False)


def both(world: World) -> Configuration:
    return read_configuration(world, prefix=None, with_uv=True)


def home(world: World) -> Path:
    return Path(world.env["HOME"])


def test_nothing_configured(world: World) -> None:
    assert pip(world) == Configuration()
    assert pip(world).indexes == (None,)
    assert both(world) == Configuration()


def test_every_setting_of_a_file(world: World) -> None:
    write(
        home(world) / ".config/pip/pip.conf",
        """
        [global]
        index-url = https://user:pw@a.test/simple
        extra_index_url = https://b.test/simple
            https://c.test/simple
        find-links = /wheels ~/more
        constraint = /etc/constraints.txt
        trusted-host = b.test c.test:8443
        cert = ~/ca.pem
        client-cert = client.pem
        proxy = http://proxy.test:3128
        timeout = 60
        no-index = false
        """.replace("        ", "", 1).replace("\n        ", "\n"),
    )
    assert pip(world) == Configuration(
        index="https://user:pw@a.test/simple",
        extra_indexes=("https://b.test/simple", "https://c.test/simple"),
        find_links=("/wheels", "~/more"),
        constraints=("/etc/constraints.txt",),
        trusted_hosts=("b.test", "c.test:8443"),
        cert=str(home(world) / "ca.pem"),
        client_cert=str(world.directory / "client.pem"),
        proxy="http://proxy.test:3128",
        has_timeout=True,
    )


def test_files_win_in_pips_order(world: World, tmp_path: Path) -> None:
    def content(name: str) -> str:
        return f"[global]\nindex-url = https://{name}.test\nfind-links = /{name}\n"

    prefix = tmp_path / "venv"
    order = [
        (world.root / "etc/xdg/pip/pip.conf", "xdg"),
        (world.root / "etc/pip.conf", "etc"),
        (home(world) / ".pip/pip.conf", "legacy"),
        (home(world) / ".config/pip/pip.conf", "user"),
        (prefix / "pip.conf", "site"),
    ]
    for file, name in order:
        write(file, content(name))
        assert pip(world, str(prefix)).index == f"https://{name}.test"
        assert pip(world, str(prefix)).find_links == (f"/{name}",)


def test_the_install_section_wins_over_global_and_variables_over_both(world: World) -> None:
    write(
        home(world) / ".config/pip/pip.conf",
        "[install]\nindex-url = https://i.test\n[global]\nindex-url = https://g.test\n",
    )
    assert pip(world).index == "https://i.test"
    assert pip(with_env(world, PIP_INDEX_URL="https://v.test")).index == "https://v.test"


def test_a_named_file_stands_in_for_the_users_own(world: World, tmp_path: Path) -> None:
    write(home(world) / ".config/pip/pip.conf", "[global]\nindex-url = https://user.test\nproxy = http://p.test\n")
    named = write(tmp_path / "named.conf", "[global]\nindex-url = https://named.test\n")
    there = pip(with_env(world, PIP_CONFIG_FILE=str(named)))
    assert (there.index, there.proxy) == ("https://named.test", None)
    missing = pip(with_env(world, PIP_CONFIG_FILE=str(tmp_path / "none.conf")))
    assert missing.index == "https://user.test"


def test_no_file_counts_with_dev_null(world: World) -> None:
    write(home(world) / ".config/pip/pip.conf", "[global]\nindex-url = https://user.test\n")
    assert pip(with_env(world, PIP_CONFIG_FILE="/dev/null")).index is None


def test_no_index_leaves_the_folders(world: World) -> None:
    there = pip(with_env(world, PIP_NO_INDEX="1", PIP_FIND_LINKS="/a /b", PIP_INDEX_URL="https://x.test"))
    assert there.indexes == ()
    assert there.find_links == ("/a", "/b")


def test_a_broken_file_is_named(world: World) -> None:
    file = write(home(world) / ".config/pip/pip.conf", "index-url = https://no.section\n")
    with pytest.raises(UsageError) as caught:
        pip(world)
    assert str(file) in caught.value.message
    assert caught.value.hint is not None


def test_xdg_variables_move_the_files(world: World, tmp_path: Path) -> None:
    write(tmp_path / "mine/pip/pip.conf", "[global]\nindex-url = https://mine.test\n")
    write(world.root / "opt/etc/pip/pip.conf", "[global]\nproxy = http://p.test\n")
    there = pip(with_env(world, XDG_CONFIG_HOME=str(tmp_path / "mine"), XDG_CONFIG_DIRS="/opt/etc"))
    assert (there.index, there.proxy) == ("https://mine.test", "http://p.test")


def test_trusted_hosts_count_with_and_without_port() -> None:
    there = Configuration(trusted_hosts=("a.test", "b.test:8443"))
    assert there.trusts("https://me:pw@a.test:99/simple")
    assert there.trusts("https://b.test:8443/")
    assert not there.trusts("https://b.test/")
    assert not there.trusts("/folder")


def test_what_is_left_offline() -> None:
    there = Configuration(
        index="https://a.test",
        extra_indexes=("file:///simple", "https://b.test", "/more"),
        find_links=("/wheels", "https://c.test/page.html"),
    ).local_only()
    assert there.indexes == ("file:///simple", "/more")
    assert there.find_links == ("/wheels",)
    assert Configuration().local_only().indexes == ()


def test_uv_variables(world: World) -> None:
    there = read_uv_configuration(
        with_env(
            world,
            UV_DEFAULT_INDEX="main=https://m.test/simple",
            UV_INDEX="extra=https://e.test/simple https://f.test/?a=b",
            UV_EXTRA_INDEX_URL="https://g.test",
            UV_FIND_LINKS="/one, /two words",
            UV_INSECURE_HOST="e.test",
            UV_CONSTRAINT="c.txt",
            UV_HTTP_TIMEOUT="9",
            UV_NO_INDEX="true",
        )
    )
    assert there.index == "https://m.test/simple"
    assert there.extra_indexes == ("https://e.test/simple", "https://f.test/?a=b", "https://g.test")
    assert there.find_links == ("/one", "/two words")
    assert (there.trusted_hosts, there.constraints, there.no_index, there.has_timeout) == (
        ("e.test",),
        ("c.txt",),
        True,
        True,
    )


def test_uv_files_of_project_user_and_system(world: World) -> None:
    write(world.root / "etc/uv/uv.toml", 'index-url = "https://system.test"\nextra-index-url = ["https://es.test"]\n')
    assert read_uv_configuration(world).index == "https://system.test"
    write(home(world) / ".config/uv/uv.toml", '[pip]\nindex-url = "https://user.test"\nfind-links = ["/u"]\n')
    assert read_uv_configuration(world).index == "https://user.test"
    write(
        world.directory / "pyproject.toml",
        """
        [[tool.uv.index]]
        url = "https://project.test"
        default = true
        [[tool.uv.index]]
        url = "https://flat.test/page.html"
        format = "flat"
        [[tool.uv.index]]
        url = "https://explicit.test"
        explicit = true
        [[tool.uv.index]]
        url = "https://extra.test"
        """,
    )
    there = read_uv_configuration(world)
    assert there.index == "https://project.test"
    assert there.extra_indexes == ("https://extra.test", "https://es.test")
    assert there.find_links == ("https://flat.test/page.html", "/u")
    write(world.directory / "uv.toml", 'index-url = "https://beside.test"\n')
    assert read_uv_configuration(world).index == "https://beside.test"


def test_uv_config_switches(world: World, tmp_path: Path) -> None:
    write(world.directory / "uv.toml", 'index-url = "https://project.test"\n')
    assert read_uv_configuration(with_env(world, UV_NO_CONFIG="1")).index is None
    named = write(tmp_path / "named.toml", 'index-url = "https://named.test"\nallow-insecure-host = ["h"]\n')
    there = read_uv_configuration(with_env(world, UV_CONFIG_FILE=str(named)))
    assert (there.index, there.trusted_hosts) == ("https://named.test", ("h",))


def test_a_pyproject_that_does_not_speak_of_uv_is_passed_over(world: World) -> None:
    write(world.directory / "pyproject.toml", '[tool.other]\nx = "tool.uv"\n')
    write(world.directory.parent / "uv.toml", 'index-url = "https://parent.test"\n')
    assert read_uv_configuration(world).index == "https://parent.test"


def test_a_broken_uv_file_is_named(world: World) -> None:
    file = write(world.directory / "uv.toml", "index-url = \n")
    with pytest.raises(UsageError) as caught:
        read_uv_configuration(world)
    assert str(file) in caught.value.message


def test_uvs_main_index_wins_and_nothing_is_lost(world: World) -> None:
    there = both(
        with_env(
            world,
            PIP_INDEX_URL="https://p.test",
            PIP_EXTRA_INDEX_URL="https://shared.test https://pe.test",
            PIP_FIND_LINKS="/p",
            PIP_CONSTRAINT="p.txt",
            UV_DEFAULT_INDEX="https://u.test",
            UV_INDEX="https://shared.test",
            UV_FIND_LINKS="/u",
        )
    )
    assert there.indexes == ("https://u.test", "https://shared.test", "https://pe.test", "https://p.test")
    assert there.find_links == ("/u", "/p")
    assert there.constraints == ("p.txt",)
    assert there.best_match


def test_uv_alone_keeps_its_own_order_of_indexes(world: World) -> None:
    assert not both(with_env(world, UV_INDEX="https://e.test")).best_match


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=80))
def test_whatever_stands_in_a_file_the_error_is_ours(world: World, text: str) -> None:
    (world.directory / "uv.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
    named = world.directory / "pip.conf"
    named.write_bytes(text.encode("utf-8", "surrogatepass"))
    for read in (read_uv_configuration, both, pip):
        with contextlib.suppress(UsageError):
            read(with_env(world, PIP_CONFIG_FILE=str(named)))
