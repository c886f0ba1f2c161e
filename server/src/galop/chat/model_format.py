"""What one model's chat template says of calls and of thinking, once for all requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from galop.chat.formats import family_of
from galop.chat.output.reasoning import BEGIN, END, ReasoningModel, max_thinking_tokens
from galop.chat.output.spec import OutputSpec
from galop.chat.prompt.offered_tools import prepare
from galop.chat.prompt.template import ChatTemplate
from galop.chat.request import ChatRequest, TemplateMessage
from galop.chat.tokenizer import Tokenizer
from galop.chat.tools.toolbox import Toolbox
from galop.protocol.constraints import ConstraintSpec, Thinking

_CALL_MARKERS = ("<tool_call>", "</tool_call>", "[TOOL_CALLS]", "[ARGS]", "<|python_tag|>")


class ModelFormat:
    """How one model is offered functions, calls them, and thinks."""

    def __init__(self, template: ChatTemplate, tokenizer: Tokenizer) -> None:
        self.family = family_of(template.source, takes_tools="tools" in template.variables)
        self.reasoning = ReasoningModel(template.source, template.variables)
        self._marker_ids = {
            marker: token_id
            for marker in (*_CALL_MARKERS, BEGIN, END)
            if (token_id := _control_token(marker, tokenizer)) is not None
        }

    @property
    def markers(self) -> Mapping[int, str]:
        """The control tokens that calls and thinking are written with, and their texts."""
        return {token_id: marker for marker, token_id in self._marker_ids.items()}

    def toolbox(self, request: ChatRequest) -> Toolbox | None:
        """None where nothing may be called."""
        if request.tool_choice == "none":
            return None
        return Toolbox(request, self.family, self._marker_ids)

    def prepare(
        self, request: ChatRequest, messages: Sequence[TemplateMessage]
    ) -> tuple[Sequence[TemplateMessage], list[dict[str, Any]] | None]:
        """What the template is given as `messages` and as `tools`. Any: templates take JSON."""
        tools = () if request.tool_choice == "none" else request.tools
        return prepare(messages, tools, self.family)

    def constraint(self, output: OutputSpec, max_tokens: int) -> ConstraintSpec | None:
        """What the engine is asked to allow; None for free text. `max_tokens`: the whole budget."""
        kind, toolbox = output.document_kind, output.toolbox
        spec = None if kind is None else kind.spec
        if toolbox is not None:
            is_strict = toolbox.is_strict and (spec is None or spec.is_strict)
            spec = structs.replace(
                spec or ConstraintSpec(), tool_calls=toolbox.spec, is_strict=is_strict
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
    """The one token without a text of its own that `marker` stands for, if there is one."""
    if marker not in tokenizer.special_token_texts:
        return None
    token_ids = tokenizer.encode(marker)
    is_control = len(token_ids) == 1 and not tokenizer.token_bytes(token_ids[0])
    return token_ids[0] if is_control else None
