"""One table from every error to what a client sees."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from msgspec import UNSET

from galop.accounts.errors import (
    AdmissionError,
    InvalidApiKeyError,
    ModelNotAllowedError,
    RateLimitExceededError,
    RequestTooLargeError,
    TierNotAllowedError,
)
from galop.accounts.limits import ExceededLimit, RemainingLimits
from galop.chat.errors import (
    CallBudgetTooSmallError,
    ChatError,
    ContextLengthExceededError,
    InvalidParameterError,
    InvalidSchemaError,
    JsonValidateFailedError,
    ModelNotFoundError,
    TemplateError,
    TemplateLimitError,
    ToolUseFailedError,
)
from galop.http.errors import (
    ERROR_TABLE,
    BodyTooLargeError,
    HttpError,
    InvalidRequestError,
    MalformedBodyError,
    MalformedMessageError,
    MethodNotAllowedError,
    OriginNotAllowedError,
    RequestTimeoutError,
    UnknownUrlError,
    UnsupportedMediaTypeError,
    describe,
)
from galop.protocol.errors import (
    BudgetTooSmallError,
    ConstraintFailedError,
    EngineDiedError,
    EngineError,
    EngineInternalError,
    EngineUnavailableError,
    NoDocumentError,
    QueueFullError,
    QueueShareFullError,
    RequestQuarantinedError,
)

BAD, OURS = "invalid_request_error", "internal_server_error"

EXAMPLES: list[tuple[Exception, int, str, str | None, str | None, str]] = [
    (MalformedMessageError(), 400, BAD, None, None, "not a valid HTTP/1.1 request"),
    (MalformedBodyError("no"), 400, BAD, None, None, "not valid JSON: no"),
    (InvalidRequestError("said", param="p"), 400, BAD, None, "p", "said"),
    (InvalidParameterError("p", "said"), 400, BAD, None, "p", "'p' : said"),
    (TemplateError("said"), 400, BAD, None, "messages", "refuses them: said"),
    (
        TemplateLimitError("seconds", 5.0),
        400,
        BAD,
        None,
        "messages",
        "more than 5 seconds for them",
    ),
    (
        TemplateLimitError("characters", 1_050_640),
        400,
        BAD,
        None,
        "messages",
        "more than 1,050,640 characters",
    ),
    (
        ContextLengthExceededError(
            num_prompt_tokens=3000, max_prompt_tokens=2047, context_window=2048
        ),
        400,
        BAD,
        "context_length_exceeded",
        "messages",
        "3000 tokens and at most 2047 fit into the context window of 2048 tokens. "
        "Please reduce the length",
    ),
    (
        InvalidSchemaError("recipe", pointer="/properties/a", reason="must be a schema"),
        400,
        BAD,
        None,
        "response_format",
        "'recipe': '#/properties/a' must be a schema.",
    ),
    (
        BudgetTooSmallError(num_tokens_needed=7, num_tokens=3),
        400,
        BAD,
        "json_validate_failed",
        None,
        "takes 7 tokens, and 3 are left",
    ),
    (
        JsonValidateFailedError("cut", failed_generation=""),
        400,
        BAD,
        "json_validate_failed",
        None,
        "Failed to generate JSON: cut",
    ),
    (
        CallBudgetTooSmallError(num_tokens_needed=9, num_tokens=5),
        400,
        BAD,
        "tool_use_failed",
        None,
        "the smallest one takes 9 tokens, and 5 are left",
    ),
    (
        ToolUseFailedError("cut", failed_generation="{"),
        400,
        BAD,
        "tool_use_failed",
        None,
        "Failed to call a function: cut",
    ),
    (ModelNotFoundError("x"), 404, BAD, "model_not_found", None, "`x` does not exist"),
    (UnknownUrlError(method="GET", path="/x"), 404, BAD, "unknown_url", None, "GET /x"),
    (
        MethodNotAllowedError(method="PUT", path="/x", allow="GET"),
        405,
        BAD,
        "method_not_allowed",
        None,
        "PUT is not allowed at /x: use GET",
    ),
    (BodyTooLargeError(max_body_bytes=9), 413, BAD, "request_too_large", None, "at most 9 bytes"),
    (
        OriginNotAllowedError("http://a"),
        403,
        BAD,
        "origin_not_allowed",
        None,
        "Pages of http://a may",
    ),
    (
        TierNotAllowedError("performance"),
        400,
        BAD,
        None,
        "service_tier",
        "'service_tier' : 'performance' is not for this API key",
    ),
    (InvalidApiKeyError("secret"), 401, BAD, "invalid_api_key", None, "Invalid API Key"),
    (
        ModelNotAllowedError("x"),
        403,
        BAD,
        "model_permission_blocked_project",
        None,
        "may not use the model `x`",
    ),
    (
        RequestTooLargeError(
            ExceededLimit(
                owner="team", name="tpm", limit=10, used=0, requested=11, wait_s=math.inf
            ),
            model="m",
            remaining_limits=RemainingLimits(),
        ),
        413,
        "tokens",
        "rate_limit_exceeded",
        None,
        "tokens per minute (TPM): Limit 10, Requested 11",
    ),
    (
        RateLimitExceededError(
            ExceededLimit(owner="team", name="rpd", limit=10, used=10, requested=1, wait_s=8640.0),
            model="m",
            remaining_limits=RemainingLimits(),
        ),
        429,
        "requests",
        "rate_limit_exceeded",
        None,
        "(RPD): Limit 10, Used 10, Requested 1. Please try again in 2h24m0s",
    ),
    (UnsupportedMediaTypeError("a/b"), 415, BAD, "unsupported_media_type", None, "'a/b'"),
    (
        QueueFullError(num_waiting=8, limit=8, retry_after_s=3),
        503,
        OURS,
        None,
        None,
        "over capacity: 8 sequences wait",
    ),
    (
        QueueShareFullError(num_waiting=70, limit=68, retry_after_s=3),
        503,
        OURS,
        None,
        None,
        "over capacity, and 70 sequences of this API key are in its queue; its share is 68 now",
    ),
    (EngineUnavailableError("starting"), 503, OURS, None, None, "not available: starting"),
    (
        RequestTimeoutError(timeout_s=2.5),
        504,
        OURS,
        "request_timeout",
        None,
        "not finished within 2.5 seconds",
    ),
    (EngineDiedError(exit_code=-9), 500, OURS, None, None, "died while it worked on this request"),
    (RequestQuarantinedError(), 500, OURS, None, None, "not tried now"),
    (ConstraintFailedError("secret"), 500, OURS, None, None, "bug"),
    (NoDocumentError(), 400, BAD, None, None, "No document was found"),
    (EngineInternalError("secret"), 500, OURS, None, None, "bug"),
    (ZeroDivisionError("secret"), 500, OURS, None, None, "bug"),
]


def subclasses(base: type[Exception]) -> Iterator[type[Exception]]:
    for subclass in base.__subclasses__():
        yield subclass
        yield from subclasses(subclass)


@pytest.mark.parametrize("base", [ChatError, EngineError, HttpError, AdmissionError])
def test_every_error_has_a_row(base: type[Exception]) -> None:
    """An error without a row would be a 500."""
    ours = {error for error in subclasses(base) if error.__module__.startswith("galop.")}
    assert ours
    assert ours <= set(ERROR_TABLE)


def test_every_row_has_an_example_here() -> None:
    """And so a test."""
    assert set(ERROR_TABLE) <= {type(error) for error, *_ in EXAMPLES}


@pytest.mark.parametrize(
    ("error", "status", "kind", "code", "param", "said"),
    EXAMPLES,
    ids=[type(example[0]).__name__ for example in EXAMPLES],
)
def test_an_error_becomes(
    error: Exception, status: int, kind: str, code: str | None, param: str | None, said: str
) -> None:
    """Status, type, code and param; absent keys are unset; secrets stay in the log."""
    problem = describe(error, request_id="req_1")
    assert problem.status == status
    assert problem.error.type == kind
    assert problem.error.code == (code or UNSET)
    assert problem.error.param == (param or UNSET)
    assert said in problem.error.message
    assert "secret" not in problem.error.message
    assert ("req_1" in problem.error.message) == (status == 500)


def test_failed_generation_is_a_string_even_when_empty() -> None:
    """Clients parse it without looking."""
    error = JsonValidateFailedError("cut", failed_generation="")
    assert describe(error, request_id="req_1").error.failed_generation == ""


@pytest.mark.parametrize(("retry_after_s", "expected"), [(0, "1"), (7, "7"), (500, "60")])
def test_retry_after_is_a_number_that_clients_obey(retry_after_s: int, expected: str) -> None:
    """They ignore zero and anything above a minute."""
    problem = describe(
        QueueFullError(num_waiting=1, limit=1, retry_after_s=retry_after_s), request_id="req_1"
    )
    assert problem.headers == {"retry-after": expected}


def test_a_message_never_repeats_a_long_input_at_length() -> None:
    """A model id of a megabyte is cut."""
    error = ModelNotFoundError("x" * 1_000_000)
    assert len(describe(error, request_id="req_1").error.message) < 500
