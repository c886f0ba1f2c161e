"""Messages become the prompt's text, by the Jinja template that comes with the model.

The dialect is that of Hugging Face's `apply_chat_template` (transformers,
`utils/chat_template_utils.py`): trimmed blocks, loop controls, `raise_exception`, `strftime_now`,
a `tojson` that leaves non-ASCII and `<` alone, and `{% generation %}` blocks.

Templates come with the weights and are not trusted: see `chat.sandbox`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any

from jinja2 import meta, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser

from galop.chat.errors import TemplateError
from galop.chat.prompt.sandbox import BoundedEnvironment, budget_for
from galop.chat.request import TemplateMessage

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""For files without a template: the most widely used format."""

_MAX_REASON_CHARS = 500
"""Of a template's own words, which become part of an error's message."""


class ChatTemplate:
    """One model's chat template. `source` None stands for ChatML.

    Raises `TemplateError` if the source is no template.
    """

    def __init__(self, source: str | None, *, bos_token: str, eos_token: str) -> None:
        self.source = source
        self._tokens = {"bos_token": bos_token, "eos_token": eos_token}
        try:
            self._template = _environment().template(CHATML if source is None else source)
        except Exception as error:  # hostile ones make Python's own compiler raise what it likes
            reason = _reason(error)
            raise TemplateError(f"the model's chat template does not compile: {reason}") from error

    @cached_property
    def variables(self) -> frozenset[str]:
        """The names that the template expects to be given."""
        syntax_tree = _environment().parse(CHATML if self.source is None else self.source)
        return frozenset(meta.find_undeclared_variables(syntax_tree))

    def render(
        self,
        messages: Sequence[TemplateMessage],
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> str:
        """The prompt's text, up to where the answer begins. Raises `TemplateError` with the
        template's own words.

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
        try:
            with budget_for(names):
                return self._template.render(names)
        except Exception as error:  # a template can raise whatever Python can
            raise TemplateError(_reason(error)) from error


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


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:_MAX_REASON_CHARS]


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


def _environment() -> BoundedEnvironment:
    environment = BoundedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, _GenerationBlock]
    )
    environment.add_filters({"tojson": _to_json})
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = _strftime_now
    return environment


class _GenerationBlock(Extension):
    """`{% generation %}...{% endgeneration %}` marks text for training; here it is just text."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)


def _to_json(
    value: Any,  # whatever a template has at hand
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    # Jinja's own filter escapes HTML characters, which no model has seen in training.
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def _raise_exception(message: str) -> None:
    raise TemplateError(message)


def _strftime_now(format: str) -> str:
    return datetime.now().strftime(format)
