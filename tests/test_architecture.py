"""Rooms know only the rooms below, and nothing imports in a circle (docs/architecture.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rooms import ROOMS

ROOT = Path(__file__).parents[1]
GALOP = ROOT / "server" / "src" / "galop"
GROQ = ROOT / "sdk" / "src" / "groq"


def modules(package: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imported_modules(module: str, path: Path, *, everywhere: bool = True) -> Iterator[str]:
    """Absolute names of what a module imports: inside functions and `if TYPE_CHECKING` too, unless
    `everywhere` is False."""
    is_package = path.name == "__init__.py"
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree) if everywhere else _top_level(tree.body):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module.split(".") if is_package else module.split(".")[:-1]
                package = package[: len(package) - node.level + 1]
                base = ".".join([*package, base] if base else package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _top_level(body: list[ast.stmt]) -> Iterator[ast.AST]:
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield node
        if isinstance(node, ast.If):
            yield from _top_level(node.body + node.orelse)
        elif isinstance(node, ast.Try):
            yield from _top_level(node.body + node.orelse + node.finalbody)


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_below(room: str) -> None:
    """Imports inside functions count as well: they are dependencies all the same."""
    wrong = []
    for module, path in modules(GALOP):
        if room_of(module) != room:
            continue
        for name in imported_modules(module, path):
            if name.startswith("galop.") and room_of(name) not in ROOMS[room].may_import | {room}:
                if room_of(name) == "__version__":
                    continue
                wrong.append(f"{module} imports {name}")
    assert wrong == []


def test_every_room_is_listed() -> None:
    """A new room must say what it may know."""
    rooms = {room_of(module) for module, _ in modules(GALOP)} - {""}
    assert rooms == set(ROOMS)


def test_every_room_comes_before_those_that_it_imports() -> None:
    """So no two rooms import each other, on any way round."""
    above: set[str] = set()
    for name, room in ROOMS.items():
        assert room.may_import.isdisjoint(above), name
        above.add(name)


def test_no_permission_is_left_over() -> None:
    """A room may import only what it does import."""
    imported: dict[str, set[str]] = {name: set() for name in ROOMS}
    for module, path in modules(GALOP):
        if room := room_of(module):
            names = imported_modules(module, path)
            imported[room] |= {room_of(name) for name in names if name.startswith("galop.")}
    unused = {
        name: room.may_import - imported[name]
        for name, room in ROOMS.items()
        if room.may_import - imported[name]
    }
    assert unused == {}


@pytest.mark.parametrize(
    ("package", "everywhere"), [(GALOP, True), (GROQ, False)], ids=["galop", "groq"]
)
def test_no_module_imports_in_a_circle(package: Path, everywhere: bool) -> None:
    """Every package can be read from the bottom up. `groq` may have circles that exist for type
    checkers alone: its published module paths have them."""
    known = dict(modules(package))
    graph = {
        module: {
            name
            for name in imported_modules(module, path, everywhere=everywhere)
            if name in known and name != module and not module.startswith(name + ".")
        }
        for module, path in known.items()
    }
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join([*trail[trail.index(module) :], module])
        if module not in done:
            for name in graph[module]:
                visit(name, (*trail, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_only_the_llama_room_imports_llama_cpp() -> None:
    """And only the grammar room imports llguidance."""
    owners = {"llama_cpp": "backends", "llguidance": "grammar", "starlette": "http"}
    owners |= {"sqlalchemy": "accounts", "alembic": "accounts", "psycopg": "accounts"}
    owners |= {"prometheus_client": "telemetry", "opentelemetry": "telemetry"}
    for module, path in modules(GALOP):
        for name in imported_modules(module, path):
            owner = owners.get(name.split(".")[0])
            assert owner is None or room_of(module) == owner, f"{module} imports {name}"


def test_the_distributions_do_not_import_each_other() -> None:
    """The SDK never imports the server; the server never the SDK outside its command line."""
    for module, path in modules(GROQ):
        assert not any(name.split(".")[0] == "galop" for name in imported_modules(module, path)), (
            module
        )
    for module, path in modules(GALOP):
        if room_of(module) != "cli":
            assert not any(
                name.split(".")[0] == "groq" for name in imported_modules(module, path)
            ), module
