"""Finding what a `$ref` means, inside one schema document (JSON Pointer: RFC 6901)."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urldefrag

from galop.grammar.errors import SchemaError
from galop.grammar.nodes import Schema


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
        """Every `$anchor`, as `#name`, and every nested `$id`."""
        if self._named is None:
            self._named = {}
            todo: list[tuple[Any, str]] = [(self._root, "")]
            while todo:
                value, pointer = todo.pop()
                if isinstance(value, dict):
                    anchor = value.get("$anchor")
                    if isinstance(anchor, str):
                        self._named.setdefault(f"#{anchor}", (value, pointer))
                    if (name := _id_of(value)) is not None:
                        self._named.setdefault(name, (value, pointer))
                    todo += [(each, f"{pointer}/{escape(key)}") for key, each in value.items()]
                elif isinstance(value, list):
                    todo += [(each, f"{pointer}/{index}") for index, each in enumerate(value)]
        return self._named


def escape(key: str) -> str:
    """A key as a part of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def _id_of(schema: Any) -> str | None:
    for keyword in ("$id", "id"):
        if isinstance(schema, dict) and isinstance(schema.get(keyword), str):
            name: str = schema[keyword]
            return name.removesuffix("#") if len(name) > 1 else name
    return None
