"""A chat completion request after decoding: validated, with defaults applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from galop.protocol.literals import ReasoningEffort, ReasoningFormat, ServiceTier, ToolChoice

ResponseFormat = Literal["text", "json_object", "json_schema"]


TemplateMessage = Mapping[str, Any]
"""One message as chat templates expect it (transformers, `apply_chat_template`): `role`, `content`
(str), `name` where given; on assistant messages `tool_calls`, a list of `{"id", "type": "function",
"function": {"name", "arguments"}}` with the arguments as an object if their JSON text is one; on tool messages
`tool_call_id`. Any: JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function that the model may call."""

    name: str
    """Letters, digits, `_` and `-`, at most 64, unique within the request."""
    description: str | None = None
    parameters: str
    """The JSON Schema of its arguments, as JSON text; satisfied by objects only."""
    is_strict: bool = False
    """True: a schema is refused if no document is found that satisfies it."""
    where: str = "tools"
    """Dotted path of its definition in the request, for error messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonSchemaFormat:
    """Response format `json_schema`."""

    name: str
    """For error messages."""
    schema: str
    """A JSON Schema, as JSON text."""
    description: str | None = None
    """For the model."""
    is_strict: bool = False
    """See `Tool.is_strict`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One conversation to complete. Ranges are those of the API reference."""

    request_id: str
    """`req_...`, as in the header x-request-id and in x_groq.id."""
    model: str
    """A name or an alias, as the caller wrote it."""
    messages: tuple[TemplateMessage, ...]
    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int | None = None
    """Per choice. None: what the prompt leaves of the context window."""
    stop: tuple[str, ...] = ()
    """Up to four, none empty."""
    num_choices: int = 1
    seed: int = 0
    """0 <= seed < 2**64; drawn at random by the HTTP room if the caller gives none."""
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    logit_bias: Mapping[int, float] | None = None
    num_logprobs: int | None = None
    """`top_logprobs`, 0 to 20. None: no log probabilities."""
    response_format: ResponseFormat = "text"
    json_schema: JsonSchemaFormat | None = None
    """Set if and only if the response format is `json_schema`."""
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = "none"
    """`none` if there are no tools."""
    forced_tool: str | None = None
    """Name of the tool that must be called; only with tool choice `required`."""
    parallel_tool_calls: bool = True
    """False: at most one call per choice."""
    reasoning_format: ReasoningFormat | None = None
    """None: `parsed` if the model reasons."""
    reasoning_effort: ReasoningEffort | None = None
    service_tier: ServiceTier = "on_demand"
    key_id: str = ""
    """Id of the caller's API key, for fairness; empty without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """One entry of GET /models."""

    id: str
    created: int
    """Unix seconds."""
    owned_by: str
    context_window: int
    """Tokens."""
    max_completion_tokens: int
    alias_of: str | None = None
    """Name of the model that `id` is an alias of."""
