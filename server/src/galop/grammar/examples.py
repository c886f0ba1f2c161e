"""A short text that a regular expression matches, read off the parsed expression."""

from __future__ import annotations

import re
from typing import Any, cast

_MAX_LENGTH = 512
"""Of an example, in characters."""
_NICE = "a0A-_.:/@ "
"""Members of a class that are taken first."""


def example_of(pattern: str) -> str | None:
    """A text that the pattern probably matches: Python reads expressions almost as ECMAScript does.

    None if the pattern looks around, refers back, is not Python's, or matches only long texts.
    """
    try:
        parsed = cast(Any, re)._parser.parse(pattern)  # Any: the public one is gone
        example = _sequence(list(parsed), [])
    except (re.error, RecursionError, OverflowError, ValueError):
        return None
    return example if example is not None and len(example) <= _MAX_LENGTH else None


def _sequence(items: list[Any], groups: list[str]) -> str | None:
    parts = []
    size = 0
    for operation, argument in items:
        part = _one(str(operation), argument, groups)
        if part is None:
            return None
        size += len(part)
        if size > _MAX_LENGTH:
            return None
        parts.append(part)
    return "".join(parts)


def _one(operation: str, argument: Any, groups: list[str]) -> str | None:
    if operation == "LITERAL":
        return chr(argument)
    if operation == "AT":
        return ""
    if operation == "ANY":
        return "a"
    if operation == "NOT_LITERAL":
        return "a" if argument != ord("a") else "b"
    if operation == "IN":
        return _member(argument)
    if operation in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        least, _, inner = argument
        if least > _MAX_LENGTH:
            return None
        once = _sequence(list(inner), groups) if least else ""
        return None if once is None else once * least
    if operation == "BRANCH":
        options = [_sequence(list(each), groups) for each in argument[1]]
        return min((each for each in options if each is not None), key=len, default=None)
    if operation == "SUBPATTERN":
        return _sequence(list(argument[-1]), groups)
    if operation == "ATOMIC_GROUP":
        return _sequence(list(argument), groups)
    return None


def _member(items: list[Any]) -> str | None:
    """A character of a class; one of the nice ones if it has one."""
    is_negated = str(items[0][0]) == "NEGATE"
    ranges = [_range(str(operation), argument) for operation, argument in items[is_negated:]]
    if any(each is None for each in ranges):
        return None

    def is_in(character: str) -> bool:
        found = any(low <= ord(character) <= high for each in ranges for low, high in each or ())
        return found != is_negated

    first = [chr(low) for each in ranges for low, _ in each or ()]
    candidates = [*_NICE, *first, *map(chr, range(0x21, 0x7F))]
    return next((each for each in candidates if is_in(each)), None)


def _range(operation: str, argument: Any) -> list[tuple[int, int]] | None:
    if operation == "LITERAL":
        return [(argument, argument)]
    if operation == "RANGE":
        return [argument]
    classes = {
        "CATEGORY_DIGIT": [(0x30, 0x39)],
        "CATEGORY_WORD": [(0x61, 0x7A), (0x41, 0x5A), (0x30, 0x39), (0x5F, 0x5F)],
        "CATEGORY_SPACE": [(0x20, 0x20)],
        "CATEGORY_NOT_SPACE": [(0x61, 0x7A), (0x21, 0x7E)],
        "CATEGORY_NOT_DIGIT": [(0x61, 0x7A)],
        "CATEGORY_NOT_WORD": [(0x2D, 0x2F)],
    }
    return classes.get(str(argument)) if operation == "CATEGORY" else None
