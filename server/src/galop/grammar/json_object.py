"""The grammar of JSON mode: one JSON object, in the model's own style, and nothing around it.

RFC 8259, narrowed to what every parser accepts and no model can run away with:

- Whitespace is locked to a style. The model picks one with its first structural bytes (compact,
  spaced, or indented by 2 or 4) and everything after follows it, so endless whitespace cannot
  happen, and most of the whitespace of a pretty document is forced, which makes it nearly free.
- Depth, digits of a number and digits of an exponent are bounded: Python's json refuses integers
  of more than 4,300 digits and nesting of about 1,000.
- Strings hold no raw control characters, and escapes of surrogates come in pairs only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

MAX_DEPTH = 32
"""Containers inside each other. Every level is a set of rules per style: 17 ms to compile, once."""

_TERMINALS = r"""
STRING: "\"" CHARACTER* "\""
CHARACTER: /[^"\\\x00-\x1f\x7f]/ | /\\["\\\/bfnrt]/ | SCALAR_ESCAPE | SURROGATE_PAIR
SCALAR_ESCAPE: /\\u([0-9A-CEFa-cef][0-9A-Fa-f]{3}|[Dd][0-7][0-9A-Fa-f]{2})/
SURROGATE_PAIR: /\\u[Dd][89ABab][0-9A-Fa-f]{2}\\u[Dd][C-Fc-f][0-9A-Fa-f]{2}/
NUMBER: /-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?([Ee][+-]?[0-9]{1,2})?/
scalar: STRING | NUMBER | "true" | "false" | "null"
"""


class _Style(NamedTuple):
    name: str
    colon: str
    comma: str
    indent: int
    """Spaces per level; 0 keeps everything on one line."""


_STYLES = (
    _Style("compact", ":", ",", 0),
    _Style("spaced", ": ", ", ", 0),
    _Style("two", ": ", ",", 2),
    _Style("four", ": ", ",", 4),
)


MAX_INDENT = max(style.indent for style in _STYLES) * MAX_DEPTH
"""Spaces before the innermost item of the deepest document."""


def json_object_grammar(max_depth: int = MAX_DEPTH) -> str:
    """The grammar as llguidance's Lark."""
    roots = " | ".join(f"{style.name}_object_0" for style in _STYLES)
    rules = [rule for style in _STYLES for rule in _rules(style, max_depth)]
    return "\n".join([f"start: {roots}", *rules, _TERMINALS])


def _rules(style: _Style, max_depth: int) -> Iterator[str]:
    for depth in range(max_depth):
        name = style.name
        open_, comma, close = _separators(style, depth)
        values = ["scalar"]
        if depth + 1 < max_depth:
            values += [f"{name}_object_{depth + 1}", f"{name}_array_{depth + 1}"]
            if style.indent:
                # Short lists stay on a line in many a pretty document. Where that is forbidden,
                # models that want to write `["` write `[]` instead.
                values += [f"spaced_filled_object_{depth + 1}", f"spaced_filled_array_{depth + 1}"]
        yield f"{name}_value_{depth}: {' | '.join(values)}"
        yield f'{name}_member_{depth}: STRING "{style.colon}" {name}_value_{depth}'
        for kind, item, left, right in (
            ("object", "member", "{", "}"),
            ("array", "value", "[", "]"),
        ):
            items = f'{name}_{item}_{depth} ("{comma}" {name}_{item}_{depth})*'
            filled = f"{name}_filled_{kind}_{depth}"
            yield f'{filled}: "{left}{open_}" {items} "{close}{right}"'
            yield f'{name}_{kind}_{depth}: "{left}{right}" | {filled}'


def _separators(style: _Style, depth: int) -> tuple[str, str, str]:
    """What follows the opening bracket, what separates items, what precedes the closing one."""
    if not style.indent:
        return "", style.comma, ""
    inner = "\\n" + " " * (style.indent * (depth + 1))
    return inner, style.comma + inner, "\\n" + " " * (style.indent * depth)
