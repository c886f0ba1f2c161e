"""A conversation becomes token ids, and nothing that a user wrote becomes a control token.

Usually the rendered text is encoded as a whole. Only where a message or a tool contains the text of a
control token is that text hidden from the encoder: it goes through the template as one private-use character,
and the stretch of text around it, up to the template's own control tokens, is encoded as plain text.
A character survives whatever templates do to content (trim, slice, split, quote as JSON).
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


Opening = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model is given."""

    token_ids: list[int]
    text: str
    """As rendered; characters may stand for the texts of control tokens."""


class PromptEncoder:
    """From messages to the prompt of one model. Thread safe."""

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
        opening: Opening | None = None,
    ) -> Prompt:
        """The prompt, of at least one token. Raises `TemplateError`.

        `tools`, `variables`: see `ChatTemplate.render`. `opening`: may add to the rendered text, which
        it is given, what the answer shall begin with. Any: templates take what they like.
        """
        stand_ins: dict[str, str] = {}
        special = self._special
        if special is not None and any(map(special.search, strings_in([messages, tools]))):
            stand_ins = _stand_ins([messages, tools], special)
            messages = _replaced(messages, special, stand_ins)
            tools = _replaced(tools, special, stand_ins)
        text = self._template.render(messages, tools=tools, variables=variables)
        if opening is not None:
            text += opening(text)
        token_ids = (
            self._encode_hiding(text, stand_ins) if stand_ins else self._tokenizer.encode(text)
        )
        if not token_ids:
            raise TemplateError("the chat template renders nothing for these messages")
        return Prompt(token_ids, text)

    def count(self, text: str) -> int:
        """How many tokens a plain text takes."""
        return len(self._tokenizer.encode(text, parse_special=False))

    def _encode_hiding(self, rendered: str, stand_ins: Mapping[str, str]) -> list[int]:
        assert self._special is not None, "there are stand-ins for control tokens"
        originals = {ord(character): text for text, character in stand_ins.items()}
        hidden = re.compile("[" + "".join(stand_ins.values()) + "]")
        token_ids: list[int] = []
        waiting = ""
        for piece in self._special.split(rendered):
            if hidden.search(piece) is None:
                waiting += piece
                continue
            token_ids += self._tokenizer.encode(waiting)
            token_ids += self._tokenizer.encode(piece.translate(originals), parse_special=False)
            waiting = ""
        return token_ids + self._tokenizer.encode(waiting)


def _stand_ins(value: Any, special: re.Pattern[str]) -> dict[str, str]:
    """For every control token's text in what goes to the template a character that is nowhere in it."""
    found = {match for text in strings_in(value) for match in special.findall(text)}
    taken = set().union(*strings_in(value))
    free = (chr(code) for code in _PRIVATE_USE if chr(code) not in taken)
    stand_ins = dict(zip(sorted(found), free, strict=False))
    if len(stand_ins) < len(found):
        raise TemplateError("the messages use up all private-use characters")
    return stand_ins


def _replaced(value: Any, special: re.Pattern[str], stand_ins: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return special.sub(lambda match: stand_ins[match[0]], value)
    if isinstance(value, Mapping):
        return {
            _replaced(key, special, stand_ins): _replaced(member, special, stand_ins)
            for key, member in value.items()
        }
    if isinstance(value, list | tuple):
        return [_replaced(item, special, stand_ins) for item in value]
    return value
