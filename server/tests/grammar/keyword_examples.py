"""What of JSON Schema is kept: an example of every keyword, with documents that pass and fail.

The page docs/structured-output.md has a table made from these (`make docs`).
"""

from __future__ import annotations

from typing import Any, NamedTuple


class KeywordExample(NamedTuple):
    """A schema that uses a keyword; `None` for what is refused."""

    keyword: str
    schema: dict[str, Any]
    valid: list[Any] | None
    invalid: list[Any]


def _string(**keywords: Any) -> dict[str, Any]:
    return {"type": "string", **keywords}


def _number(**keywords: Any) -> dict[str, Any]:
    return {"type": "number", **keywords}


def _array(**keywords: Any) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "integer"}, **keywords}


def _object(**keywords: Any) -> dict[str, Any]:
    return {"type": "object", **keywords}


_INT = {"type": "integer"}
_A = {"a": _INT}

EXAMPLES = [
    KeywordExample("type", {"type": ["string", "null"]}, ["x", None], [1, {}]),
    KeywordExample("enum", {"enum": ["red", 2, None, {"a": [1]}]}, ["red", 2, {"a": [1]}], ["x"]),
    KeywordExample("const", {"const": {"a": "b"}}, [{"a": "b"}], [{"a": "c"}, {}]),
    KeywordExample(
        "properties", _object(properties=_A), [{}, {"a": 1}, {"a": 1, "b": "x"}], [{"a": "x"}]
    ),
    KeywordExample("required", _object(properties=_A, required=["a"]), [{"a": 1}], [{}]),
    KeywordExample(
        "additionalProperties",
        _object(properties=_A, additionalProperties={"type": "boolean"}),
        [{"a": 1, "b": True}],
        [{"b": 1}],
    ),
    KeywordExample(
        "patternProperties",
        _object(patternProperties={"^x_[a-z]+$": _INT}, additionalProperties=False),
        [{"x_ab": 1}, {}],
        [{"x_ab": "1"}, {"y": 1}],
    ),
    KeywordExample(
        "propertyNames",
        _object(propertyNames={"pattern": "^[a-z]{2}$"}),
        [{"ab": 1}],
        [{"abc": 1}],
    ),
    KeywordExample("minProperties", _object(minProperties=2), [{"a": 1, "b": 2}], [{}, {"a": 1}]),
    KeywordExample("maxProperties", _object(maxProperties=1), [{}, {"a": 1}], [{"a": 1, "b": 2}]),
    KeywordExample(
        "dependentRequired",
        _object(properties={"a": _INT, "b": _INT}, dependentRequired={"a": ["b"]}),
        [{"a": 1, "b": 2}, {"b": 1}],
        [{"a": 1}],
    ),
    KeywordExample(
        "dependentSchemas",
        _object(properties=_A, dependentSchemas={"a": {"required": ["b"]}}),
        [{"a": 1, "b": 2}],
        [{"a": 1}],
    ),
    KeywordExample(
        "dependencies (draft 7)",
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            **_object(properties=_A, dependencies={"a": ["b"]}),
        },
        [{"a": 1, "b": 2}],
        [{"a": 1}],
    ),
    KeywordExample(
        "unevaluatedProperties",
        {"allOf": [_object(properties=_A)], "unevaluatedProperties": False},
        [{"a": 1}, {}],
        [{"a": 1, "b": 2}],
    ),
    KeywordExample("items", _array(), [[], [1, 2]], [["x"]]),
    KeywordExample(
        "prefixItems",
        {"type": "array", "prefixItems": [_string(), _INT], "items": False},
        [["x", 1], ["x"], []],
        [[1], ["x", 1, 2]],
    ),
    KeywordExample("minItems", _array(minItems=2), [[1, 2]], [[], [1]]),
    KeywordExample("maxItems", _array(maxItems=2), [[], [1, 2]], [[1, 2, 3]]),
    KeywordExample("uniqueItems", _array(uniqueItems=True), [[1, 2]], [[1, 1]]),
    KeywordExample("contains", {"type": "array", "contains": _INT}, [["x", 1], [1]], [[], ["x"]]),
    KeywordExample(
        "minContains, maxContains",
        {"type": "array", "contains": _INT, "minContains": 2, "maxContains": 2},
        [[1, 2], [1, "x", 2]],
        [[1], [1, 2, 3]],
    ),
    KeywordExample("minLength", _string(minLength=2), ["ab", "äö"], ["", "a"]),
    KeywordExample("maxLength", _string(maxLength=2), ["", "ab"], ["abc"]),
    KeywordExample("pattern", _string(pattern="^[A-Z]{2}-[0-9]+$"), ["AB-1"], ["ab-1", "AB-"]),
    KeywordExample(
        "pattern (looking ahead)", _string(pattern="^(?!a)[a-c]+$"), ["b", "cab"], ["a", "ab"]
    ),
    *(
        KeywordExample(f"format: {name}", _string(format=name), [good], [bad])
        for name, good, bad in [
            ("date-time", "2024-05-01T12:00:00Z", "yesterday"),
            ("date", "2024-05-01", "2024-13-01"),
            ("time", "12:00:00Z", "25:00:00Z"),
            ("duration", "P1DT2H", "1 day"),
            ("email", "a@example.com", "a@"),
            ("idn-email", "a@example.com", "a@"),
            ("hostname", "example.com", "-a-.com"),
            ("idn-hostname", "example.com", "-a-"),
            ("ipv4", "10.0.0.1", "10.0.0.256"),
            ("ipv6", "::1", "::g"),
            ("uri", "https://example.com/a", "a b"),
            ("uri-reference", "/a/b", "a b"),
            ("iri", "https://example.com/ä", "a b"),
            ("iri-reference", "/ä", "a b"),
            ("uri-template", "/a/{b}", "/a/{b"),
            ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123"),
            ("json-pointer", "/a/0", "a"),
            ("relative-json-pointer", "1/a", "/a"),
            ("regex", "^a+$", "("),
        ]
    ),
    KeywordExample("format (unknown)", _string(format="colour"), ["red"], [1]),
    KeywordExample("minimum", _number(minimum=3), [3, 4.5], [2, 2.99]),
    KeywordExample("maximum", _number(maximum=3), [3, -1.5], [4, 3.01]),
    KeywordExample("exclusiveMinimum", _number(exclusiveMinimum=3), [3.1, 4], [3, 2]),
    KeywordExample("exclusiveMaximum", _number(exclusiveMaximum=3), [2.9, 0], [3, 4]),
    KeywordExample("multipleOf", {"type": "integer", "multipleOf": 5}, [0, 15], [7]),
    KeywordExample("anyOf", {"anyOf": [_string(), _INT]}, ["x", 1], [None]),
    KeywordExample(
        "oneOf",
        {"oneOf": [_object(required=["a"]), _object(required=["b"])]},
        [{"a": 1}, {"b": 1}],
        [{}, {"a": 1, "b": 2}],
    ),
    KeywordExample(
        "allOf",
        {"allOf": [_object(properties=_A, required=["a"]), _object(required=["b"])]},
        [{"a": 1, "b": 2}],
        [{"a": 1}, {"b": 2}],
    ),
    KeywordExample("not", {"type": "string", "not": {"enum": ["a", ""]}}, ["b"], ["a", ""]),
    KeywordExample(
        "if, then, else",
        {
            **_object(properties={"a": _INT, "b": _INT}),
            "if": {"required": ["a"]},
            "then": {"required": ["b"]},
            "else": {"maxProperties": 1},
        },
        [{"a": 1, "b": 2}, {}],
        [{"a": 1}],
    ),
    KeywordExample(
        "$ref, $defs (recursive too)",
        {
            "$ref": "#/$defs/tree",
            "$defs": {
                "tree": _object(
                    properties={"left": {"$ref": "#/$defs/tree"}}, additionalProperties=False
                )
            },
        },
        [{}, {"left": {"left": {}}}],
        [{"left": 1}, {"right": {}}],
    ),
    KeywordExample(
        "$anchor",
        {
            **_object(properties={"a": {"$ref": "#n"}}),
            "$defs": {"n": {"$anchor": "n", "type": "integer"}},
        },
        [{"a": 1}],
        [{"a": "x"}],
    ),
    KeywordExample("$dynamicRef", {"$dynamicRef": "#n", "$dynamicAnchor": "n"}, None, []),
    KeywordExample("$ref (to another document)", {"$ref": "https://example.com/s"}, None, []),
    KeywordExample("unsatisfiable", {"type": "string", "enum": [1]}, None, []),
    KeywordExample("endless", _object(properties={"a": {"$ref": "#"}}, required=["a"]), None, []),
]
