"""Renders messages as the prompt's text with the model's Jinja template.

The dialect: see `chat.prompt.sandbox`. The limits of a render: see `chat.prompt.rendering`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, Protocol

from galop.chat.errors import TemplateError
from galop.chat.prompt.rendering import LocalRenderer
from galop.chat.prompt.sandbox import environment, reason_of
from galop.chat.request import TemplateMessage

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""ChatML, the most common format: for model files without a template."""


class Renderer(Protocol):
    """Renders templates."""

    def render(self, source: str, names: Mapping[str, Any]) -> str:
        """The text of a template for these variables, JSON values. May block; thread safe.

        Raises `TemplateError` with the template's own message, and `TemplateLimitError`.
        """


class ChatTemplate:
    """One model's chat template. `source` None stands for ChatML. Thread safe.

    Raises `TemplateError` if the source does not compile.
    """

    def __init__(
        self,
        source: str | None,
        *,
        bos_token: str,
        eos_token: str,
        renderer: Renderer | None = None,
    ) -> None:
        """`renderer` None: a `LocalRenderer`, without limits on time and memory."""
        self.source = source
        self._jinja = CHATML if source is None else source
        self._tokens = {"bos_token": bos_token, "eos_token": eos_token}
        self._renderer = renderer or LocalRenderer()
        try:
            environment().template(self._jinja)
        except Exception as error:  # Python's compiler may raise anything
            reason = reason_of(error)
            raise TemplateError(f"the model's chat template does not compile: {reason}") from error

    @cached_property
    def variables(self) -> frozenset[str]:
        """The variables that the template reads."""
        return environment().variables(self._jinja)

    def render(
        self,
        messages: Sequence[TemplateMessage],
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> str:
        """The prompt's text, up to the beginning of the answer. May block.

        Raises `TemplateError` with the template's own message, and `TemplateLimitError`.

        `tools`: the offered functions, see `toolset.template_tools`. `variables`: further variables that
        this template reads. Any: JSON.

        If the template refuses system messages, their text is put before the first user message, as
        the makers of such models advise.
        """
        if self.refuses_system_role:
            messages = _merge_system_messages(messages)
        return self._render(messages, tools, variables or {})

    @cached_property
    def refuses_system_role(self) -> bool:
        """True if the template renders a user message alone and raises on a system message before it."""
        user = {"role": "user", "content": "Hello"}
        try:
            self._render([user])
        except TemplateError:
            return False
        try:
            self._render([{"role": "system", "content": "Hello"}, user])
        except TemplateError:
            return True
        return False

    def _render(
        self,
        messages: Sequence[TemplateMessage],
        tools: Sequence[Mapping[str, Any]] | None = None,
        variables: Mapping[str, Any] = MappingProxyType({}),
    ) -> str:
        names = {
            **variables,
            "messages": [dict(message) for message in messages],
            "add_generation_prompt": True,
            "tools": None if tools is None else list(tools),
            "documents": None,
            **self._tokens,
        }
        return self._renderer.render(self._jinja, names)


def strings_in(value: Any) -> Iterator[str]:
    """Every string in a JSON value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield key
            yield from strings_in(member)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings_in(item)


def _merge_system_messages(messages: Sequence[TemplateMessage]) -> list[TemplateMessage]:
    """Move all system messages into the first user message, if there is one."""
    merged = [message for message in messages if message["role"] != "system"]
    system = [str(message["content"]) for message in messages if message["role"] == "system"]
    for index, message in enumerate(merged):
        if system and message["role"] == "user":
            content = "\n\n".join([*system, str(message["content"])])
            merged[index] = {**message, "content": content}
            return merged
    return list(messages)
