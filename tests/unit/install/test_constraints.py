from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from ipexenv.install.constraints import allowed, read_constraints
from ipexenv.outcome import Offer

if TYPE_CHECKING:
    from ipexenv.system.world import World


def offer(project: str, version: str) -> Offer:
    return Offer(project=project, version=Version(version), filename="f", url="u", source="s")


def test_constraint_files_are_read_as_far_as_they_concern_everybody(world: World) -> None:
    (world.directory / "c.txt").write_text(
        "# caps\ntorch<=2.14.1  # on disk\nTorch_Vision<1 \\\n  ,>0.1\ntorch!=2.9\n-r other.txt\nnot a requirement!\n"
        "numpy<2; python_version < '3.12'\nx @ https://files.test/x.whl\npsutil==5.9 --hash=sha256:00\n\n",
        encoding="utf-8",
    )
    found = read_constraints(("c.txt", "absent.txt", "https://host.test/c.txt"), world)
    assert found == {
        "torch": SpecifierSet("<=2.14.1,!=2.9"),
        "torch-vision": SpecifierSet("<1,>0.1"),
        "psutil": SpecifierSet("==5.9"),
    }


def test_offers_that_are_excluded_are_left_out() -> None:
    kept = offer("torch", "2.8.0+cpu"), offer("numpy", "3")
    assert allowed((*kept, offer("torch", "2.15.0")), {"torch": SpecifierSet("<=2.14.1")}) == kept


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=60))
def test_any_file_can_be_read(world: World, text: str) -> None:
    (world.directory / "c.txt").write_bytes(text.encode("utf-8", "surrogatepass"))
    read_constraints(("c.txt",), world)
