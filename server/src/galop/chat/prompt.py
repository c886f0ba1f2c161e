"""A conversation to token ids: the template renders it, the vocabulary encodes it.

A user who types `<|im_end|>` means these characters, not the end of their message. Where some
content holds the text of a control token, the conversation is rendered with placeholders for all
contents and these are encoded as plain text in their places. Everything else is encoded in one
piece, as the model's own training data was.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from galop.chat.request import TemplateMessage
from galop.chat.template import ChatTemplate
from galop.chat.tokenizer import Tokenizer

_PLACEHOLDER = re.compile("\ue000(\\d+)\ue001")  # characters of the private use area

JSON_INSTRUCTION = "Answer with one JSON object."
"""Given to the model in JSON mode when no message mentions JSON: a constrained model that was
told nothing fills keys with prose."""


def encode_prompt(
    messages: Sequence[TemplateMessage], template: ChatTemplate, tokenizer: Tokenizer
) -> list[int]:
    """Token ids of the prompt. Raises `TemplateError`."""
    contents = [str(message["content"]) for message in messages]
    if not _mentions_control_tokens(contents, tokenizer.special_token_texts):
        return tokenizer.encode(template.render(messages))
    marked: list[TemplateMessage] = [
        {**message, "content": f"\ue000{index}\ue001"} for index, message in enumerate(messages)
    ]
    token_ids: list[int] = []
    for position, piece in enumerate(_PLACEHOLDER.split(template.render(marked))):
        is_content = position % 2 == 1  # re.split puts the captured index between the texts
        text = contents[int(piece)] if is_content else piece
        token_ids += tokenizer.encode(text, parse_special=not is_content)
    return token_ids


def with_json_instruction(messages: Sequence[TemplateMessage]) -> Sequence[TemplateMessage]:
    """The same messages, with a line about JSON if none of them has one."""
    if any("json" in str(message["content"]).lower() for message in messages):
        return messages
    if messages[0]["role"] == "system":
        content = f"{messages[0]['content']}\n\n{JSON_INSTRUCTION}"
        return [{**messages[0], "content": content}, *messages[1:]]
    return [{"role": "system", "content": JSON_INSTRUCTION}, *messages]


def _mentions_control_tokens(contents: Sequence[str], texts: frozenset[str]) -> bool:
    pattern = _pattern(texts)
    return pattern is not None and any(pattern.search(content) for content in contents)


@lru_cache(maxsize=8)
def _pattern(texts: frozenset[str]) -> re.Pattern[str] | None:
    alternatives = "|".join(re.escape(text) for text in sorted(texts) if text)
    return re.compile(alternatives) if alternatives else None
