"""Finding what a `$ref` means, inside one schema document (JSON Pointer: RFC 6901)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urldefrag

from galop.grammar.errors import SchemaError
from galop.grammar.schema_ir import Schema

_VALUES = frozenset(["enum", "const", "default", "examples"])
_SCHEMAS_BY_NAME = frozenset(
    [
        "properties",
        "patternProperties",
        "dependentSchemas",
        "dependencies",
        "$defs",
        "definitions",
    ]
)


class References:
    """The places of one document that a reference can name."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._root_id = _id_of(root)
        self._named: dict[str, tuple[Schema, str]] | None = None

    def resolve(self, reference: Any, pointer: str) -> tuple[Schema, str]:
        """The schema and its pointer. Raises `SchemaError` at `pointer`."""
        if not isinstance(reference, str):
            raise SchemaError(pointer, "must be a string")
        base, fragment = urldefrag(reference)
        if base and base != self._root_id:
            named = self._anchors().get(reference)
            if named is None:
                raise SchemaError(
                    pointer, f"refers to '{reference}', and nothing outside the schema is read"
                )
            return named
        if fragment and not fragment.startswith("/"):
            named = self._anchors().get(f"#{fragment}")
            if named is None:
                raise SchemaError(pointer, f"refers to '{reference}', which the schema lacks")
            return named
        return self._at(unquote(fragment), reference, pointer)

    def _at(self, fragment: str, reference: str, pointer: str) -> tuple[Schema, str]:
        found: Any = self._root
        for part in fragment.split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict) and key in found:
                found = found[key]
            elif isinstance(found, list) and key.isdecimal() and int(key) < len(found):
                found = found[int(key)]
            else:
                raise SchemaError(pointer, f"refers to '{reference}', which the schema lacks")
        if not isinstance(found, dict | bool):
            raise SchemaError(pointer, f"refers to '{reference}', which is not a schema")
        return found, fragment

    def _anchors(self) -> dict[str, tuple[Schema, str]]:
        """Every `$anchor`, as `#name`, and every nested `$id`, with the schema and its pointer."""
        if self._named is None:
            self._named = {}
            for schema, pointer in _subschemas(self._root):
                anchor = schema.get("$anchor")
                if isinstance(anchor, str):
                    self._named.setdefault(f"#{anchor}", (schema, pointer))
                if (name := _id_of(schema)) is not None:
                    self._named.setdefault(name, (schema, pointer))
        return self._named


def _subschemas(root: Schema) -> Iterator[tuple[dict[str, Any], str]]:
    """Every object of the document that may be a schema, with its pointer.

    Values of `enum` and `const` are no schemas. A property may have the name of a keyword.
    """
    todo: list[tuple[Any, str, bool]] = [(root, "", True)]
    while todo:
        value, pointer, is_schema = todo.pop()
        if isinstance(value, list):
            todo += [(each, f"{pointer}/{index}", True) for index, each in enumerate(value)]
        elif isinstance(value, dict):
            if is_schema:
                yield value, pointer
            for key, each in value.items():
                if not (is_schema and key in _VALUES):
                    is_inner = not (is_schema and key in _SCHEMAS_BY_NAME)
                    todo.append((each, f"{pointer}/{escape(key)}", is_inner))


def escape(key: str) -> str:
    """A key as a part of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def _id_of(schema: Any) -> str | None:
    for keyword in ("$id", "id"):
        if isinstance(schema, dict) and isinstance(schema.get(keyword), str):
            name: str = schema[keyword]
            return name.removesuffix("#") if len(name) > 1 else name
    return None
