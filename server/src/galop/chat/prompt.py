"""A conversation becomes token ids, and nothing that a user wrote becomes a control token.

Usually the rendered text is encoded as a whole. Only where a message contains the text of a control
token is that text hidden from the encoder: it goes through the template as one private-use character,
and the stretch of text around it, up to the template's own control tokens, is encoded as plain text.
A character survives whatever templates do to content (trim, slice, split, quote as JSON).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from galop.chat.errors import TemplateError
from galop.chat.request import TemplateMessage
from galop.chat.template import ChatTemplate
from galop.chat.tokenizer import Tokenizer

_PRIVATE_USE = range(0xF0000, 0xFFFFE)


class PromptEncoder:
    """From messages to the prompt of one model. Thread safe."""

    def __init__(self, template: ChatTemplate, tokenizer: Tokenizer) -> None:
        self._template = template
        self._tokenizer = tokenizer
        texts = sorted(tokenizer.special_token_texts, key=len, reverse=True)
        self._special = re.compile("(" + "|".join(map(re.escape, texts)) + ")") if texts else None

    def encode(self, messages: Sequence[TemplateMessage]) -> list[int]:
        """Token ids of the prompt, at least one. Raises `TemplateError`."""
        special = self._special
        if special is None or not _contain(messages, special):
            token_ids = self._tokenizer.encode(self._template.render(messages))
        else:
            token_ids = self._encode_hiding(messages, special)
        if not token_ids:
            raise TemplateError("the chat template renders nothing for these messages")
        return token_ids

    def count(self, text: str) -> int:
        """How many tokens a plain text takes."""
        return len(self._tokenizer.encode(text, parse_special=False))

    def _encode_hiding(
        self, messages: Sequence[TemplateMessage], special: re.Pattern[str]
    ) -> list[int]:
        stand_ins = _stand_ins(messages, special)
        rendered = self._template.render(
            [
                {key: _replace(value, special, stand_ins) for key, value in message.items()}
                for message in messages
            ]
        )
        originals = {ord(character): text for text, character in stand_ins.items()}
        hidden = re.compile("[" + "".join(stand_ins.values()) + "]")
        token_ids: list[int] = []
        waiting = ""
        for piece in special.split(rendered):
            if hidden.search(piece) is None:
                waiting += piece
                continue
            token_ids += self._tokenizer.encode(waiting)
            token_ids += self._tokenizer.encode(piece.translate(originals), parse_special=False)
            waiting = ""
        return token_ids + self._tokenizer.encode(waiting)


def _strings(messages: Sequence[TemplateMessage]) -> Iterator[str]:
    for message in messages:
        yield from (value for value in message.values() if isinstance(value, str))


def _contain(messages: Sequence[TemplateMessage], special: re.Pattern[str]) -> bool:
    return any(special.search(text) for text in _strings(messages))


def _stand_ins(messages: Sequence[TemplateMessage], special: re.Pattern[str]) -> dict[str, str]:
    """For every control token's text in the messages a character that is nowhere in them."""
    found = {match for text in _strings(messages) for match in special.findall(text)}
    taken = set().union(*_strings(messages))
    free = (chr(code) for code in _PRIVATE_USE if chr(code) not in taken)
    stand_ins = dict(zip(sorted(found), free, strict=False))
    if len(stand_ins) < len(found):
        raise TemplateError("the messages use up all private-use characters")
    return stand_ins


def _replace(value: object, special: re.Pattern[str], stand_ins: dict[str, str]) -> object:
    if not isinstance(value, str):
        return value
    return special.sub(lambda match: stand_ins[match[0]], value)
