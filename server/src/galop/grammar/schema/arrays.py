"""The node of arrays: items by position, other items, and how many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from galop.grammar.schema.keywords import count_of
from galop.grammar.schema.subschemas import ParsedSchema, Place, SubschemaReader
from galop.grammar.schema_ir import Array, Node, Union

_MAX_CONTAINED = 16
"""Contained items that are offered at the beginning of an array."""


class _Items(NamedTuple):
    """What a schema says of items by their position."""

    prefix: Sequence[Any]
    prefix_place: Place
    others: Any
    others_place: Place


def read_array(schema: Mapping[str, Any], place: Place, reader: SubschemaReader) -> ParsedSchema:
    """The node of the arrays that the schema at `place` allows.

    `uniqueItems` and what `contains` asks of an item are left to the validator. Raises
    `SchemaError`.
    """
    items = _items_of(schema, place)
    prefix = [
        reader.part(each, items.prefix_place.beside(str(index)))
        for index, each in enumerate(items.prefix)
    ]
    others = None if items.others is False else reader.part(items.others, items.others_place)
    num_contained = _num_contained(schema, place)
    min_items = max(count_of(schema, "minItems", place.pointer) or 0, num_contained)
    max_items = count_of(schema, "maxItems", place.pointer)
    is_unique = schema.get("uniqueItems") is True
    array: Node = Array(prefix, others, min_items, max_items, is_unique)
    if 0 < num_contained <= _MAX_CONTAINED:
        contained = _contained(schema["contains"], num_contained, items, place, reader)
        # The first option is part of the second. It makes the shortest documents valid ones.
        first = Array(
            [*contained, *prefix[num_contained:]], others, min_items, max_items, is_unique
        )
        array = Union([first, array], pointer=place.pointer)
    return ParsedSchema(array, is_exact=not is_unique)


def _items_of(schema: Mapping[str, Any], place: Place) -> _Items:
    """Up to draft 2019-09, a tuple is a list of `items` and `additionalItems`."""
    items: Any = schema.get("items", True)
    if isinstance(items, list):
        others = schema.get("additionalItems", True)
        return _Items(items, place.under("items"), others, place.under("additionalItems"))
    prefix = schema.get("prefixItems", [])
    return _Items(prefix, place.under("prefixItems"), items, place.under("items"))


def _num_contained(schema: Mapping[str, Any], place: Place) -> int:
    """The least number of items that satisfy `contains`."""
    if "contains" not in schema:
        return 0
    asked = count_of(schema, "minContains", place.pointer)
    return 1 if asked is None else asked


def _contained(
    schema: Any, num_contained: int, items: _Items, place: Place, reader: SubschemaReader
) -> list[Node]:
    """The first items of an array that begins with those that satisfy `contains`."""
    padding = [items.others] * (num_contained - len(items.prefix))
    asked = [*items.prefix, *padding][:num_contained]
    where = Place(place.under("contains").pointer, place.depth)
    return [reader.all_of([schema, each], where) for each in asked]
