"""Encodes conversations as token ids, so that no text of a message becomes a control token.

Usually the rendered text is encoded as a whole. If a message or a tool contains the text of a control
token, a placeholder, one private-use character, takes its place while the template is rendered. The text
around it, up to the template's own control tokens, is then encoded without control tokens. One character
survives what templates do to content: trim, slice, split, quote as JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from galop.chat.errors import TemplateError
from galop.chat.prompt.template import ChatTemplate, strings_in
from galop.chat.request import TemplateMessage
from galop.chat.tokenizer import Tokenizer

_PRIVATE_USE = range(0xF0000, 0xFFFFE)

AnswerPrefix = Callable[[str], str]
"""From the rendered prompt to text that is appended to it: the beginning of the answer, or nothing."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """An encoded conversation."""

    token_ids: list[int]
    text: str
    """As rendered, with placeholders for the texts of control tokens."""


class PromptEncoder:
    """Encodes conversations for one model. Thread safe."""

    def __init__(self, template: ChatTemplate, tokenizer: Tokenizer) -> None:
        self._template = template
        self._tokenizer = tokenizer
        texts = sorted(tokenizer.special_token_texts, key=len, reverse=True)
        self._special = re.compile("(" + "|".join(map(re.escape, texts)) + ")") if texts else None

    def encode(
        self,
        messages: Sequence[TemplateMessage],
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        variables: Mapping[str, Any] | None = None,
        answer_prefix: AnswerPrefix | None = None,
    ) -> Prompt:
        """The prompt, of at least one token. Raises `TemplateError` and `TemplateLimitError`.

        `tools`, `variables`: see `ChatTemplate.render`. Any: JSON.
        """
        placeholders: dict[str, str] = {}
        special = self._special
        if special is not None and any(map(special.search, strings_in([messages, tools]))):
            placeholders = _placeholders([messages, tools], special)
            messages = _replaced(messages, special, placeholders)
            tools = _replaced(tools, special, placeholders)
        text = self._template.render(messages, tools=tools, variables=variables)
        if answer_prefix is not None:
            text += answer_prefix(text)
        token_ids = (
            self._encode_with_placeholders(text, placeholders)
            if placeholders
            else self._tokenizer.encode(text)
        )
        if not token_ids:
            raise TemplateError("the chat template renders nothing for these messages")
        return Prompt(token_ids, text)

    def count(self, text: str) -> int:
        """The number of tokens of a text, without control tokens."""
        return len(self._tokenizer.encode(text, parse_special=False))

    def _encode_with_placeholders(
        self, rendered: str, placeholders: Mapping[str, str]
    ) -> list[int]:
        assert self._special is not None, "there are placeholders for control tokens"
        originals = {ord(character): text for text, character in placeholders.items()}
        placeholder = re.compile("[" + "".join(placeholders.values()) + "]")
        token_ids: list[int] = []
        pending = ""
        for section in self._special.split(rendered):
            if placeholder.search(section) is None:
                pending += section
                continue
            token_ids += self._tokenizer.encode(pending)
            token_ids += self._tokenizer.encode(section.translate(originals), parse_special=False)
            pending = ""
        return token_ids + self._tokenizer.encode(pending)


def _placeholders(value: Any, special: re.Pattern[str]) -> dict[str, str]:
    """A placeholder for every control token's text in `value`, a character that `value` does not contain."""
    found = {match for text in strings_in(value) for match in special.findall(text)}
    used = set().union(*strings_in(value))
    free = (chr(code) for code in _PRIVATE_USE if chr(code) not in used)
    placeholders = dict(zip(sorted(found), free, strict=False))
    if len(placeholders) < len(found):
        raise TemplateError("the messages use up all private-use characters")
    return placeholders


def _replaced(value: Any, special: re.Pattern[str], placeholders: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return special.sub(lambda match: placeholders[match[0]], value)
    if isinstance(value, Mapping):
        return {
            _replaced(key, special, placeholders): _replaced(member, special, placeholders)
            for key, member in value.items()
        }
    if isinstance(value, list | tuple):
        return [_replaced(item, special, placeholders) for item in value]
    return value
