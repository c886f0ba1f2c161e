"""Messages become the prompt's text, by the Jinja template that comes with the model.

The dialect: see `chat.prompt.sandbox`. What bounds a render: see `chat.prompt.rendering`.
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
"""For files without a template: the most widely used format."""


class Renderer(Protocol):
    """Runs templates."""

    def render(self, source: str, names: Mapping[str, Any]) -> str:
        """The text that a template makes of JSON values. May wait; thread safe.

        Raises `TemplateError` with the template's own words, and `TemplateLimitError`.
        """


class ChatTemplate:
    """One model's chat template. `source` None stands for ChatML. Thread safe.

    Raises `TemplateError` if the source is no template.
    """

    def __init__(
        self,
        source: str | None,
        *,
        bos_token: str,
        eos_token: str,
        renderer: Renderer | None = None,
    ) -> None:
        """`renderer`: left out, nothing bounds a render's time and memory."""
        self.source = source
        self._jinja = CHATML if source is None else source
        self._tokens = {"bos_token": bos_token, "eos_token": eos_token}
        self._renderer = renderer or LocalRenderer()
        try:
            environment().template(self._jinja)
        except Exception as error:  # hostile ones make Python's own compiler raise what it likes
            reason = reason_of(error)
            raise TemplateError(f"the model's chat template does not compile: {reason}") from error

    @cached_property
    def variables(self) -> frozenset[str]:
        """The names that the template expects to be given."""
        return environment().variables(self._jinja)

    def render(
        self,
        messages: Sequence[TemplateMessage],
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> str:
        """The prompt's text, up to where the answer begins. May wait.

        Raises `TemplateError` with the template's own words, and `TemplateLimitError`.

        `tools`: the functions on offer, as templates take them; `variables`: further names that
        this template reads. Any: templates take what they like.

        For a template that refuses every system message they are put in front of the first user
        message, as the makers of such models advise.
        """
        if self.refuses_system_role:
            messages = _merge_system_messages(messages)
        return self._render(messages, tools, variables or {})

    @cached_property
    def refuses_system_role(self) -> bool:
        """True if the template takes a user message alone, and raises with a system one before."""
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
    """Every text in what is given to a template, names of members included."""
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
    """All system messages moved into the first user message, if there is one."""
    merged = [message for message in messages if message["role"] != "system"]
    system = [str(message["content"]) for message in messages if message["role"] == "system"]
    for index, message in enumerate(merged):
        if system and message["role"] == "user":
            content = "\n\n".join([*system, str(message["content"])])
            merged[index] = {**message, "content": content}
            return merged
    return list(messages)
