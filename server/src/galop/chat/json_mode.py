"""JSON mode's two edges: what the model is told before, and what is checked after."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from galop.chat.request import TemplateMessage

INSTRUCTION = "Answer with one JSON object and nothing else."
"""Added where no message mentions JSON: a model that does not know what is wanted, and may write
nothing else, fills the keys with prose."""


def with_instruction(messages: Sequence[TemplateMessage]) -> Sequence[TemplateMessage]:
    """The messages, and `INSTRUCTION` at the end of the system message if none mentions JSON."""
    if any("json" in str(message["content"]).lower() for message in messages):
        return messages
    if messages and messages[0]["role"] == "system":
        content = f"{messages[0]['content']}\n\n{INSTRUCTION}"
        return [{**messages[0], "content": content}, *messages[1:]]
    return [{"role": "system", "content": INSTRUCTION}, *messages]


def is_json_object(text: str) -> bool:
    """True for one object by RFC 8259, without lone surrogates or numbers beyond a double."""
    try:
        return isinstance(msgspec.json.decode(text.encode()), dict)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
