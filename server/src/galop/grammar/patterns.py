"""Regular expressions of JSON Schema (ECMA 262), for the names of properties, as llguidance reads them.

llguidance matches whole names and knows no anchors.
"""

from __future__ import annotations

_CLASSES = {"d": "0-9", "w": "A-Za-z0-9_", "s": r" \t\n\r\x0b\x0c"}
"""Members of the classes that are written with a backslash."""


def anchored(pattern: str) -> str | None:
    """The expression of whole names that the pattern matches; None if it cannot be translated.

    A schema's pattern may match anywhere in a name, so a side without anchor gets `.*`.
    """
    starts, ends = pattern.startswith("^"), pattern.endswith("$") and not pattern.endswith(r"\$")
    body = pattern[starts : len(pattern) - ends]
    translated: list[str] = []
    is_in_class = False
    level = 0
    index = 0
    while index < len(body):
        character = body[index]
        if character == "\\":
            escaped = body[index + 1 : index + 2]
            if not escaped or escaped in "bBkpPuxcDWS" or escaped.isdigit():
                return None
            if escaped in _CLASSES:
                members = _CLASSES[escaped]
                translated.append(members if is_in_class else f"[{members}]")
            else:
                translated.append(f"\\{escaped}")
            index += 2
            continue
        if is_in_class:
            is_in_class = character != "]"
        elif character == "[":
            is_in_class = True
        elif (
            character in "^$" or body.startswith("(?", index) and body[index + 2 : index + 3] != ":"
        ):
            return None
        elif character in "()":
            level += 1 if character == "(" else -1
        elif character == "|" and level == 0 and (starts or ends):
            return None
        translated.append("\\/" if character == "/" else character)
        index += 1
    before, after = "" if starts else ".*", "" if ends else ".*"
    return f"{before}({''.join(translated)}){after}"
