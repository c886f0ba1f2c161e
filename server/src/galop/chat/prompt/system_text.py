"""Adds text of the server's to the system message."""

from __future__ import annotations

from collections.abc import Sequence

from galop.chat.request import TemplateMessage


def with_system_text(messages: Sequence[TemplateMessage], text: str) -> Sequence[TemplateMessage]:
    """The messages with `text` at the end of the first system message, which is added if it is missing."""
    if messages and messages[0]["role"] == "system":
        content = f"{messages[0]['content']}\n\n{text}"
        return [{**messages[0], "content": content}, *messages[1:]]
    return [{"role": "system", "content": text}, *messages]
