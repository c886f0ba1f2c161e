"""The reader of a whole schema: references, alternatives, limits, and one node per subschema.

A node is never narrower than its schema, with two exceptions on purpose: a schema without `type`
whose keywords all constrain one type means that type, and properties come in the order of the
schema. A node may be wider. `ParsedSchema.is_exact` is False then, and a document has to be checked
against the schema as it grows.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from galop.grammar.errors import SchemaError
from galop.grammar.schema.arrays import read_array
from galop.grammar.schema.combine import combine
from galop.grammar.schema.disjoint import are_disjoint
from galop.grammar.schema.keywords import CHECKED, constraints_of, schemas_of, types_of_schema
from galop.grammar.schema.numbers import read_number
from galop.grammar.schema.objects import read_object
from galop.grammar.schema.references import References
from galop.grammar.schema.strings import read_string
from galop.grammar.schema.subschemas import ParsedSchema, Place
from galop.grammar.schema.values import read_constants
from galop.grammar.schema_ir import ANYTHING, Node, Schema, Texts, Union

MAX_DEPTH = 64
"""Schemas inside each other, references followed."""
MAX_NODES = 20_000
"""Unions in the node of one schema document."""
_MAX_COMBINATIONS = 64
"""Combinations of the alternatives of several `anyOf` and `oneOf` at one place."""


class Alternatives(NamedTuple):
    """The schemas of one `anyOf` or `oneOf`."""

    schemas: list[Any]
    pointer: str


@dataclass(slots=True)
class _Merge:
    """What is met while one schema is merged with all that its `$ref` and `allOf` lead to."""

    alternatives: list[Alternatives] = field(default_factory=list)
    """Those that hold beside the merged schema."""
    parts: set[int] = field(default_factory=set)
    """`id` of the schemas of `$ref` and `allOf` merged already.

    To merge one again would change nothing, and would have no end where a schema leads to itself.
    """


def read_schema(schema: Schema) -> ParsedSchema:
    """The nodes of a schema document that passes its meta-schema. Raises `SchemaError`."""
    reader = _Reader(schema)
    node = reader.node(schema, Place("", 0))
    return ParsedSchema(node, reader.is_exact)


class _Reader:
    """Reads the subschemas of one document; a `SubschemaReader` for arrays and objects."""

    def __init__(self, document: Schema) -> None:
        self.is_exact = True
        self._references = References(document)
        self._constraints = constraints_of(document)
        self._by_identity: dict[int, Union] = {}
        self._read: list[Any] = []
        """Keeps the schemas alive whose `id` is a key of `_by_identity`."""
        self._by_content: dict[str, Union] = {}
        self._num_unions = 0

    def node(self, schema: Any, place: Place) -> Node:
        """The node of a schema; the same one for the same schema, so recursion ends."""
        if place.depth > MAX_DEPTH:
            raise SchemaError(place.pointer, f"lies deeper than {MAX_DEPTH} schemas")
        if schema is True:
            return ANYTHING
        if schema is False:
            return Union(pointer=place.pointer, is_never=True)
        if not isinstance(schema, Mapping):
            raise SchemaError(place.pointer, "must be a schema: an object or a boolean")
        if schema.keys() & self._constraints == {"$ref"}:
            target, pointer = self._references.resolve(schema["$ref"], f"{place.pointer}/$ref")
            return self.node(target, Place(pointer, place.depth + 1))
        union = self._by_identity.get(id(schema))
        if union is None:
            union = self._by_identity[id(schema)] = self._new_union(place.pointer)
            self._read.append(schema)
            self._fill(union, schema, place)
        return union

    def part(self, schema: Any, place: Place) -> Node:
        """The node of a subschema, which may be an `allOf` made by `combine`."""
        if isinstance(schema, Mapping) and schema.keys() == {"allOf"}:
            return self.all_of(schema["allOf"], Place(place.pointer, place.depth - 1))
        return self.node(schema, place)

    def all_of(self, schemas: Sequence[Any], place: Place) -> Node:
        """The node of several schemas that must all hold; the same one for the same content."""
        asked = [each for each in schemas if each not in (True, {})]
        schema = {"allOf": asked} if asked else {}
        content = json.dumps(schema, sort_keys=True)
        union = self._by_content.get(content)
        if union is None:
            union = self._by_content[content] = self._new_union(place.pointer)
            self._fill(union, schema, place.under())
        return union

    def _new_union(self, pointer: str) -> Union:
        self._num_unions += 1
        if self._num_unions > MAX_NODES:
            raise SchemaError("", f"has more than {MAX_NODES:,} parts")
        return Union(pointer=pointer)

    def _fill(self, union: Union, schema: Mapping[str, Any], place: Place) -> None:
        union.options += self._options(schema, place)
        union.is_never = not union.options

    def _asked(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The schema without annotations and unknown keywords."""
        return {key: value for key, value in schema.items() if key in self._constraints}

    def _options(self, schema: Mapping[str, Any], place: Place) -> Iterator[Node]:
        """The nodes of a schema: a value satisfies it if it satisfies one of them."""
        base = self._asked(schema)
        for keyword in ("$dynamicRef", "$recursiveRef"):
            if keyword in base:
                raise SchemaError(f"{place.pointer}/{keyword}", "is not supported")
        merge = _Merge()
        base = self._merged(base, place, merge)
        alternatives = merge.alternatives
        for keyword in ("anyOf", "oneOf"):
            schemas = base.pop(keyword, None)
            if schemas is not None:
                where = f"{place.pointer}/{keyword}"
                alternatives.append(self._alternatives(keyword, schemas, where))
        if not alternatives:
            yield from self._typed(base, place)
        elif len(alternatives) == 1 and not base:
            for index, option in enumerate(alternatives[0].schemas):
                pointer = f"{alternatives[0].pointer}/{index}"
                yield self.node(option, Place(pointer, place.depth + 1))
        else:
            yield from self._combinations(base, alternatives, place)

    def _combinations(
        self, base: Mapping[str, Any], alternatives: Sequence[Alternatives], place: Place
    ) -> Iterator[Node]:
        """The base with one schema of each of the alternatives."""
        combinations = itertools.product(*(each.schemas for each in alternatives))
        for schemas in itertools.islice(combinations, _MAX_COMBINATIONS):
            yield self.all_of([base, *schemas], place)
        if next(combinations, None) is not None:
            self.is_exact = False

    def _merged(self, schema: Mapping[str, Any], place: Place, merge: _Merge) -> dict[str, Any]:
        """The schema merged with its `$ref` and `allOf`, in the order in which it names them.

        One `anyOf` and one `oneOf` may remain in it. Others are appended to `merge.alternatives`.
        """
        if place.depth > MAX_DEPTH:
            raise SchemaError(place.pointer, f"lies deeper than {MAX_DEPTH} schemas")
        merged: dict[str, Any] = {}
        for part, where in self._parts(schema, place):
            if part is True or id(part) in merge.parts:
                continue
            if not isinstance(part, Mapping):
                merged = {**merged, "enum": []}
                continue
            if where == place:
                asked = dict(part)
            else:
                merge.parts.add(id(part))
                asked = self._merged(self._asked(part), where, merge)
            for keyword in ("anyOf", "oneOf"):
                if keyword in asked and keyword in merged:
                    pointer = f"{where.pointer}/{keyword}"
                    found = self._alternatives(keyword, asked.pop(keyword), pointer)
                    merge.alternatives.append(found)
            merged, is_exact = combine(merged, asked)
            self.is_exact &= is_exact
        return merged

    def _parts(self, schema: Mapping[str, Any], place: Place) -> Iterator[tuple[Any, Place]]:
        """The schemas that must all hold: those of `$ref` and `allOf`, and what stands beside them.

        Members come in the order of the text, so the part with `properties` stands where they do.
        """
        own = {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}
        parts: dict[str, list[tuple[Any, Place]]] = {"own": [(own, place)]}
        if "$ref" in schema:
            target, pointer = self._references.resolve(schema["$ref"], f"{place.pointer}/$ref")
            parts["$ref"] = [(target, Place(pointer, place.depth + 1))]
        if "allOf" in schema:
            where = place.under("allOf")
            schemas = schemas_of(schema["allOf"], where.pointer)
            parts["allOf"] = [
                (each, where.beside(str(index))) for index, each in enumerate(schemas)
            ]
        order = [key for key in schema if key in ("$ref", "allOf", "properties")]
        names = ["own" if key == "properties" else key for key in order]
        for name in names if "own" in names else ["own", *names]:
            yield from parts[name]

    def _alternatives(self, keyword: str, schemas: Any, pointer: str) -> Alternatives:
        """Of `oneOf`, the nodes say only that one of the schemas holds at least."""
        found = schemas_of(schemas, pointer)
        self.is_exact &= keyword == "anyOf" or are_disjoint(found)
        return Alternatives(found, pointer)

    def _typed(self, schema: dict[str, Any], place: Place) -> Iterator[Node]:
        """The nodes of a schema without references and alternatives: one for each type."""
        if not schema:
            yield ANYTHING
            return
        self.is_exact &= CHECKED.isdisjoint(schema)
        types = types_of_schema(schema, place.pointer)
        if "const" in schema or "enum" in schema:
            constants = read_constants(schema, types)
            self.is_exact &= constants.is_exact
            yield from constants.nodes
            return
        for name in types:
            node, is_exact = self._of_type(name, schema, place)
            self.is_exact &= is_exact
            yield node

    def _of_type(self, name: str, schema: Mapping[str, Any], place: Place) -> ParsedSchema:
        match name:
            case "object":
                return read_object(schema, place, self)
            case "array":
                return read_array(schema, place, self)
            case "string":
                return read_string(schema, place.pointer)
            case "number" | "integer":
                return read_number(schema, place.pointer, is_integer=name == "integer")
            case "boolean":
                return ParsedSchema(Texts((b"true", b"false")), True)
        return ParsedSchema(Texts((b"null",)), True)
