"""A subschema: its place in the document, who reads it, and what comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from galop.grammar.schema.references import escape
from galop.grammar.schema_ir import Node


class ParsedSchema(NamedTuple):
    """What a schema allows."""

    node: Node
    is_exact: bool
    """True if the node allows valid values only. What a reader reads inside is not counted."""


class Place(NamedTuple):
    """The place of a subschema."""

    pointer: str
    """JSON Pointer (RFC 6901) into the document."""
    depth: int
    """Number of schemas around it; references count as one each."""

    def under(self, *keys: str) -> Place:
        """A place inside the schema here: one schema deeper."""
        return Place(self._pointer_of(keys), self.depth + 1)

    def beside(self, *keys: str) -> Place:
        """The same, for keys that lead on to a schema without passing another one."""
        return Place(self._pointer_of(keys), self.depth)

    def _pointer_of(self, keys: Sequence[str]) -> str:
        return "".join([self.pointer, *(f"/{escape(key)}" for key in keys)])


class SubschemaReader(Protocol):
    """What the readers of arrays and objects need for the schemas inside them."""

    def part(self, schema: Any, place: Place) -> Node:
        """The node of the subschema at `place`. Raises `SchemaError`."""

    def all_of(self, schemas: Sequence[Any], place: Place) -> Node:
        """The node of several schemas that must all hold at `place`. Raises `SchemaError`."""
