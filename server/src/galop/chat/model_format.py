"""The format of one model: how it is offered tools, calls them and reasons. From its chat template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from galop.chat.formats import tool_format_of
from galop.chat.output.reasoning import BEGIN, END, ReasoningModel, max_thinking_tokens
from galop.chat.output.spec import OutputSpec
from galop.chat.prompt.offered_tools import template_input
from galop.chat.prompt.template import ChatTemplate
from galop.chat.request import ChatRequest, TemplateMessage
from galop.chat.tokenizer import Tokenizer
from galop.chat.tools.toolset import Toolset
from galop.protocol.constraints import ConstraintSpec, Thinking

_CALL_MARKERS = ("<tool_call>", "</tool_call>", "[TOOL_CALLS]", "[ARGS]", "<|python_tag|>")


class ModelFormat:
    """Derives a request's toolset, template input and constraint for one model."""

    def __init__(self, template: ChatTemplate, tokenizer: Tokenizer) -> None:
        self.tool_format = tool_format_of(
            template.source, takes_tools="tools" in template.variables
        )
        self.reasoning = ReasoningModel(template.source, template.variables)
        self._marker_ids = {
            marker: token_id
            for marker in (*_CALL_MARKERS, BEGIN, END)
            if (token_id := _control_token(marker, tokenizer)) is not None
        }

    @property
    def markers(self) -> Mapping[int, str]:
        """Texts of the control tokens that delimit calls and reasoning, by token id."""
        return {token_id: marker for marker, token_id in self._marker_ids.items()}

    def toolset(self, request: ChatRequest) -> Toolset | None:
        """The tools that the request may call; None for tool choice `none`."""
        if request.tool_choice == "none":
            return None
        return Toolset(request, self.tool_format, self._marker_ids)

    def template_input(
        self, request: ChatRequest, messages: Sequence[TemplateMessage]
    ) -> tuple[Sequence[TemplateMessage], list[dict[str, Any]] | None]:
        """The template's variables `messages` and `tools`. Any: JSON."""
        tools = () if request.tool_choice == "none" else request.tools
        return template_input(messages, tools, self.tool_format)

    def constraint(self, output: OutputSpec, max_tokens: int) -> ConstraintSpec | None:
        """The engine's constraint; None for free text. `max_tokens`: the budget of a choice."""
        toolset = output.toolset
        spec = None if output.document is None else output.document.constraint
        if toolset is not None:
            is_strict = toolset.is_strict and (spec is None or spec.is_strict)
            spec = structs.replace(
                spec or ConstraintSpec(), tool_calls=toolset.constraint, is_strict=is_strict
            )
        if spec is None or output.reasoning is None or not output.is_thinking_open:
            return spec
        thinking = Thinking(
            end=END,
            end_token_id=self._marker_ids.get(END),
            max_tokens=max_thinking_tokens(max_tokens),
        )
        return structs.replace(spec, thinking=thinking)


def _control_token(marker: str, tokenizer: Tokenizer) -> int | None:
    """The id of the single control token that `marker` encodes to; None if there is none."""
    if marker not in tokenizer.special_token_texts:
        return None
    token_ids = tokenizer.encode(marker)
    is_control = len(token_ids) == 1 and not tokenizer.token_bytes(token_ids[0])
    return token_ids[0] if is_control else None
