"""Which module may know which. Read from the sources, so that nothing has to be imported."""

from __future__ import annotations

import ast
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "src" / "groq"

# What decides must not know what does: no module of the first group imports one of the second.
PURE = {
    "_accumulator",
    "_call",
    "_constants",
    "_deadline",
    "_decode",
    "_exceptions",
    "_faults",
    "_models",
    "_parsing",
    "_qs",
    "_rate_limit",
    "_request",
    "_retry",
    "_sse",
    "_structured",
    "_types",
}
SHELLS = {
    "_base_client",
    "_chat_stream",
    "_client",
    "_resource",
    "_response",
    "_streaming",
    "_transport",
    "resources",
    "testing",
}


def imports_at_load(path: Path) -> set[str]:
    """Modules of this package that `path` imports when it is loaded itself, by relative name."""
    package = path.relative_to(SOURCE).parent.parts
    found: set[str] = set()

    def visit(body: list[ast.stmt]) -> None:
        for node in body:
            if isinstance(node, ast.ImportFrom) and node.level:
                base = package[: len(package) - node.level + 1]
                module = tuple(node.module.split(".")) if node.module else ()
                for name in node.names:
                    target = (*base, *module, *(() if module else (name.name,)))
                    found.add(".".join(target))
            elif isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.dump(node.test):
                visit(node.body + node.orelse)
            elif isinstance(node, (ast.Try, ast.With)):
                visit(node.body)

    visit(ast.parse(path.read_text()).body)
    return found


GRAPH = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): (
        imports_at_load(path)
    )
    for path in SOURCE.rglob("*.py")
}


def test_what_decides_does_not_know_what_does() -> None:
    """Pure modules import no client, stream or pool when they are loaded."""
    for name in PURE:
        for imported in GRAPH[name]:
            assert imported.partition(".")[0] not in SHELLS, f"{name} imports {imported}"


def test_every_module_has_its_place() -> None:
    """A new private module is listed above, or is a compatibility path or a leaf."""
    private = {name for name in GRAPH if name.startswith("_") and "." not in name} - {"__init__"}
    leaves = {"_compat", "_files", "_formats", "_lazy", "_logging", "_platform", "_utils"}

    assert private == (PURE | SHELLS | leaves | {"_version"}) - {"resources", "testing"}


def test_no_two_modules_import_each_other() -> None:
    """The import graph has no cycle, of any length."""
    done: set[str] = set()

    def walk(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name in done:
            return
        for imported in GRAPH.get(name, ()):
            walk(imported, (*trail, name))
        done.add(name)

    for name in GRAPH:
        walk(name, ())


def test_nothing_here_knows_the_server() -> None:
    """The two distributions meet on the wire only."""
    for path in SOURCE.rglob("*.py"):
        assert "galop" not in path.read_text(), path
