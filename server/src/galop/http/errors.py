"""Errors of this room, and the table that maps every error to status, code and message of its response.

HttpError
├── MalformedMessageError      the bytes are not HTTP/1.1
├── MalformedBodyError         the body is not JSON
├── InvalidRequestError        the body is JSON, but not a valid request
├── UnknownUrlError            the path is not served
├── MethodNotAllowedError      the path is served for other methods
├── BodyTooLargeError          the body exceeds the limit
├── RequestTimeoutError        the deadline has passed
├── UnsupportedMediaTypeError  the body is not declared as JSON
└── OriginNotAllowedError      the web page's origin is not allowed

`ERROR_TABLE` has a row for each of these and for every ChatError, EngineError and AdmissionError. Any
other exception is a bug: a 500 that holds only the request id. `type` is `tokens` or `requests` for a
rate limit, `invalid_request_error` for any other 4xx and `internal_server_error` for a 5xx.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from msgspec import UNSET

from galop.accounts.errors import (
    InvalidApiKeyError,
    ModelNotAllowedError,
    RateLimitExceededError,
    RequestTooLargeError,
    TierNotAllowedError,
)
from galop.chat.errors import (
    CallBudgetTooSmallError,
    ContextLengthExceededError,
    InvalidParameterError,
    InvalidSchemaError,
    JsonValidateFailedError,
    ModelNotFoundError,
    TemplateError,
    TemplateLimitError,
    ToolUseFailedError,
)
from galop.http.rate_limits import (
    error_type,
    rate_limit_headers,
    rate_limit_message,
    retry_headers,
    too_large_message,
)
from galop.http.schema import ErrorObject, ErrorType
from galop.protocol.errors import (
    BudgetTooSmallError,
    ConstraintFailedError,
    EngineDiedError,
    EngineInternalError,
    EngineUnavailableError,
    NoDocumentError,
    QueueFullError,
    QueueShareFullError,
    RequestQuarantinedError,
)

_MAX_QUOTED_LENGTH = 200


class HttpError(Exception):
    """Base of the errors that this room raises."""


class MalformedMessageError(HttpError):
    """The bytes are no HTTP/1.1 request; the connection is closed."""


class MalformedBodyError(HttpError):
    """The body is not JSON. `reason`: what is wrong, and where."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class InvalidRequestError(HttpError):
    """A field is wrong. `message`: the error message; `param`: the dotted path of the field, if any."""

    def __init__(self, message: str, *, param: str | None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class UnknownUrlError(HttpError):
    """`path` is not served."""

    def __init__(self, *, method: str, path: str) -> None:
        super().__init__(f"{method} {path}")
        self.method = method
        self.path = path


class MethodNotAllowedError(HttpError):
    """`path` is served, but only for the methods in `allow` (as in the header of that name)."""

    def __init__(self, *, method: str, path: str, allow: str) -> None:
        super().__init__(f"{method} {path}")
        self.method = method
        self.path = path
        self.allow = allow


class BodyTooLargeError(HttpError):
    """The body has more than `max_body_bytes`."""

    def __init__(self, *, max_body_bytes: int) -> None:
        super().__init__(str(max_body_bytes))
        self.max_body_bytes = max_body_bytes


class RequestTimeoutError(HttpError):
    """The request was not finished within `timeout_s`."""

    def __init__(self, *, timeout_s: float) -> None:
        super().__init__(f"{timeout_s:g} s")
        self.timeout_s = timeout_s


class UnsupportedMediaTypeError(HttpError):
    """The body is declared as `content_type`, which is not JSON."""

    def __init__(self, content_type: str) -> None:
        super().__init__(content_type)
        self.content_type = content_type


class OriginNotAllowedError(HttpError):
    """The request comes from a web page of `origin`, which the operator has not allowed."""

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.origin = origin


E = TypeVar("E", bound=Exception)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRow:
    """The response to one type of error. The callables take an error of that type."""

    status: int
    """At least 400."""
    when: str
    """When it happens: for docs/api.md and the OpenAPI document."""
    # Any: the type of a mapping cannot relate a value to its key; `_row` does.
    message: Callable[[Any], str]
    """Returns the text of `error.message`."""
    code: str | None = None
    param: Callable[[Any], str | None] = lambda error: None
    failed_generation: Callable[[Any], str | None] = lambda error: None
    headers: Callable[[Any], Mapping[str, str]] = lambda error: {}
    """Headers that only this error has; names in lower case."""
    type: Callable[[Any], ErrorType] | None = None
    """None if the status determines the type."""


def _row(
    error_type: type[E],
    status: int,
    code: str | None = None,
    *,
    when: str,
    message: Callable[[E], str],
    param: Callable[[E], str | None] = lambda error: None,
    failed_generation: Callable[[E], str | None] = lambda error: None,
    headers: Callable[[E], Mapping[str, str]] = lambda error: {},
    type: Callable[[E], ErrorType] | None = None,
) -> tuple[type[Exception], ErrorRow]:
    return error_type, ErrorRow(
        status=status,
        when=when,
        message=message,
        code=code,
        param=param,
        failed_generation=failed_generation,
        headers=headers,
        type=type,
    )


def _clipped(text: str) -> str:
    return text if len(text) <= _MAX_QUOTED_LENGTH else text[:_MAX_QUOTED_LENGTH] + "..."


def _retry_after(error: QueueFullError | EngineUnavailableError) -> Mapping[str, str]:
    # Clients ignore values outside 1 to 60 seconds.
    return {"retry-after": str(min(max(error.retry_after_s, 1), 60))}


ERROR_TABLE: Mapping[type[Exception], ErrorRow] = dict(
    [
        _row(
            MalformedMessageError,
            400,
            when="The bytes are not a valid HTTP/1.1 request. The connection is closed.",
            message=lambda error: "This is not a valid HTTP/1.1 request.",
        ),
        _row(
            MalformedBodyError,
            400,
            when="The body is not JSON, or not UTF-8.",
            message=lambda error: f"The request body is not valid JSON: {error.reason}.",
        ),
        _row(
            InvalidRequestError,
            400,
            when="A field is missing, unknown, refused, out of range, or contradicts another one.",
            message=lambda error: error.message,
            param=lambda error: error.param,
        ),
        _row(
            InvalidParameterError,
            400,
            when="The chosen model does not support the value of a field.",
            message=lambda error: f"'{error.param}' : {error.reason}",
            param=lambda error: error.param,
        ),
        _row(
            TemplateError,
            400,
            when="The model's chat template refuses the messages, such as an unsupported order of roles.",
            message=lambda error: (
                f"'messages' : the model's chat template refuses them: {_clipped(error.reason)}"
            ),
            param=lambda error: "messages",
        ),
        _row(
            TemplateLimitError,
            400,
            when="The model's chat template exceeds its time or the length of its output.",
            message=lambda error: (
                f"'messages' : the model's chat template needs more than {error.limit:,.12g} "
                f"{error.unit} for them, which is its limit."
            ),
            param=lambda error: "messages",
        ),
        _row(
            ContextLengthExceededError,
            400,
            "context_length_exceeded",
            when="The messages do not fit into the context window.",
            message=lambda error: (
                f"The messages have {error.num_prompt_tokens} tokens and at most "
                f"{error.max_prompt_tokens} fit into the context window of {error.context_window} "
                "tokens. Please reduce the length of the messages."
            ),
            param=lambda error: "messages",
        ),
        _row(
            InvalidSchemaError,
            400,
            when=(
                "The JSON Schema of the response format is invalid or not supported; "
                "the message has the JSON pointer."
            ),
            message=lambda error: (
                f"Invalid schema for response_format '{_clipped(error.name)}': "
                f"'{_clipped('#' + error.pointer)}' {_clipped(error.reason)}."
            ),
            param=lambda error: "response_format",
        ),
        _row(
            BudgetTooSmallError,
            400,
            "json_validate_failed",
            when="`max_tokens` cannot hold the smallest JSON document of the response format.",
            message=lambda error: f"Failed to generate JSON: {error.reason}.",
            failed_generation=lambda error: error.reason,
        ),
        _row(
            JsonValidateFailedError,
            400,
            "json_validate_failed",
            when="The answer is not a JSON document of the response format.",
            message=lambda error: (
                f"Failed to generate JSON: {error.reason}. See 'failed_generation' for the "
                "generated text."
            ),
            failed_generation=lambda error: error.failed_generation,
        ),
        _row(
            OriginNotAllowedError,
            403,
            "origin_not_allowed",
            when="The header `origin` names a web page's origin that the operator has not allowed.",
            message=lambda error: (
                f"Pages of {_clipped(error.origin)} may not use this server. Its operator can allow "
                "them with the setting cors_origin."
            ),
        ),
        _row(
            CallBudgetTooSmallError,
            400,
            "tool_use_failed",
            when="A function call is required, and `max_tokens` cannot hold the smallest one.",
            message=lambda error: f"Failed to call a function: {error.reason}.",
            failed_generation=lambda error: error.failed_generation,
        ),
        _row(
            ToolUseFailedError,
            400,
            "tool_use_failed",
            when=(
                "The generated function call is incomplete, or violates a rule of its schema that is "
                "checked only at the end."
            ),
            message=lambda error: (
                f"Failed to call a function: {_clipped(error.reason)}. See 'failed_generation' for "
                "the generated text."
            ),
            failed_generation=lambda error: error.failed_generation,
        ),
        _row(
            TierNotAllowedError,
            400,
            when="The API key may not use this service tier.",
            message=lambda error: (
                f"'service_tier' : '{error.service_tier}' is not for this API key"
            ),
            param=lambda error: "service_tier",
        ),
        _row(
            InvalidApiKeyError,
            401,
            "invalid_api_key",
            when="The server requires an API key, and the header `authorization` has no valid one.",
            message=lambda error: "Invalid API Key",
        ),
        _row(
            ModelNotAllowedError,
            403,
            "model_permission_blocked_project",
            when="The API key may not use this model.",
            message=lambda error: (
                f"This API key may not use the model `{_clipped(error.model)}`. "
                "GET /openai/v1/models lists those it may."
            ),
        ),
        _row(
            ModelNotFoundError,
            404,
            "model_not_found",
            when="No model or alias has this id.",
            message=lambda error: (
                f"The model `{_clipped(error.model)}` does not exist on this server. "
                "GET /openai/v1/models lists those that do."
            ),
        ),
        _row(
            UnknownUrlError,
            404,
            "unknown_url",
            when="This path is not served.",
            message=lambda error: (
                f"Unknown request URL: {error.method} {_clipped(error.path)}. "
                "The API is served under /openai/v1 and /v1; GET /openapi.json describes it."
            ),
        ),
        _row(
            MethodNotAllowedError,
            405,
            "method_not_allowed",
            when="This path is served for other methods.",
            message=lambda error: (
                f"{error.method} is not allowed at {_clipped(error.path)}: use {error.allow}."
            ),
            headers=lambda error: {"allow": error.allow},
        ),
        _row(
            BodyTooLargeError,
            413,
            "request_too_large",
            when="The body exceeds the limit of the server.",
            message=lambda error: (
                f"Request too large: the body may have at most {error.max_body_bytes} bytes."
            ),
        ),
        _row(
            RequestTooLargeError,
            413,
            "rate_limit_exceeded",
            when="The request alone exceeds a rate limit, so it can never succeed.",
            message=too_large_message,
            headers=lambda error: rate_limit_headers(error.remaining_limits),
            type=error_type,
        ),
        _row(
            RateLimitExceededError,
            429,
            "rate_limit_exceeded",
            when="A rate limit is used up. The header `retry-after` holds the seconds to wait; "
            "`x-should-retry: false` is sent with daily limits.",
            message=rate_limit_message,
            headers=lambda error: {
                **rate_limit_headers(error.remaining_limits),
                **retry_headers(error),
            },
            type=error_type,
        ),
        _row(
            UnsupportedMediaTypeError,
            415,
            "unsupported_media_type",
            when="The header content-type is not that of JSON.",
            message=lambda error: (
                f"The content type '{_clipped(error.content_type)}' is not supported: "
                "send application/json."
            ),
        ),
        _row(
            QueueFullError,
            503,
            when="The queue is full. The header `retry-after` holds the seconds to wait.",
            message=lambda error: (
                f"The server is over capacity: {error.num_waiting} {error.unit} wait and its queue "
                f"holds {error.limit}. Please try again in a moment."
            ),
            headers=_retry_after,
        ),
        _row(
            QueueShareFullError,
            503,
            when=(
                "The API key already has its share of the queue, the rest of which is for other keys. "
                "Sent with `retry-after`."
            ),
            message=lambda error: (
                f"The server is over capacity, and {error.num_waiting} {error.unit} of this API key are "
                f"in its queue; its share is {error.limit} now. Please try again in a moment."
            ),
            headers=_retry_after,
        ),
        _row(
            EngineUnavailableError,
            503,
            when="The engine is starting, restarting or stopping. Sent with `retry-after`.",
            message=lambda error: f"The engine is not available: {error.reason}.",
            headers=_retry_after,
        ),
        _row(
            RequestTimeoutError,
            504,
            "request_timeout",
            when="The deadline of the header `x-request-timeout` or of the operator has passed.",
            message=lambda error: (
                f"The request was not finished within {error.timeout_s:g} seconds, which is its limit."
            ),
            # A retry by the SDK would start the deadline again.
            headers=lambda error: {"x-should-retry": "false"},
        ),
        _row(
            RequestQuarantinedError,
            500,
            when=(
                "The engine died each time it worked on this prompt, which is refused for an hour. "
                "Sent with `x-should-retry: false`."
            ),
            message=lambda error: (
                "The engine died each time it worked on this prompt, so the request is not tried now. "
                "Please change the prompt, and inform the operator of this server."
            ),
            headers=lambda error: {"x-should-retry": "false"},
        ),
        _row(
            EngineDiedError,
            500,
            when="The engine died each time it worked on this request, and is being restarted.",
            message=lambda error: (
                "The engine died while it worked on this request. It is being restarted: please try "
                "again."
            ),
        ),
        _row(
            NoDocumentError,
            400,
            when="No document was found that satisfies the schema or the functions' parameters.",
            message=lambda error: "No document was found that satisfies the schema.",
        ),
        _row(
            ConstraintFailedError,
            500,
            when="The output constraint failed: a bug.",
            message=lambda error: "The output constraint failed: this is a bug of the server.",
        ),
        _row(
            EngineInternalError,
            500,
            when="The engine failed: a bug.",
            message=lambda error: "The engine failed: this is a bug of the server.",
        ),
    ]
)

UNEXPECTED = ErrorRow(
    status=500,
    when="A bug of the server. Its log has the details under this request id.",
    message=lambda error: "Internal error: this is a bug of the server.",
)
"""The row of every exception that is not in `ERROR_TABLE`."""


@dataclass(frozen=True, slots=True)
class Problem:
    """The error response."""

    status: int
    """At least 400."""
    error: ErrorObject
    headers: Mapping[str, str]
    """Headers that only this error has; names in lower case."""


def describe(error: Exception, *, request_id: str) -> Problem:
    """The response to a request that failed with `error`. Never raises."""
    row = ERROR_TABLE.get(type(error), UNEXPECTED)
    message = row.message(error)
    if row.status == 500:
        message += f" The request id is {request_id}."
    return Problem(
        status=row.status,
        error=ErrorObject(
            message=message,
            type=row.type(error) if row.type else _type_of(row.status),
            param=_unset_if_none(row.param(error)),
            code=_unset_if_none(row.code),
            failed_generation=_unset_if_none(row.failed_generation(error)),
        ),
        headers=row.headers(error),
    )


def _type_of(status: int) -> ErrorType:
    return "invalid_request_error" if status < 500 else "internal_server_error"


def _unset_if_none(value: str | None) -> Any:
    # Any: msgspec's UnsetType is an enum member type that mypy widens in a conditional expression.
    return UNSET if value is None else value
