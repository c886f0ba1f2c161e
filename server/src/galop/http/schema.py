"""Wire types: request, responses, errors. /openapi.json and docs/api.md are generated from them.

The request is a closed schema: unknown fields are refused. Each field has an effect: `honoured`,
`meaningless` (accepted because clients send it, but without effect) or `refused` (only null is accepted).
Must not know defaults that depend on a model.

Names and order of keys: the Chat Completions API of Groq (OpenAPI document of 2024-10), and later fields
that clients of 2026 use.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from galop.protocol.literals import FinishReason, ReasoningEffort, ReasoningFormat, ToolChoice

Effect = Literal["honoured", "meaningless", "refused"]
REFUSED = "x-refused"
"""Schema keyword of a property that only accepts null; its value is the reason."""

MAX_MESSAGES = 4096
"""Bounds the cost of checking a request; a context window holds far fewer messages."""
MAX_STOP_LENGTH = 4096
"""Characters of one stop sequence. Text that may be the start of one is held back."""
MAX_TOOLS = 128
"""Entries of `tools`, and of `tool_calls` in a message."""
MAX_LOGIT_BIAS = 1024
"""Entries of `logit_bias`; OpenAI's limit is 300."""
MIN_SEED = -(2**63)
MAX_SEED = 2**64 - 1
"""Bounds of `seed`. `http.decode` checks them: msgspec supports no bound above 2**63 - 1."""


def _honoured(description: str) -> Meta:
    return Meta(description=description, extra={"effect": "honoured"})


def _meaningless(description: str) -> Meta:
    return Meta(description=description, extra={"effect": "meaningless"})


def _refused(reason: str, *, unless: str = "null") -> Meta:
    return Meta(
        description=f"Refused unless {unless}: {reason}.",
        extra={"effect": "refused"},
        extra_json_schema={REFUSED: reason},
    )


_RETRIEVAL = "this server does not search or read documents"
_AUDIO = "this server answers with text only"


# --- messages ------------------------------------------------------------------------------------


class TextPart(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A part of a message. The parts are joined by newlines."""

    # A field instead of a struct tag: msgspec accepts a lone tagged struct without its tag, although the
    # schema that it generates requires the tag.
    type: Literal["text"] = "text"
    text: str


TextParts = Annotated[list[TextPart], Meta(min_length=1)]
Name = Annotated[
    str | None, _honoured("Passed to the chat template, which may leave it out of the prompt.")
]


class SystemMessage(
    Struct, tag="system", tag_field="role", forbid_unknown_fields=True, frozen=True, kw_only=True
):
    """Instructions for the model."""

    content: str | TextParts
    name: Name = None


class DeveloperMessage(
    Struct, tag="developer", tag_field="role", forbid_unknown_fields=True, frozen=True, kw_only=True
):
    """Another name for a system message."""

    content: str | TextParts
    name: Name = None


class UserMessage(
    Struct, tag="user", tag_field="role", forbid_unknown_fields=True, frozen=True, kw_only=True
):
    """A message of the user."""

    content: str | TextParts
    name: Name = None


class CalledFunction(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The name and the arguments of a call."""

    name: str
    arguments: Annotated[str, Meta(description="A JSON object, as text.")]


class ToolCallEcho(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """An earlier call of the model, sent back by the client."""

    type: Literal["function"]
    id: str
    function: CalledFunction
    index: Annotated[int | None, _meaningless("Part of streamed calls.")] = None


_ECHO = "Ignored: clients send back whole messages that they received."


class AssistantMessage(
    Struct, tag="assistant", tag_field="role", forbid_unknown_fields=True, frozen=True, kw_only=True
):
    """An earlier answer. `content` may be null, or absent beside calls, `reasoning` or `refusal`."""

    content: str | TextParts | None | UnsetType = UNSET
    name: Name = None
    reasoning: Annotated[str | None, _meaningless(_ECHO)] = None
    reasoning_content: Annotated[str | None, _meaningless(_ECHO)] = None
    refusal: Annotated[str | None, _meaningless(_ECHO)] = None
    # Any: ignored fields, whose types differ between servers.
    reasoning_details: Annotated[Any, _meaningless(_ECHO)] = None
    annotations: Annotated[Any, _meaningless(_ECHO)] = None
    executed_tools: Annotated[Any, _meaningless(_ECHO)] = None
    parsed: Annotated[Any, _meaningless(_ECHO)] = None
    id: Annotated[str | None, _meaningless(_ECHO)] = None
    channel: Annotated[str | None, _meaningless(_ECHO)] = None
    status: Annotated[str | None, _meaningless(_ECHO)] = None
    timestamp: Annotated[Any, _meaningless(_ECHO)] = None
    cache_breakpoint: Annotated[Any, _meaningless(_ECHO)] = None
    audio: Annotated[None, _refused(_AUDIO)] = None
    function_call: Annotated[
        CalledFunction | None, _honoured("The older form of `tool_calls`, for one call.")
    ] = None
    tool_calls: Annotated[
        Annotated[list[ToolCallEcho], Meta(max_length=MAX_TOOLS)] | None,
        _honoured("The calls of the model. Their ids are unique in the message."),
    ] = None


class ToolMessage(
    Struct, tag="tool", tag_field="role", forbid_unknown_fields=True, frozen=True, kw_only=True
):
    """The result of a call. `tool_call_id` is the id of a call in an earlier message."""

    content: str | TextParts
    tool_call_id: str
    name: Name = None


class FunctionMessage(
    Struct, tag="function", tag_field="role", forbid_unknown_fields=True, frozen=True, kw_only=True
):
    """The result of the latest `function_call` of `name`: the older form of a tool message."""

    content: str | None
    name: str


Message = (
    SystemMessage
    | DeveloperMessage
    | UserMessage
    | AssistantMessage
    | ToolMessage
    | FunctionMessage
)


# --- the request ---------------------------------------------------------------------------------


_NAME = r"^[a-zA-Z0-9_-]{1,64}$(?!\n)"
"""The lookahead is for Python, where `$` also matches before a newline at the end."""
_NO_SCHEMA = "only given beside the type 'json_schema'"


class TextFormat(Struct, tag="text", tag_field="type", forbid_unknown_fields=True, frozen=True):
    """Free text: the default."""

    json_schema: Annotated[None, _refused(_NO_SCHEMA)] = None


class JsonObjectFormat(
    Struct, tag="json_object", tag_field="type", forbid_unknown_fields=True, frozen=True
):
    """JSON mode: the answer is one complete JSON object."""

    json_schema: Annotated[None, _refused(_NO_SCHEMA)] = None


class JsonSchema(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The JSON Schema of the answer."""

    name: Annotated[
        Annotated[str, Meta(pattern=_NAME)],
        _honoured("For error messages: letters, digits, `_` and `-`, at most 64."),
    ]
    description: Annotated[
        str | None, _honoured("Part of the prompt, together with the schema.")
    ] = None
    # Any: a JSON Schema, which `chat` checks.
    schema: Annotated[
        dict[str, Any] | None,
        _honoured(
            "A JSON Schema (drafts 4 to 2020-12); docs/structured-output.md lists the supported keywords. "
            "Default: any object."
        ),
    ] = None
    strict: Annotated[
        bool | None,
        _honoured(
            "Default false. Either way the answer follows the schema while it is generated. If no "
            "document that satisfies the schema can be found beforehand, true refuses the request; "
            "false checks the answer at its end, where it may fail with `json_validate_failed`."
        ),
    ] = None


class JsonSchemaFormat(
    Struct, tag="json_schema", tag_field="type", forbid_unknown_fields=True, frozen=True
):
    """Structured output: the answer is one complete JSON document that the schema validates."""

    json_schema: JsonSchema


class StreamOptions(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Options that need `stream: true`."""

    include_usage: Annotated[
        bool | None, _honoured("Sends a last chunk with `usage` and without choices.")
    ] = None


class FunctionDefinition(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A function that the model may call."""

    name: Annotated[
        str, Meta(description="Letters, digits, `_` and `-`, at most 64; unique in the request.")
    ]
    description: Annotated[str | None, Meta(description="Part of the prompt.")] = None
    # Any: a JSON Schema.
    parameters: Annotated[
        dict[str, Any] | None,
        Meta(
            description="The JSON Schema of the arguments, of type object. Default: no arguments."
        ),
    ] = None
    strict: Annotated[
        bool | None,
        Meta(
            description="Either way the arguments follow the schema while they are generated. True "
            "refuses a schema with rules that cannot be enforced then; otherwise these are checked "
            "at the end."
        ),
    ] = None


class FunctionTool(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A tool. Functions are the only type."""

    type: Literal["function"]
    function: FunctionDefinition


class FunctionName(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The name of a function of the request."""

    name: str


class NamedToolChoice(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The function that must be called."""

    type: Literal["function"]
    function: FunctionName


WireServiceTier = Literal["auto", "default", "on_demand", "flex", "performance"]
"""`protocol.literals.ServiceTier`, and OpenAI's names of its default."""
Penalty = Annotated[float, Meta(ge=-2, le=2)]
StopSequence = Annotated[str, Meta(max_length=MAX_STOP_LENGTH)]


class ChatCompletionRequest(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The body of POST /openai/v1/chat/completions. For optional fields null means the same as absent."""

    messages: Annotated[
        list[Message],
        Meta(
            min_length=1,
            max_length=MAX_MESSAGES,
            description="The conversation so far, oldest first.",
            extra={"effect": "honoured"},
        ),
    ]
    model: Annotated[
        str,
        _honoured("The id of a model or alias of GET /openai/v1/models. Anything else is a 404."),
    ]

    temperature: Annotated[
        Annotated[float, Meta(ge=0, le=2)] | None,
        _honoured("Default 1. 0 always chooses the most likely token."),
    ] = None
    top_p: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None,
        _honoured(
            "Default 1. Samples from the smallest set of most likely tokens that has at least this "
            "probability; 0 means only the most likely one."
        ),
    ] = None
    max_tokens: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        _honoured(
            "The maximum of tokens per choice. Default, and limit of larger numbers: the rest of the "
            "context window after the prompt. In JSON mode the document is closed within it."
        ),
    ] = None
    max_completion_tokens: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        _honoured("The newer name of `max_tokens`. Different values of both are a 400."),
    ] = None
    stop: Annotated[
        StopSequence | Annotated[list[StopSequence], Meta(max_length=4)] | None,
        _honoured(
            "Ends the answer just before the first of these texts. JSON mode searches only string "
            "values, and closes the document there. Empty texts and an empty array mean the same "
            "as null."
        ),
    ] = None
    stream: Annotated[
        bool | None, _honoured("Default false. True sends the answer as server-sent events.")
    ] = None
    stream_options: Annotated[StreamOptions | None, _honoured("Only with `stream: true`.")] = None
    seed: Annotated[
        Annotated[int, Meta(extra_json_schema={"minimum": MIN_SEED, "maximum": MAX_SEED})] | None,
        _honoured(
            "Negative numbers mean themselves plus 2**64. The same request with the same seed gives "
            "the same answer. Default: random. `x_groq.seed` holds the seed that was used."
        ),
    ] = None
    n: Annotated[
        Annotated[int, Meta(ge=1, le=8)] | None,
        _honoured("Default 1. The number of choices, sampled independently from one prompt."),
    ] = None
    response_format: Annotated[
        TextFormat | JsonObjectFormat | JsonSchemaFormat | None,
        _honoured(
            'Default `{"type": "text"}`. With `{"type": "json_object"}` every answer is one complete '
            "JSON object, with `json_schema` one document of the schema, or the request fails with "
            "`json_validate_failed`. Streaming and stop sequences work too."
        ),
    ] = None
    frequency_penalty: Annotated[
        Penalty | None,
        _honoured("Default 0. Subtracted from a token's logit once per time it was generated."),
    ] = None
    presence_penalty: Annotated[
        Penalty | None,
        _honoured("Default 0. Subtracted once from the logit of each generated token."),
    ] = None
    logit_bias: Annotated[
        Annotated[
            dict[str, Annotated[float, Meta(ge=-100, le=100)]], Meta(max_length=MAX_LOGIT_BIAS)
        ]
        | None,
        _honoured("Maps token ids, as strings, to numbers that are added to their logits."),
    ] = None
    logprobs: Annotated[
        bool | None, _honoured("Default false. True returns the log probability of each token.")
    ] = None
    top_logprobs: Annotated[
        Annotated[int, Meta(ge=0, le=20)] | None,
        _honoured("Only with `logprobs: true`. The number of most likely tokens per position."),
    ] = None

    tools: Annotated[
        Annotated[list[FunctionTool], Meta(max_length=MAX_TOOLS)] | None,
        _honoured(
            "Functions that the model may call. Calls name one of them, with arguments that its schema "
            "validates: docs/tools.md."
        ),
    ] = None
    tool_choice: Annotated[
        ToolChoice | NamedToolChoice | None,
        _honoured(
            "Default `auto` with tools: the model decides. `required`: at least one call; "
            '`{"type": "function", "function": {"name": ...}}`: one call of this function; `none`: '
            "no call, and the prompt does not mention the tools."
        ),
    ] = None
    parallel_tool_calls: Annotated[
        bool | None, _honoured("Default true. False allows at most one call per choice.")
    ] = None
    functions: Annotated[
        Annotated[list[FunctionDefinition], Meta(max_length=MAX_TOOLS)] | None,
        _honoured(
            "The older form of `tools`; the answer then has `function_call`. Not beside `tools`."
        ),
    ] = None
    function_call: Annotated[
        ToolChoice | FunctionName | None,
        _honoured('The older form of `tool_choice`, for `functions`: `{"name": ...}` forces one.'),
    ] = None
    reasoning_format: Annotated[
        ReasoningFormat | None,
        _honoured(
            "For models that reason: where the reasoning is returned. Default `parsed`: in `reasoning`; "
            "`hidden`: nowhere; `raw`: in the content between its tags, not allowed with JSON mode or "
            "tools."
        ),
    ] = None
    include_reasoning: Annotated[
        bool | None,
        _honoured("True means `parsed`, false `hidden`. Not beside `reasoning_format`."),
    ] = None
    reasoning_effort: Annotated[
        ReasoningEffort | None,
        _honoured(
            "A setting of the model's chat template; refused if the template has none, except `default` "
            "for models that reason and `none` for models that do not."
        ),
    ] = None

    user: Annotated[str | None, _meaningless("No effect.")] = None
    store: Annotated[bool | None, _meaningless("No effect: nothing is stored.")] = None
    # Any: ignored.
    metadata: Annotated[dict[str, Any] | None, _meaningless("No effect: nothing is stored.")] = None
    service_tier: Annotated[
        WireServiceTier | None,
        _honoured(
            "Share of the machine while requests wait: `performance`, for keys that may use it, gets "
            "four times that of `on_demand`, `flex` a quarter. `auto` and `default` mean `on_demand`. "
            "The answer holds the tier that was used."
        ),
    ] = None
    prompt_cache_key: Annotated[
        str | None,
        _meaningless("No effect: prompts with a common beginning share their cache anyway."),
    ] = None
    prompt_cache_retention: Annotated[str | None, _meaningless("No effect.")] = None
    safety_identifier: Annotated[str | None, _meaningless("No effect.")] = None
    disable_tool_validation: Annotated[
        bool | None, _meaningless("No effect: only declared tools can be called.")
    ] = None
    modalities: Annotated[
        list[Literal["text"]] | None, _meaningless("No effect; anything but text is refused.")
    ] = None

    documents: Annotated[None, _refused(_RETRIEVAL)] = None
    citation_options: Annotated[None, _refused(_RETRIEVAL)] = None
    search_settings: Annotated[None, _refused(_RETRIEVAL)] = None
    include_domains: Annotated[None, _refused(_RETRIEVAL)] = None
    exclude_domains: Annotated[None, _refused(_RETRIEVAL)] = None
    web_search_options: Annotated[None, _refused(_RETRIEVAL)] = None
    compound_custom: Annotated[None, _refused("this server has no compound systems")] = None
    debug: Annotated[None, _refused("answers carry no debugging fields")] = None
    audio: Annotated[None, _refused(_AUDIO)] = None
    prediction: Annotated[None, _refused("predicted outputs are not implemented")] = None
    verbosity: Annotated[None, _refused("no model of this server has such a setting")] = None


# --- answers -------------------------------------------------------------------------------------


class PromptTokensDetails(Struct, frozen=True):
    cached_tokens: int


class CompletionTokensDetails(Struct, frozen=True):
    reasoning_tokens: int


class UsageObject(Struct, frozen=True, kw_only=True):
    """Tokens and times of a completion. Times are in seconds, measured by the engine."""

    queue_time: float
    prompt_tokens: int
    prompt_time: float
    completion_tokens: int
    completion_time: float
    total_tokens: int
    total_time: Annotated[float, Meta(description="prompt_time + completion_time.")]
    prompt_tokens_details: Annotated[
        PromptTokensDetails | UnsetType, Meta(description="Only if the cache held some of them.")
    ] = UNSET
    completion_tokens_details: Annotated[
        CompletionTokensDetails | UnsetType,
        Meta(description="Only if the model reasoned apart from its answer."),
    ] = UNSET


class TopLogprobObject(Struct, frozen=True, kw_only=True):
    token: str
    bytes: list[int]
    logprob: float


class TokenLogprobObject(Struct, frozen=True, kw_only=True):
    """A generated token and its log probability."""

    token: str
    bytes: list[int]
    logprob: Annotated[
        float,
        Meta(description="Natural logarithm, without the constraint; -9999 if it is infinite."),
    ]
    top_logprobs: list[TopLogprobObject]
    constrained_logprob: Annotated[
        float | UnsetType,
        Meta(description="Only in JSON mode: the same among the tokens that the document allows."),
    ] = UNSET


class LogprobsObject(Struct, frozen=True, kw_only=True):
    content: list[TokenLogprobObject]
    refusal: None = None


class XGroq(Struct, frozen=True, kw_only=True):
    id: Annotated[str, Meta(description="The request id, as in the header x-request-id.")]
    seed: Annotated[
        int | UnsetType,
        Meta(
            description="The seed that was used. Sent with the same request it gives this answer again."
        ),
    ] = UNSET
    json_completed: Annotated[
        bool | UnsetType,
        Meta(
            description="True if `max_tokens` ended the answer and the JSON document or call was closed "
            "in time: it is complete, although `finish_reason` is `length`."
        ),
    ] = UNSET
    usage: UsageObject | UnsetType = UNSET


class FunctionObject(Struct, frozen=True, kw_only=True):
    name: str
    arguments: Annotated[str, Meta(description="A JSON object, as text.")]


class ToolCallObject(Struct, frozen=True, kw_only=True):
    """A call of the model. The message of role `tool` with its result has the same id."""

    id: str
    type: Literal["function"] = "function"
    function: FunctionObject


class ResponseMessage(Struct, frozen=True, kw_only=True):
    role: Literal["assistant"] = "assistant"
    content: Annotated[str | None, Meta(description="Null if there are calls and no text.")]
    reasoning: str | UnsetType = UNSET
    tool_calls: list[ToolCallObject] | UnsetType = UNSET
    function_call: FunctionObject | UnsetType = UNSET


class Choice(Struct, frozen=True, kw_only=True):
    index: int
    message: ResponseMessage
    logprobs: LogprobsObject | None
    finish_reason: FinishReason


class ChatCompletion(Struct, frozen=True, kw_only=True):
    """The answer, not streamed."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: UsageObject
    system_fingerprint: str
    x_groq: XGroq
    service_tier: str | UnsetType = UNSET


class ToolCallDelta(Struct, frozen=True, kw_only=True):
    """A complete call."""

    id: str
    type: Literal["function"] = "function"
    function: FunctionObject
    index: int


class ChunkDelta(Struct, frozen=True, kw_only=True):
    """Empty on the last chunk of a choice."""

    role: Literal["assistant"] | UnsetType = UNSET
    content: Annotated[
        str | None | UnsetType,
        Meta(description="Null only beside `role`, if the choice begins with a call."),
    ] = UNSET
    reasoning: str | UnsetType = UNSET
    tool_calls: list[ToolCallDelta] | UnsetType = UNSET
    function_call: FunctionObject | UnsetType = UNSET


class ChunkChoice(Struct, frozen=True, kw_only=True):
    index: int
    delta: ChunkDelta
    logprobs: LogprobsObject | None
    finish_reason: FinishReason | None


class ChatCompletionChunk(Struct, frozen=True, kw_only=True):
    """One `data:` line of a streamed answer."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    system_fingerprint: str
    choices: list[ChunkChoice]
    x_groq: XGroq | UnsetType = UNSET
    usage: UsageObject | UnsetType = UNSET
    service_tier: str | UnsetType = UNSET


class ModelObject(Struct, frozen=True, kw_only=True):
    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str
    active: bool = True
    context_window: int
    public_apps: None = None
    max_completion_tokens: int
    alias_of: Annotated[
        str | UnsetType, Meta(description="Only for aliases: the id of the model.")
    ] = UNSET


class ModelList(Struct, frozen=True, kw_only=True):
    object: Literal["list"] = "list"
    data: list[ModelObject]


ErrorType = Literal["invalid_request_error", "internal_server_error", "tokens", "requests"]


class ErrorObject(Struct, frozen=True, kw_only=True):
    """An error. Keys that do not apply are absent."""

    message: str
    type: ErrorType
    param: Annotated[str | UnsetType, Meta(description="The dotted path of the wrong field.")] = (
        UNSET
    )
    code: str | UnsetType = UNSET
    failed_generation: Annotated[
        str | UnsetType,
        Meta(description="With json_validate_failed and tool_use_failed: the generated text."),
    ] = UNSET
    status_code: Annotated[
        int | UnsetType, Meta(description="Only in the error event of a stream.")
    ] = UNSET


class ErrorResponse(Struct, frozen=True):
    error: ErrorObject
