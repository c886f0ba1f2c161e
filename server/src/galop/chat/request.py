"""A chat completion request after the border: checked, defaults applied, no wire names left over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from galop.protocol.literals import ReasoningEffort, ReasoningFormat, ServiceTier, ToolChoice

ResponseFormat = Literal["text", "json_object", "json_schema"]


TemplateMessage = Mapping[str, Any]
"""One message as chat templates expect it (transformers, `apply_chat_template`): `role`, `content`
(str), `name` where given; on assistant messages `tool_calls`, a list of `{"id", "type": "function",
"function": {"name", "arguments"}}` with the arguments as an object where they are one; on tool messages
`tool_call_id`. Any: templates take what they like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function that the model may call."""

    name: str
    """Letters, digits, `_` and `-`, at most 64, unique within the request."""
    description: str | None = None
    parameters: str
    """The JSON Schema of its arguments, as JSON text: checked, and satisfied by objects only."""
    is_strict: bool = False
    """True: a schema that the grammar cannot keep in full is refused."""
    where: str = "tools"
    """Dotted path of its definition in the request, for errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonSchemaFormat:
    """The documents that are wanted."""

    name: str
    schema: str
    """A JSON Schema, as JSON text."""
    description: str | None = None
    is_strict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One conversation to complete."""

    request_id: str
    """`req_...`: the same as the header x-request-id and x_groq.id."""
    model: str
    """As the caller wrote it: a name or an alias."""
    messages: tuple[TemplateMessage, ...]
    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int | None = None
    """None: as many as fit into the context window after the prompt."""
    stop: tuple[str, ...] = ()
    """Up to four, none empty."""
    num_choices: int = 1
    seed: int = 0
    """0 <= seed < 2**64; the border draws one where the caller gave none."""
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    logit_bias: Mapping[int, float] | None = None
    num_logprobs: int | None = None
    """None: logprobs were not asked for. Otherwise `top_logprobs` (0 to 20)."""
    response_format: ResponseFormat = "text"
    json_schema: JsonSchemaFormat | None = None
    """Given exactly where the response format is `json_schema`."""
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = "none"
    """Anything but `none` only where there are tools."""
    forced_tool: str | None = None
    """The tool that must be called; only beside `required`."""
    parallel_tool_calls: bool = True
    """False: at most one call in an answer."""
    reasoning_format: ReasoningFormat | None = None
    """None: what the model's kind has as default, see `chat.reasoning`."""
    reasoning_effort: ReasoningEffort | None = None
    service_tier: ServiceTier = "on_demand"
    key_id: str = ""
    """Whose request it is, for fairness between keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """One entry of GET /models."""

    id: str
    created: int
    """Unix seconds."""
    owned_by: str
    context_window: int
    max_completion_tokens: int
    alias_of: str | None = None
