"""The node of objects: declared properties in order, undeclared ones, and how many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jsonschema_rs

from galop.grammar.errors import SchemaError
from galop.grammar.patterns import anchored
from galop.grammar.schema.keywords import count_of
from galop.grammar.schema.subschemas import ParsedSchema, Place, SubschemaReader
from galop.grammar.schema_ir import ExtraMembers, Member, Node, Object, Union
from galop.grammar.validation import validator_of


def read_object(schema: Mapping[str, Any], place: Place, reader: SubschemaReader) -> ParsedSchema:
    """The node of the objects that the schema at `place` allows. Raises `SchemaError`.

    Its members are the properties in the order of the schema, then required ones that it does not
    declare, then those that `dependent...`, `if` and `not` name.
    """
    for keyword in ("properties", "patternProperties"):
        if not isinstance(schema.get(keyword, {}), Mapping):
            raise SchemaError(f"{place.pointer}/properties", "must be an object")
    names = _names(schema)
    members = list(_members(schema, names, place, reader))
    extras, is_exact = _extras(schema, place, reader)
    counts = _counts_of_extras(schema, members, place.pointer)
    if counts.most is not None and counts.most < 0:
        return ParsedSchema(Union(pointer=place.pointer, is_never=True), True)
    node = Object(members, extras, names, counts.least, counts.most)
    return ParsedSchema(node, is_exact and counts.is_exact)


def _names(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of members, in order."""
    hinted = [] if schema.get("additionalProperties") is False else _hinted_names(schema)
    return tuple(dict.fromkeys([*schema.get("properties", ()), *_required(schema), *hinted]))


def _members(
    schema: Mapping[str, Any], names: Sequence[str], place: Place, reader: SubschemaReader
) -> Iterator[Member]:
    """The members that an object can have."""
    properties, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    required = _required(schema)
    for name in names:
        matching = [each for pattern, each in patterns.items() if matches(pattern, name)]
        if name in properties or matching:
            value, where = properties.get(name, True), place.under("properties", name)
        else:
            value = schema.get("additionalProperties", True)
            where = place.under("additionalProperties")
        if matching:
            node = reader.all_of([value, *matching], Place(where.pointer, place.depth))
        else:
            node = reader.part(value, where)
        if name in required or not is_never(node):
            yield Member(name, node, name in required)


def _extras(
    schema: Mapping[str, Any], place: Place, reader: SubschemaReader
) -> tuple[list[ExtraMembers], bool]:
    """The undeclared properties, and whether the nodes say all of them."""
    patterns = schema.get("patternProperties", {})
    value = schema.get("additionalProperties", True)
    # A name that matches two patterns, or a pattern beside open objects, must satisfy both.
    is_exact = len(patterns) <= 1 and (not patterns or value is False)
    extras = []
    for pattern, each in patterns.items():
        regex = anchored(pattern)
        is_exact &= regex is not None
        node = reader.part(each, place.under("patternProperties", pattern))
        extras.append(ExtraMembers(regex, node))
    if value is not False and not _names_are_listed(schema) and _allows_undeclared(schema):
        node = reader.part(value, place.under("additionalProperties"))
        extras.append(ExtraMembers(_pattern_of_names(schema), node))
    return [each for each in extras if not is_never(each.value)], is_exact


def _allows_undeclared(schema: Mapping[str, Any]) -> bool:
    """`unevaluatedProperties` says nothing of those that `additionalProperties` evaluates."""
    return "additionalProperties" in schema or schema.get("unevaluatedProperties") is not False


def _names_are_listed(schema: Mapping[str, Any]) -> bool:
    names = schema.get("propertyNames")
    return isinstance(names, Mapping) and ("enum" in names or "const" in names)


def _pattern_of_names(schema: Mapping[str, Any]) -> str | None:
    names = schema.get("propertyNames")
    pattern = names.get("pattern") if isinstance(names, Mapping) else None
    return anchored(pattern) if isinstance(pattern, str) else None


class _Counts(NamedTuple):
    least: int
    most: int | None
    is_exact: bool


def _counts_of_extras(
    schema: Mapping[str, Any], members: Sequence[Member], pointer: str
) -> _Counts:
    """How many undeclared members `minProperties` and `maxProperties` leave.

    They leave no object where `most` is negative. Beside optional members the validator counts; one
    undeclared member is then the least if the schema asks for any.
    """
    least = count_of(schema, "minProperties", pointer) or 0
    most = count_of(schema, "maxProperties", pointer)
    num_required = sum(member.is_required for member in members)
    if num_required < len(members):
        return _Counts(int(least > 0), None, least <= num_required and most is None)
    most_extras = None if most is None else most - num_required
    return _Counts(max(0, least - num_required), most_extras, True)


def _required(schema: Mapping[str, Any]) -> Sequence[str]:
    required = schema.get("required")
    return required if isinstance(required, list) else ()  # draft 3 has a flag in the property


def _hinted_names(schema: Mapping[str, Any]) -> Iterator[str]:
    """Names of properties in the keywords that are left to the validator.

    A document that needs such a property can be written only if it has a place among the members.
    """
    for keyword in ("dependentRequired", "dependentSchemas", "dependencies"):
        for name, asked in _mapping(schema.get(keyword)).items():
            yield name
            if isinstance(asked, list):
                yield from (each for each in asked if isinstance(each, str))
            else:
                yield from _named_properties(asked)
    for keyword in ("if", "then", "else", "not"):
        yield from _named_properties(schema.get(keyword))
    names = _mapping(schema.get("propertyNames"))
    for name in [*names.get("enum", ()), names.get("const")]:
        if isinstance(name, str):
            yield name


def _named_properties(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        yield from (each for each in schema.get("required", ()) if isinstance(each, str))
        yield from _mapping(schema.get("properties"))
        for keyword in ("anyOf", "oneOf", "allOf"):
            options = schema.get(keyword)
            for option in options if isinstance(options, list) else ():
                yield from _named_properties(option)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def is_never(node: Node) -> bool:
    """True for a node of which it is known that no value satisfies it."""
    return isinstance(node, Union) and node.is_never


def matches(pattern: str, name: str) -> bool:
    """Whether the name of a property matches a pattern, as the validator says."""
    try:
        return bool(validator_of({"pattern": pattern}).is_valid(name))
    except (ValueError, jsonschema_rs.ValidationError):
        return False
