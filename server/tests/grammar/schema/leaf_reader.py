"""A reader of subschemas for tests of arrays and objects by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from galop.grammar.schema import read_schema
from galop.grammar.schema.subschemas import Place
from galop.grammar.schema_ir import Node


class LeafReader:
    """Reads each subschema as a document of its own, and notes its place."""

    def __init__(self) -> None:
        self.pointers: list[str] = []
        self.is_exact = True

    def part(self, schema: Any, place: Place) -> Node:
        """See `SubschemaReader`."""
        self.pointers.append(place.pointer)
        node, is_exact = read_schema(schema)
        self.is_exact &= is_exact
        return node

    def all_of(self, schemas: Sequence[Any], place: Place) -> Node:
        """See `SubschemaReader`."""
        return self.part({"allOf": [True, *schemas]}, place)
