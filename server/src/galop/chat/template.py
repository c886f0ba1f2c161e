"""Messages to prompt text, by the model's own chat template.

Chat templates are Jinja as Hugging Face's `apply_chat_template` runs it: trimmed blocks, loop
controls, `raise_exception`, `strftime_now`, a `tojson` that keeps characters as they are. They come
with the model file, so they are untrusted: the sandbox is immutable and the output bounded.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from galop.chat.errors import TemplateError
from galop.chat.request import TemplateMessage

CHATML = (
    "{% for message in messages %}"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""For models without a template of their own: the format most of them were trained on."""

MAX_PROMPT_CHARACTERS = 16 * 1024 * 1024
"""A template that writes more than this is broken or hostile."""


class ChatTemplate:
    """A compiled chat template. `source` None stands for ChatML.

    Raises `TemplateError` if the source does not compile.
    """

    def __init__(self, source: str | None, *, bos_token: str, eos_token: str) -> None:
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.filters["tojson"] = _to_json
        environment.globals["raise_exception"] = _raise_exception
        environment.globals["strftime_now"] = _strftime_now
        try:
            self._template = environment.from_string(source or CHATML)
        except jinja2.TemplateError as error:
            raise TemplateError(f"the model's chat template does not compile: {error}") from error
        self._tokens = {"bos_token": bos_token, "eos_token": eos_token}

    def render(self, messages: Sequence[TemplateMessage]) -> str:
        """The prompt, ready for the assistant's answer.

        Where a template refuses system messages, they are put in front of the first user message.
        Raises `TemplateError` with the template's own words.
        """
        try:
            return self._render(messages)
        except TemplateError:
            merged = _merge_system_messages(messages)
            if merged is None:
                raise
            return self._render(merged)

    def _render(self, messages: Sequence[TemplateMessage]) -> str:
        parts: list[str] = []
        size = 0
        try:
            for part in self._generate(messages):
                size += len(part)
                if size > MAX_PROMPT_CHARACTERS:
                    raise TemplateError("the chat template wrote more than 16 million characters")
                parts.append(part)
        except TemplateError:
            raise
        # Templates run code of the model's author: any exception of theirs is the template's.
        except Exception as error:
            raise TemplateError(str(error) or type(error).__name__) from error
        return "".join(parts)

    def _generate(self, messages: Sequence[TemplateMessage]) -> Iterable[str]:
        return self._template.generate(
            messages=list(messages), add_generation_prompt=True, tools=None, **self._tokens
        )


def _merge_system_messages(messages: Sequence[TemplateMessage]) -> list[TemplateMessage] | None:
    """System texts moved into the first user message; None if there is nothing to move."""
    system = [str(each["content"]) for each in messages if each["role"] == "system"]
    others = [each for each in messages if each["role"] != "system"]
    if not system or not others or others[0]["role"] != "user":
        return None
    text = "\n\n".join([*system, str(others[0]["content"])])
    first: Mapping[str, Any] = {**others[0], "content": text}
    return [first, *others[1:]]


def _to_json(value: object, indent: int | None = None, **_options: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _raise_exception(message: str) -> NoReturn:
    raise TemplateError(message)


def _strftime_now(format: str) -> str:
    return datetime.datetime.now().strftime(format)
