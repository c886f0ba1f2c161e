"""From a JSON Schema to nodes (drafts 4 to 2020-12).

What the nodes say is never narrower than the schema where that matters, and may be wider: then
`Shape.is_exact` is False, and a document has to be checked against the schema itself as it grows.
Two places are narrower on purpose: a schema without `type` whose keywords are all of one type means
that type, and properties come in the order of the schema.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jsonschema_rs

from galop.grammar.combine import CONSTRAINTS, combine, same
from galop.grammar.disjoint import are_disjoint
from galop.grammar.errors import SchemaError
from galop.grammar.lexemes import FORMATS, is_exact_format, is_known_lexeme, samples_of
from galop.grammar.nodes import (
    ANYTHING,
    Array,
    ExtraMembers,
    Member,
    Node,
    Number,
    Object,
    Schema,
    String,
    Texts,
    Union,
)
from galop.grammar.patterns import anchored
from galop.grammar.references import References, escape
from galop.grammar.validation import validator_of

MAX_DEPTH = 64
"""Schemas inside each other."""
MAX_NODES = 20_000
_MAX_COMBINATIONS = 64

_ALL_TYPES = ("object", "array", "string", "number", "boolean", "null")
_KEYWORDS_BY_TYPE: Mapping[str, frozenset[str]] = {
    "object": frozenset(
        [
            "properties",
            "required",
            "additionalProperties",
            "patternProperties",
            "propertyNames",
            "minProperties",
            "maxProperties",
            "dependentRequired",
            "dependentSchemas",
            "dependencies",
            "unevaluatedProperties",
        ]
    ),
    "array": frozenset(
        [
            "items",
            "prefixItems",
            "additionalItems",
            "minItems",
            "maxItems",
            "uniqueItems",
            "contains",
            "minContains",
            "maxContains",
            "unevaluatedItems",
        ]
    ),
    "string": frozenset(["minLength", "maxLength", "pattern", "format"]),
    "number": frozenset(
        ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]
    ),
}
_CHECKED = frozenset(
    [
        "not",
        "if",
        "dependentRequired",
        "dependentSchemas",
        "dependencies",
        "propertyNames",
        "contains",
        "minContains",
        "maxContains",
        "unevaluatedProperties",
        "unevaluatedItems",
    ]
)
"""Keywords that the nodes leave to the check of the document."""


class Shape(NamedTuple):
    """A schema taken apart."""

    node: Node
    is_exact: bool


def read_schema(schema: Schema) -> Shape:
    """Raises `SchemaError`."""
    reader = _Reader(schema)
    node = reader.node(schema, "", 0)
    return Shape(node, reader.is_exact)


class _Reader:
    def __init__(self, root: Schema) -> None:
        self.is_exact = True
        self._references = References(root)
        self._by_schema: dict[int, Node] = {}
        self._met: list[Any] = []
        """Keeps what `_by_schema` knows by its address."""
        self._by_content: dict[str, Node] = {}
        self._num_nodes = 0

    def node(self, schema: Any, pointer: str, depth: int) -> Node:
        """The node of the schema at `pointer`."""
        if depth > MAX_DEPTH:
            raise SchemaError(pointer, f"lies deeper than {MAX_DEPTH} schemas")
        if schema is True:
            return ANYTHING
        if schema is False:
            return Union(pointer=pointer, is_never=True)
        if not isinstance(schema, Mapping):
            raise SchemaError(pointer, "must be a schema: an object or a boolean")
        asked = {key: value for key, value in schema.items() if key in CONSTRAINTS}
        if asked.keys() == {"$ref"}:
            target, target_pointer = self._references.resolve(asked["$ref"], f"{pointer}/$ref")
            return self.node(target, target_pointer, depth + 1)
        return self._named(schema, pointer, depth)

    def _named(self, schema: Any, pointer: str, depth: int) -> Node:
        """A node that may be met again while it is being made."""
        known = self._by_schema.get(id(schema))
        if known is not None:
            return known
        union = self._by_schema[id(schema)] = self._new_union(pointer)
        self._met.append(schema)
        union.options += self._options(schema, pointer, depth)
        union.is_never = not union.options
        return union

    def _options(self, schema: Mapping[str, Any], pointer: str, depth: int) -> Iterator[Node]:
        """The nodes of a schema that is not a boolean: one of them holds."""
        base = {key: value for key, value in schema.items() if key in CONSTRAINTS}
        for keyword in ("$dynamicRef", "$recursiveRef"):
            if keyword in base:
                raise SchemaError(f"{pointer}/{keyword}", "is not supported")
        choices: list[tuple[list[Any], str]] = []
        base = self._without_references(base, pointer, depth, choices)
        for keyword in ("anyOf", "oneOf"):
            options = base.pop(keyword, None)
            if options is not None:
                choices.append(
                    (self._list(options, f"{pointer}/{keyword}"), f"{pointer}/{keyword}")
                )
                self.is_exact &= keyword == "anyOf" or are_disjoint(options)
        if not choices:
            yield from self._typed(base, pointer, depth)
            return
        if not base and len(choices) == 1:
            options, where = choices[0]
            for index, option in enumerate(options):
                yield self.node(option, f"{where}/{index}", depth + 1)
            return
        sizes = [range(len(options)) for options, _ in choices]
        combinations = itertools.product(*sizes)
        for indices in itertools.islice(combinations, _MAX_COMBINATIONS):
            parts = [options[i] for (options, _), i in zip(choices, indices, strict=True)]
            yield self._all_of([base, *parts], pointer, depth)
        if next(combinations, None) is not None:
            self.is_exact = False

    def _without_references(
        self,
        base: dict[str, Any],
        pointer: str,
        depth: int,
        choices: list[tuple[list[Any], str]],
    ) -> dict[str, Any]:
        """`$ref` and `allOf` merged into the schema; their alternatives join `choices`."""
        if depth > MAX_DEPTH:
            raise SchemaError(pointer, f"lies deeper than {MAX_DEPTH} schemas")
        parts: list[tuple[Any, str]] = []
        if "$ref" in base:
            parts.append(self._references.resolve(base.pop("$ref"), f"{pointer}/$ref"))
        if "allOf" in base:
            all_of = self._list(base.pop("allOf"), f"{pointer}/allOf")
            parts += [(each, f"{pointer}/allOf/{index}") for index, each in enumerate(all_of)]
        for part, part_pointer in parts:
            if part is True:
                continue
            if not isinstance(part, Mapping):
                base = {**base, "enum": []}
                continue
            asked = {key: value for key, value in part.items() if key in CONSTRAINTS}
            asked = self._without_references(asked, part_pointer, depth + 1, choices)
            for keyword in ("anyOf", "oneOf"):
                if keyword in asked and keyword in base:
                    where = f"{part_pointer}/{keyword}"
                    options = self._list(asked.pop(keyword), where)
                    self.is_exact &= keyword == "anyOf" or are_disjoint(options)
                    choices.append((options, where))
            base, is_exact = combine(base, asked)
            self.is_exact &= is_exact
        return base

    def _all_of(self, parts: Sequence[Any], pointer: str, depth: int) -> Node:
        """The node of several schemas that must all hold, one for the same content."""
        schema = {"allOf": [part for part in parts if part not in (True, {})]}
        content = json.dumps(schema, sort_keys=True)
        known = self._by_content.get(content)
        if known is not None:
            return known
        union = self._by_content[content] = self._new_union(pointer)
        union.options += self._options(schema, pointer, depth + 1)
        union.is_never = not union.options
        return union

    def _part(self, schema: Any, pointer: str, depth: int) -> Node:
        """The node of a sub-schema, which may have been made by merging two."""
        if isinstance(schema, Mapping) and schema.keys() == {"allOf"}:
            return self._all_of(schema["allOf"], pointer, depth)
        return self.node(schema, pointer, depth + 1)

    def _new_union(self, pointer: str) -> Union:
        self._num_nodes += 1
        if self._num_nodes > MAX_NODES:
            raise SchemaError("", f"has more than {MAX_NODES:,} parts")
        return Union(pointer=pointer)

    def _typed(self, schema: dict[str, Any], pointer: str, depth: int) -> Iterator[Node]:
        if not schema:
            yield ANYTHING
            return
        if any(keyword in schema for keyword in _CHECKED):
            self.is_exact = False
        types = self._types(schema, pointer)
        if "const" in schema or "enum" in schema:
            yield from self._constants(schema, types, pointer)
            return
        for name in types:
            if name == "object":
                yield self._object(schema, pointer, depth)
            elif name == "array":
                yield self._array(schema, pointer, depth)
            elif name == "string":
                yield self._string(schema, pointer)
            elif name in ("number", "integer"):
                yield self._number(schema, pointer, is_integer=name == "integer")
            else:
                yield Texts((b"true", b"false") if name == "boolean" else (b"null",))

    def _types(self, schema: Mapping[str, Any], pointer: str) -> Sequence[str]:
        asked = schema.get("type")
        if asked is None:
            families = [name for name, words in _KEYWORDS_BY_TYPE.items() if words & schema.keys()]
            return families or _ALL_TYPES
        names = [asked] if isinstance(asked, str) else asked
        if schema.get("nullable") is True and "null" not in names:
            names = [*names, "null"]
        for name in names:
            if name not in (*_ALL_TYPES, "integer"):
                raise SchemaError(f"{pointer}/type", f"names the unknown type {json.dumps(name)}")
        if "number" in names:
            names = [name for name in names if name != "integer"]
        return list(dict.fromkeys(names))

    def _constants(
        self, schema: Mapping[str, Any], types: Sequence[str], pointer: str
    ) -> Iterator[Node]:
        values = list(schema.get("enum", [schema.get("const")]))
        if "const" in schema:
            values = [value for value in values if same(value, schema["const"])]
        if "type" in schema:
            values = [value for value in values if _type_of(value) & set(types)]
        rest = schema.keys() - {"enum", "const", "type", "nullable"}
        if rest:
            checked = {key: schema[key] for key in rest if key not in _CHECKED}
            values, is_exact = _filtered(values, checked)
            self.is_exact &= is_exact
        scalars = [value for value in values if not isinstance(value, dict | list)]
        if scalars:
            yield Texts(tuple(dict.fromkeys(map(json_text, scalars))))
        for value in values:
            if isinstance(value, dict | list):
                yield constant(value)

    def _string(self, schema: Mapping[str, Any], pointer: str) -> Node:
        asked = {"type": "string"}
        lengths = {key: schema[key] for key in ("minLength", "maxLength") if key in schema}
        for key, value in lengths.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
                raise SchemaError(f"{pointer}/{key}", "must be a number, at least 0")
        min_chars = int(lengths.get("minLength", 0))
        max_chars = int(lengths["maxLength"]) if "maxLength" in lengths else None
        if max_chars is not None and max_chars < min_chars:
            return Union(pointer=pointer, is_never=True)
        for keyword in ("pattern", "format"):
            value = schema.get(keyword)
            if value is None or (keyword == "format" and value not in FORMATS):
                continue
            if not isinstance(value, str):
                raise SchemaError(f"{pointer}/{keyword}", "must be a string")
            if is_known_lexeme({**asked, keyword: value}):
                asked[keyword] = value
                if keyword == "format":
                    self.is_exact &= is_exact_format(value)
            else:
                self.is_exact = False
        is_plain = "pattern" not in schema and schema.get("format") not in FORMATS
        samples = () if is_plain else samples_of(schema)
        if len(asked) == 1:
            return String(min_chars, max_chars, None, samples)
        whole = {**asked, **{key: int(value) for key, value in lengths.items()}}
        if not is_known_lexeme(whole):
            self.is_exact = False
            return String(min_chars, max_chars, None, samples)
        return String(min_chars, max_chars, whole, samples)

    def _number(self, schema: Mapping[str, Any], pointer: str, *, is_integer: bool) -> Node:
        asked: dict[str, Any] = {"type": "integer" if is_integer else "number"}
        for keyword in _KEYWORDS_BY_TYPE["number"]:
            if keyword in schema:
                asked[keyword] = schema[keyword]
        for side in ("Minimum", "Maximum"):  # draft 4: a flag beside the bound
            flag = asked.get(f"exclusive{side}")
            if isinstance(flag, bool):
                del asked[f"exclusive{side}"]
                if flag and side.lower() in asked:
                    asked[f"exclusive{side}"] = asked.pop(side.lower())
        if len(asked) == 1:
            return Number(is_integer)
        for keyword, value in asked.items():
            if keyword != "type" and not isinstance(value, int | float):
                raise SchemaError(f"{pointer}/{keyword}", "must be a number")
        if isinstance(asked.get("multipleOf"), float):
            self.is_exact = False
        if is_known_lexeme(asked):
            return Number(is_integer, asked, samples_of(asked))
        self.is_exact = False
        return Number(is_integer)

    def _array(self, schema: Mapping[str, Any], pointer: str, depth: int) -> Node:
        items: Any = schema.get("items", True)
        prefix: list[Any] = schema.get("prefixItems", [])
        prefix_pointer, items_pointer = f"{pointer}/prefixItems", f"{pointer}/items"
        if isinstance(items, list):  # up to draft 2019-09
            prefix, prefix_pointer = items, items_pointer
            items, items_pointer = schema.get("additionalItems", True), f"{pointer}/additionalItems"
        nodes = [
            self._part(each, f"{prefix_pointer}/{index}", depth)
            for index, each in enumerate(prefix)
        ]
        if schema.get("uniqueItems") is True:
            self.is_exact = False
        min_items, max_items = (
            self._bound(schema, keyword, pointer) for keyword in ("minItems", "maxItems")
        )
        rest = None if items is False else self._part(items, items_pointer, depth)
        contains = schema.get("minContains", 1) if "contains" in schema else 0
        is_unique = schema.get("uniqueItems") is True
        return Array(nodes, rest, max(min_items or 0, contains), max_items, is_unique)

    def _object(self, schema: Mapping[str, Any], pointer: str, depth: int) -> Node:
        properties = schema.get("properties", {})
        patterns = schema.get("patternProperties", {})
        extra = schema.get("additionalProperties", True)
        required = schema.get("required", [])
        if not isinstance(properties, Mapping) or not isinstance(patterns, Mapping):
            raise SchemaError(f"{pointer}/properties", "must be an object")
        if not isinstance(required, list):  # draft 3 had a flag in the property
            required = []
        hinted = [] if extra is False else _hinted_names(schema)
        names = dict.fromkeys([*properties, *required, *hinted])
        members = []
        for name in names:
            value = properties.get(name, True)
            where = f"{pointer}/properties/{escape(name)}"
            matching = [each for pattern, each in patterns.items() if matches(pattern, name)]
            if name not in properties and not matching:
                value, where = extra, f"{pointer}/additionalProperties"
            if matching:
                node = self._all_of([value, *matching], where, depth)
            else:
                node = self._part(value, where, depth)
            if name in required or not is_empty(node):
                members.append(Member(name, node, name in required))
        extras = self._extras(schema, patterns, extra, pointer, depth)
        least = self._bound(schema, "minProperties", pointer) or 0
        most = self._bound(schema, "maxProperties", pointer)
        num_required = sum(member.is_required for member in members)
        if num_required < len(members):
            self.is_exact &= least <= num_required and most is None
            # With optional members the counts are left to the check, but for the first.
            return Object(members, extras, tuple(names), int(least > 0), None)
        min_extras = max(0, least - num_required)
        if most is None:
            return Object(members, extras, tuple(names), min_extras)
        if most < num_required:
            return Union(pointer=pointer, is_never=True)
        return Object(members, extras, tuple(names), min_extras, most - num_required)

    def _extras(
        self,
        schema: Mapping[str, Any],
        patterns: Mapping[str, Any],
        extra: Any,
        pointer: str,
        depth: int,
    ) -> list[ExtraMembers]:
        extras = []
        if len(patterns) > 1 or (patterns and extra is not False):
            self.is_exact = False
        for pattern, value in patterns.items():
            where = f"{pointer}/patternProperties/{escape(pattern)}"
            node = self._part(value, where, depth)
            regex = anchored(pattern)
            if regex is None:
                self.is_exact = False
            if not is_empty(node):
                extras.append(ExtraMembers(regex, node))
        if extra is not False and schema.get("unevaluatedProperties") is not False:
            node = self._part(extra, f"{pointer}/additionalProperties", depth)
            names = schema.get("propertyNames")
            wanted = names.get("pattern") if isinstance(names, Mapping) else None
            regex = anchored(wanted) if isinstance(wanted, str) else None
            if not is_empty(node):
                extras.append(ExtraMembers(regex, node))
        return extras

    def _bound(self, schema: Mapping[str, Any], keyword: str, pointer: str) -> int | None:
        value = schema.get(keyword)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise SchemaError(f"{pointer}/{keyword}", "must be a number, at least 0")
        return int(value)

    def _list(self, value: Any, pointer: str) -> list[Any]:
        if not isinstance(value, list) or not value:
            raise SchemaError(pointer, "must be an array with at least one schema")
        return value


def _hinted_names(schema: Mapping[str, Any]) -> Iterator[str]:
    """Undeclared properties that the schema speaks of where it is not read any further."""
    for keyword in ("dependentRequired", "dependentSchemas", "dependencies"):
        for name, asked in _mapping(schema.get(keyword)).items():
            yield name
            if isinstance(asked, list):
                yield from (each for each in asked if isinstance(each, str))
            else:
                yield from _named_properties(asked)
    for keyword in ("if", "then", "else", "not"):
        yield from _named_properties(schema.get(keyword))


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


def constant(value: Any) -> Node:
    """The node of exactly one value."""
    if isinstance(value, dict):
        members = [Member(name, constant(each), True) for name, each in value.items()]
        return Object(members, ())
    if isinstance(value, list):
        items = [constant(each) for each in value]
        return Array(items, None, len(items), len(items))
    return Texts((json_text(value),))


def json_text(value: Any) -> bytes:
    """A scalar as JSON."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def is_empty(node: Node) -> bool:
    """True for what no value satisfies, if that is plain to see."""
    return isinstance(node, Union) and node.is_never


def matches(pattern: str, name: str) -> bool:
    """Whether a property name matches a pattern, as a validator would say."""
    try:
        return bool(validator_of({"pattern": pattern}).is_valid(name))
    except (ValueError, jsonschema_rs.ValidationError):
        return False


def _type_of(value: Any) -> set[str]:
    if value is None:
        return {"null"}
    if isinstance(value, bool):
        return {"boolean"}
    if isinstance(value, int):
        return {"integer", "number"}
    if isinstance(value, float):
        return {"number", "integer"} if value.is_integer() else {"number"}
    if isinstance(value, str):
        return {"string"}
    return {"object"} if isinstance(value, dict) else {"array"}


def _filtered(values: list[Any], schema: Mapping[str, Any]) -> tuple[list[Any], bool]:
    """The values that also satisfy `schema`; all of them, and False, where that cannot be told."""
    try:
        validator = validator_of(dict(schema))
    except ValueError:
        return values, False
    return [value for value in values if validator.is_valid(value)], True
