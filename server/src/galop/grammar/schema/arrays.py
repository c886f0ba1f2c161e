"""The node of arrays: items by position, other items, and how many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from galop.grammar.nodes import Array
from galop.grammar.schema.keywords import count_of
from galop.grammar.schema.subschemas import ParsedSchema, Place, SubschemaReader


def read_array(schema: Mapping[str, Any], place: Place, reader: SubschemaReader) -> ParsedSchema:
    """The node of the arrays that the schema at `place` allows.

    `uniqueItems` and what `contains` asks of an item are left to the validator. Raises
    `SchemaError`.
    """
    items: Any = schema.get("items", True)
    prefix: list[Any] = schema.get("prefixItems", [])
    prefix_place, items_place = place.under("prefixItems"), place.under("items")
    if isinstance(items, list):  # up to draft 2019-09
        prefix, prefix_place = items, items_place
        items, items_place = schema.get("additionalItems", True), place.under("additionalItems")
    prefix_nodes = [
        reader.part(each, prefix_place.beside(str(index))) for index, each in enumerate(prefix)
    ]
    other_items = None if items is False else reader.part(items, items_place)
    num_contained = 0
    if "contains" in schema:
        asked = count_of(schema, "minContains", place.pointer)
        num_contained = 1 if asked is None else asked
    min_items = max(count_of(schema, "minItems", place.pointer) or 0, num_contained)
    max_items = count_of(schema, "maxItems", place.pointer)
    is_unique = schema.get("uniqueItems") is True
    array = Array(prefix_nodes, other_items, min_items, max_items, is_unique)
    return ParsedSchema(array, is_exact=not is_unique)
