"""The direction of imports, held by a test: pure layers touch nothing, stages look one way."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "ipexenv"

PURE = (
    "errors",
    "events",
    "facts",
    "outcome",
    "ruling",
    "reading",
    "answer",
    "plan",
    "tables/schema",
    "tables/releases",
    "tables/frameworks",
    "tables/failures",
    "doctor/child_endings",
    "doctor/decoding",
    "doctor/deep_findings",
    "doctor/diagnosis",
    "doctor/examine",
    "doctor/finding",
    "doctor/homes",
    "doctor/ranking",
    "doctor/redaction",
    "doctor/rules/",
    "doctor/scanning",
    "doctor/surroundings",
    "doctor/words",
    "tables/sources",
    "tables/join",
    "tables/mapping",
    "resolve/",
)
IMPURE_MODULES = frozenset(
    {"os", "subprocess", "requests", "rich", "socket", "shutil", "tempfile", "urllib.request", "http", "ctypes"}
)

# Who may never import whom: (importing folder, imported package).
FORBIDDEN = (
    ("resolve/", "ipexenv.probe"),
    ("resolve/", "ipexenv.install"),
    ("resolve/", "ipexenv.report"),
    ("resolve/", "ipexenv.system"),
    ("report/", "ipexenv.system"),
    ("report/", "ipexenv.probe"),
    ("tables/", "ipexenv.resolve"),
    ("tables/", "ipexenv.probe"),
    ("probe/", "ipexenv.resolve"),
    ("probe/", "ipexenv.install"),
    ("install/", "ipexenv.resolve"),
    ("install/", "ipexenv.verify"),
    ("verify/", "ipexenv.install"),
    ("verify/", "ipexenv.resolve"),
    ("system/", "ipexenv.probe"),
    ("system/", "ipexenv.tables"),
)


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def place(module: Path) -> str:
    return module.relative_to(PACKAGE).with_suffix("").as_posix()


def imports(module: Path, *, running: bool) -> set[str]:
    """Return the modules imported; with ``running`` leave out those under ``if TYPE_CHECKING``."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    if running:
        tree = ast.fix_missing_locations(DropTypeChecking().visit(tree))
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


class DropTypeChecking(ast.NodeTransformer):
    def visit_If(self, node: ast.If) -> ast.AST | None:
        self.generic_visit(node)
        return None if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING" else node


def is_of(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@pytest.mark.parametrize("module", [m for m in modules() if place(m).startswith(PURE)], ids=place)
def test_pure_modules_touch_nothing(module: Path) -> None:
    used = {name for name in imports(module, running=True) for bad in IMPURE_MODULES if is_of(name, bad)}
    assert used == set()


@pytest.mark.parametrize(("folder", "package"), FORBIDDEN, ids=lambda value: str(value).strip("/"))
def test_stages_look_one_way(folder: str, package: str) -> None:
    guilty = {
        place(module)
        for module in modules()
        if place(module).startswith(folder)
        for name in imports(module, running=True)
        if is_of(name, package)
    }
    assert guilty == set()


@pytest.mark.parametrize(("library", "home"), [("rich", "report/"), ("requests", "system/")])
def test_libraries_have_one_home(library: str, home: str) -> None:
    guilty = {
        place(module)
        for module in modules()
        if not place(module).startswith(home)
        for name in imports(module, running=True)
        if is_of(name, library)
    }
    assert guilty == set()


def test_what_runs_in_the_target_needs_the_standard_library_alone() -> None:
    for module in PACKAGE.rglob("_target*.py"):
        own = {name for name in imports(module, running=True) if is_of(name, "ipexenv")}
        assert own == set(), module


def test_modules_stay_readable() -> None:
    long = {place(module): n for module in modules() if (n := len(module.read_text("utf-8").splitlines())) > 300}
    assert long == {}


def test_commands_stay_thin() -> None:
    long = {
        place(module): n
        for module in modules()
        if place(module).startswith("commands/") and (n := len(module.read_text("utf-8").splitlines())) > 100
    }
    assert long == {}


def test_pip_and_uv_are_never_imported() -> None:
    guilty = {
        place(module)
        for module in modules()
        for name in imports(module, running=True)
        if is_of(name, "pip") or is_of(name, "uv")
    }
    assert guilty == set()
