"""Decodes a request body: JSON, then the wire schema, then the rules between fields.

Two steps, so that validation has the order of the API (Groq, validation order): `parse` needs only the
bytes; the caller then looks up the model, which may be a 404; `check_request` checks the rest.
Synchronous.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import UNSET

from galop.chat import ModelEntry
from galop.chat import request as chat_request
from galop.chat.request import (
    ChatRequest,
    ModelCard,
    ResponseFormat,
    TemplateMessage,
)
from galop.http.body import check_nesting
from galop.http.compat import MESSAGE_KEYS_2024, PARAMETERS_2024, first_unknown
from galop.http.errors import MalformedBodyError
from galop.http.limits import RequestLimits
from galop.http.schema import (
    MAX_SEED,
    MIN_SEED,
    AssistantMessage,
    ChatCompletionRequest,
    DeveloperMessage,
    FunctionMessage,
    JsonObjectFormat,
    JsonSchemaFormat,
    Message,
    SystemMessage,
    TextFormat,
    TextPart,
    ToolMessage,
    WireServiceTier,
)
from galop.http.tools import tool_use, with_calls
from galop.http.validation_messages import (
    missing_key,
    number_error,
    quoted,
    refuse,
    unknown_key,
    validation_error,
)
from galop.protocol.literals import Compat, ReasoningFormat, ServiceTier

_NUM_SEEDS = 2**64
_TOKEN_ID = re.compile(r"0|[1-9][0-9]{0,9}")

_DECODER = msgspec.json.Decoder(ChatCompletionRequest)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedRequest:
    """A decoded request: the conversation to complete, and the form of the response."""

    chat: ChatRequest
    entry: ModelEntry
    """The model that `chat.model` names."""
    is_streamed: bool
    """The response is a stream of server-sent events."""
    include_usage: bool
    """The stream has a chunk with `usage` and no choices before its end."""
    seed: int
    """From `MIN_SEED` to `MAX_SEED`: as in the request, or drawn. The response returns it."""
    is_legacy_call: bool = False
    """The response has `function_call` instead of `tool_calls`."""


# --- step one: the bytes alone -------------------------------------------------------------------


def parse(body: bytes, *, compat: Compat, limits: RequestLimits) -> ChatCompletionRequest:
    """Decodes `body`. Raises MalformedBodyError and InvalidRequestError."""
    check_nesting(body, limits)
    if compat == "default":
        try:
            return _DECODER.decode(body)
        except msgspec.ValidationError:
            pass
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise MalformedBodyError(_reason(error)) from None
    # The typed decoder checks every one of duplicate keys; here the last one counts, as in json.loads.
    return _parse_slowly(body, compat)


def _parse_slowly(body: bytes, compat: Compat) -> ChatCompletionRequest:
    try:
        parsed = msgspec.json.decode(body)
    except msgspec.ValidationError:  # without a type, only numbers can be out of range
        raise number_error(body) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedBodyError(_reason(error)) from None
    if compat == "groq-2024":
        _refuse_later_than_2024(parsed)
    try:
        return msgspec.convert(parsed, ChatCompletionRequest)
    except msgspec.ValidationError:
        raise validation_error(parsed) from None


def _reason(error: msgspec.DecodeError | UnicodeDecodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    return str(error).removeprefix("JSON is malformed: ") or "it cannot be parsed"


def _refuse_later_than_2024(parsed: Any) -> None:
    """Raises InvalidRequestError for keys and types that the schema of 2024 does not have."""
    if not isinstance(parsed, dict):
        return
    if (key := first_unknown(parsed, PARAMETERS_2024)) is not None:
        raise unknown_key((), key, PARAMETERS_2024)
    messages = parsed.get("messages")
    for index, message in enumerate(messages if isinstance(messages, list) else ()):
        if not isinstance(message, dict):
            continue
        role = message.get("role")
        if role == "developer":
            allowed = "['system', 'user', 'assistant', 'tool', 'function']"
            raise refuse(
                f"messages.{index}.role", f"value is not one of the allowed values {allowed}"
            )
        if not isinstance(role, str) or role not in MESSAGE_KEYS_2024:
            continue
        if (key := first_unknown(message, MESSAGE_KEYS_2024[role])) is not None:
            path = ("messages", str(index))
            raise unknown_key(path, key, MESSAGE_KEYS_2024[role], role=role)
        if role != "user" and isinstance(message.get("content"), list):
            raise refuse(f"messages.{index}.content", "value must be a string")


# --- step two: the rules between fields ----------------------------------------------------------


def check_request(
    request: ChatCompletionRequest,
    *,
    request_id: str,
    entry: ModelEntry,
    key_id: str = "",
    draw_seed: Callable[[], int],
    compat: Compat,
) -> CheckedRequest:
    """Checks the rules between fields and fills in defaults. Raises InvalidRequestError.

    `draw_seed` is called only if there is no seed.
    """
    _check_switches(request)
    if compat == "groq-2024":
        _check_limits_of_2024(request)
    seed = draw_seed() if request.seed is None else _checked_seed(request.seed)
    used = tool_use(request, compat=compat)
    if (
        compat == "groq-2024"
        and used.tools
        and isinstance(request.response_format, JsonObjectFormat)
    ):
        raise refuse("tools", "not allowed with response format 'json_object'")
    written = [_template_message(index, message) for index, message in enumerate(request.messages)]
    chat = ChatRequest(
        request_id=request_id,
        model=request.model,
        messages=with_calls(request.messages, written),
        temperature=_or(request.temperature, 1.0),
        top_p=_or(request.top_p, 1.0),
        max_tokens=_max_tokens(request, entry.card, compat),
        stop=_stop(request.stop),
        num_choices=request.n or 1,
        seed=seed % _NUM_SEEDS,
        frequency_penalty=_or(request.frequency_penalty, 0.0),
        presence_penalty=_or(request.presence_penalty, 0.0),
        logit_bias=_logit_bias(request.logit_bias, entry.model.vocab_size),
        num_logprobs=(request.top_logprobs or 0) if request.logprobs else None,
        response_format=_response_format(request.response_format),
        json_schema=_json_schema(request.response_format),
        tools=used.tools,
        tool_choice=used.tool_choice,
        forced_tool=used.forced_tool,
        parallel_tool_calls=used.parallel_tool_calls,
        reasoning_format=_reasoning_format(request),
        reasoning_effort=request.reasoning_effort,
        service_tier=_service_tier(request.service_tier),
        key_id=key_id,
    )
    options = request.stream_options
    return CheckedRequest(
        chat=chat,
        entry=entry,
        is_streamed=bool(request.stream),
        include_usage=bool(options and options.include_usage),
        seed=seed,
        is_legacy_call=used.is_legacy,
    )


def _checked_seed(seed: int) -> int:
    if not MIN_SEED <= seed <= MAX_SEED:
        bound = f"at least {MIN_SEED}" if seed < 0 else f"at most {MAX_SEED}"
        raise refuse("seed", f"number must be {bound}")
    return seed


def _service_tier(wanted: WireServiceTier | None) -> ServiceTier:
    return wanted if wanted in ("flex", "performance") else "on_demand"


def _response_format(
    wanted: TextFormat | JsonObjectFormat | JsonSchemaFormat | None,
) -> ResponseFormat:
    if isinstance(wanted, JsonObjectFormat):
        return "json_object"
    return "json_schema" if isinstance(wanted, JsonSchemaFormat) else "text"


def _json_schema(
    wanted: TextFormat | JsonObjectFormat | JsonSchemaFormat | None,
) -> chat_request.JsonSchemaFormat | None:
    if not isinstance(wanted, JsonSchemaFormat):
        return None
    given = wanted.json_schema
    schema = {"type": "object"} if given.schema is None else given.schema
    return chat_request.JsonSchemaFormat(
        name=given.name,
        schema=msgspec.json.encode(schema).decode(),
        description=given.description,
        is_strict=bool(given.strict),
    )


def _reasoning_format(request: ChatCompletionRequest) -> ReasoningFormat | None:
    if request.include_reasoning is None:
        return request.reasoning_format
    if request.reasoning_format is not None:
        raise refuse("include_reasoning", "not allowed beside 'reasoning_format'")
    return "parsed" if request.include_reasoning else "hidden"


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _check_switches(request: ChatCompletionRequest) -> None:
    if request.stream_options is not None and not request.stream:
        raise refuse("stream_options", "only allowed when 'stream' is true")
    if request.top_logprobs is not None and not request.logprobs:
        raise refuse("top_logprobs", "only allowed when 'logprobs' is true")


def _check_limits_of_2024(request: ChatCompletionRequest) -> None:
    if isinstance(request.response_format, JsonSchemaFormat):
        raise refuse(
            "response_format.type", "value is not one of the allowed values ['text', 'json_object']"
        )
    if isinstance(request.response_format, JsonObjectFormat):
        if request.stream:
            raise refuse("stream", "response format 'json_object' does not support streaming")
        if _stop(request.stop):
            raise refuse("stop", "response format 'json_object' does not support stop sequences")
    if request.n is not None and request.n > 1:
        raise refuse("n", "number must be at most 1")
    if request.logprobs:
        raise refuse("logprobs", "not supported with this model")
    if request.top_logprobs is not None:
        raise refuse("top_logprobs", "not supported with this model")
    if request.logit_bias is not None:
        raise refuse("logit_bias", "not supported with this model")


def _max_tokens(request: ChatCompletionRequest, model: ModelCard, compat: Compat) -> int | None:
    old, new = request.max_tokens, request.max_completion_tokens
    if old is not None and new is not None and old != new:
        raise refuse(
            "max_completion_tokens",
            f"'max_tokens' is its older name and has another value, {old} instead of {new}: give one of them",
        )
    name, value = ("max_tokens", old) if new is None else ("max_completion_tokens", new)
    # By default an upper bound above the window is kept like any other: by ending before it.
    if compat == "groq-2024" and value is not None and value > model.max_completion_tokens:
        raise refuse(
            name,
            f"number must be at most {model.max_completion_tokens}, the most tokens that "
            f"`{quoted(model.id)}` gives in one answer",
        )
    return value


def _stop(stop: str | list[str] | None) -> tuple[str, ...]:
    texts = [stop] if isinstance(stop, str) else stop or []
    return tuple(text for text in texts if text)


def _logit_bias(wire_bias: dict[str, float] | None, num_tokens: int) -> dict[int, float] | None:
    if not wire_bias:
        return None
    for key in wire_bias:
        if not _TOKEN_ID.fullmatch(key):
            raise refuse("logit_bias", f"key '{quoted(key)}' must be a token id: a whole number")
        if int(key) >= num_tokens:
            raise refuse("logit_bias", f"key '{key}' is no token id: there are {num_tokens} tokens")
    return {int(key): bias for key, bias in wire_bias.items()}


def _template_message(index: int, message: Message) -> TemplateMessage:
    """Role, content as one string, and the name if there is one, as chat templates expect them."""
    if isinstance(message, AssistantMessage):
        role = "assistant"
    elif isinstance(message, ToolMessage | FunctionMessage):
        role = "tool"
    else:
        role = "system" if isinstance(message, SystemMessage | DeveloperMessage) else "user"
    content = message.content
    if content is UNSET:
        _require_something(index, message)
        content = None
    template_message = {"role": role, "content": _text(content)}
    if message.name is not None:
        template_message["name"] = message.name
    return template_message


def _require_something(index: int, message: Message) -> None:
    assert isinstance(message, AssistantMessage), "content is required for every other role"
    echoed = (message.reasoning, message.reasoning_content, message.refusal)
    has_call = message.tool_calls or message.function_call
    if not has_call and all(text is None for text in echoed):
        raise missing_key(("messages", str(index)), "content", role="assistant")


def _text(content: str | list[TextPart] | None) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.text for part in content or ())
