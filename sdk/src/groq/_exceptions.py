"""Everything the SDK raises.

    GroqError
    ├── APIError                            message, request, body, code, type, param,
    │   │                                   failed_generation
    │   ├── APIResponseValidationError      the answer is not what the operation promises
    │   ├── APIConnectionError              no (complete) answer
    │   │   ├── APITimeoutError             phase, partial_text
    │   │   └── IncompleteStreamError       the stream broke off: partial_text
    │   └── APIStatusError                  status_code, response, request_id, retry_after,
    │       │                               rate_limit
    │       ├── BadRequestError             400
    │       ├── AuthenticationError         401
    │       ├── PaymentRequiredError        402
    │       ├── PermissionDeniedError       403
    │       ├── NotFoundError               404
    │       ├── RequestTimeoutError         408
    │       ├── ConflictError               409
    │       ├── RequestTooLargeError        413
    │       ├── UnprocessableEntityError    422
    │       ├── RateLimitError              429
    │       ├── CapacityExceededError       498
    │       └── InternalServerError         500 and above
    │           └── ServiceUnavailableError 503
    ├── OutputParseError                parse(): text, expected
    ├── LengthFinishReasonError             parse(): the answer was cut off
    ├── ContentFilterFinishReasonError      parse(): the answer was withheld
    └── StreamClosedError                   a stream is iterated after it was closed

Building the right one from a response is `status_error` and `stream_error`; both are pure. Every
error survives pickle and copy; the Authorization header does not travel with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import httpx

from ._rate_limit import RateLimit
from ._retry import requested_wait_s

if TYPE_CHECKING:
    from .types.chat import ChatCompletion


class GroqError(Exception):
    """The root of all errors of this package."""

    def __reduce__(self) -> tuple[Any, ...]:
        # The constructors take keywords only; Exception's own __reduce__ replays positionals.
        return (_revive, (type(self), self.args, _portable(self.__dict__)))


def _revive(cls: type[GroqError], args: tuple[Any, ...], state: dict[str, Any]) -> GroqError:
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(state)
    return error


def _portable(state: dict[str, Any]) -> dict[str, Any]:
    """The same fields without what must not, or cannot, leave the process."""
    portable = dict(state)
    request: httpx.Request | None = portable.get("request")
    if request is not None:
        portable["request"] = _without_key(request)
    response: httpx.Response | None = portable.get("response")
    if response is not None:
        portable["response"] = _detached(response, portable.get("request"))
    return portable


def _without_key(request: httpx.Request) -> httpx.Request:
    headers = [(k, v) for k, v in request.headers.multi_items() if k.lower() != "authorization"]
    return type(request)(request.method, request.url, headers=headers)


def _detached(response: httpx.Response, request: httpx.Request | None) -> httpx.Response:
    try:
        content = response.content
    except RuntimeError:  # ResponseNotRead, of httpx or httpx2: a stream's body is not kept
        content = b""
    # The content is decoded already: its encoding must not be applied to it once more.
    headers = [
        (k, v)
        for k, v in response.headers.multi_items()
        if k.lower() not in ("content-encoding", "transfer-encoding", "content-length")
    ]
    return type(response)(response.status_code, headers=headers, content=content, request=request)


class APIError(GroqError):
    """Something went wrong between this client and the API.

    Attributes:
        message: what happened, as a sentence.
        request: the request that failed.
        body: the decoded body: the whole `{"error": {...}}` of an HTTP error, only the inner
            object for an error that arrives in a stream, text if it is not JSON, None if there
            was no answer.
        code, type, param, failed_generation: the fields of the error object, None where absent.
    """

    message: str
    request: httpx.Request
    body: object | None

    def __init__(self, message: str, request: httpx.Request, *, body: object | None) -> None:
        super().__init__(message)
        self.message = message
        self.request = request
        self.body = body
        error = error_object(body)
        self.code: str | None = _text(error.get("code"))
        self.type: str | None = _text(error.get("type"))
        self.param: str | None = _text(error.get("param"))
        self.failed_generation: str | None = _text(error.get("failed_generation"))


class APIResponseValidationError(APIError):
    """A successful status with a body that the operation does not promise."""

    response: httpx.Response
    status_code: int

    def __init__(
        self, response: httpx.Response, body: object | None, *, message: str | None = None
    ) -> None:
        super().__init__(
            message or "Data returned by API invalid for expected schema.",
            response.request,
            body=body,
        )
        self.response = response
        self.status_code = response.status_code


class APIStatusError(APIError):
    """The API answered with an error status, or said so inside a stream.

    Attributes:
        response: the HTTP response; its status is 200 for an error inside a stream.
        status_code: the status of the error.
        request_id: the server's `x-request-id`.
        retry_after: seconds after which the server is willing to try again; None if unsaid.
        rate_limit: the allowance that was left, if the server sent it.
    """

    response: httpx.Response
    status_code: int
    request_id: str | None

    def __init__(self, message: str, *, response: httpx.Response, body: object | None) -> None:
        super().__init__(message, response.request, body=body)
        self.response = response
        self.status_code = response.status_code
        self.request_id = response.headers.get("x-request-id")
        self.retry_after: float | None = requested_wait_s(response.headers)
        self.rate_limit: RateLimit | None = RateLimit.from_headers(response.headers)


class APIConnectionError(APIError):
    """No complete answer arrived: refused, reset, cut off, unreadable."""

    def __init__(self, *, message: str = "Connection error.", request: httpx.Request) -> None:
        super().__init__(message, request, body=None)


class APITimeoutError(APIConnectionError):
    """An answer, or the next part of it, did not come in time.

    Attributes:
        phase: which limit ended it: "connect", "write", "read", "pool", "total",
            "first_token" or "between_tokens".
        partial_text: what had been streamed of the first choice until then.
    """

    def __init__(
        self,
        request: httpx.Request,
        *,
        message: str = "Request timed out.",
        phase: str | None = None,
        partial_text: str | None = None,
    ) -> None:
        super().__init__(message=message, request=request)
        self.phase = phase
        self.partial_text = partial_text


class IncompleteStreamError(APIConnectionError):
    """A stream ended before the answer did. `partial_text` is the first choice so far."""

    def __init__(self, *, message: str, request: httpx.Request, partial_text: str) -> None:
        super().__init__(message=message, request=request)
        self.partial_text = partial_text


class BadRequestError(APIStatusError):
    """400: refused as it stands; `param` names the field, `failed_generation` the model's try."""

    status_code: Literal[400] = 400


class AuthenticationError(APIStatusError):
    """401: the key is missing or wrong."""

    status_code: Literal[401] = 401


class PaymentRequiredError(APIStatusError):
    """402: the account has to be paid first."""

    status_code: Literal[402] = 402


class PermissionDeniedError(APIStatusError):
    """403: this key may not do that."""

    status_code: Literal[403] = 403


class NotFoundError(APIStatusError):
    """404: no such route, model, file or batch."""

    status_code: Literal[404] = 404


class RequestTimeoutError(APIStatusError):
    """408: the server gave up waiting for the request."""

    status_code: Literal[408] = 408


class ConflictError(APIStatusError):
    """409: clashes with the state of the resource."""

    status_code: Literal[409] = 409


class RequestTooLargeError(APIStatusError):
    """413: the body, or its tokens, can never fit. Waiting does not help."""

    status_code: Literal[413] = 413


class UnprocessableEntityError(APIStatusError):
    """422: well-formed, but makes no sense to the server."""

    status_code: Literal[422] = 422


class RateLimitError(APIStatusError):
    """429: too much for now; see `retry_after` and `rate_limit`."""

    status_code: Literal[429] = 429


class CapacityExceededError(APIStatusError):
    """498: the flex tier is full at the moment."""

    status_code: Literal[498] = 498


class InternalServerError(APIStatusError):
    """500 and above: the server's fault."""


class ServiceUnavailableError(InternalServerError):
    """503: overloaded or starting; see `retry_after`."""


class LengthFinishReasonError(GroqError):
    """`parse()` cannot parse an answer that hit its token limit; `completion` is that answer."""

    def __init__(self, *, completion: ChatCompletion) -> None:
        super().__init__(
            "The answer is incomplete: the token limit was reached (finish_reason 'length')."
        )
        self.completion = completion


class ContentFilterFinishReasonError(GroqError):
    """`parse()` was given an answer that the server withheld."""

    def __init__(self) -> None:
        super().__init__("The server withheld the answer (finish_reason 'content_filter').")


class OutputParseError(GroqError):
    """The model's text is not what was asked for; the cause says why.

    Attributes:
        text: what the model wrote.
        expected: the name of the type that it should have been.
    """

    def __init__(self, *, text: str, expected: str) -> None:
        super().__init__(f"The answer is no valid {expected}: {text[:200]!r}")
        self.text = text
        self.expected = expected


class StreamClosedError(GroqError):
    """The stream was closed, by `close()` or by leaving its loop, and cannot go on."""

    def __init__(self) -> None:
        super().__init__(
            "This stream is closed. Leaving a `for` loop over it closes it; to stop and go on"
            " later keep the iterator: `chunks = iter(stream)`."
        )


_CLASS_BY_STATUS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: PaymentRequiredError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: RequestTimeoutError,
    409: ConflictError,
    413: RequestTooLargeError,
    422: UnprocessableEntityError,
    429: RateLimitError,
    498: CapacityExceededError,
    503: ServiceUnavailableError,
}


def class_for_status(status_code: int) -> type[APIStatusError]:
    """The class that an error status is raised as."""
    fallback = InternalServerError if status_code >= 500 else APIStatusError
    return _CLASS_BY_STATUS.get(status_code, fallback)


def error_object(body: object) -> Mapping[str, Any]:
    """The inner error object of either body shape; empty if there is none."""
    if not isinstance(body, Mapping):
        return {}
    inner = body.get("error", body)
    return inner if isinstance(inner, Mapping) else {}


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def decode_error_body(content: str) -> object:
    """The body of an error response: decoded JSON, or the text itself."""
    try:
        return json.loads(content)
    except ValueError:
        return content


def error_message(status_code: int, body: object) -> str:
    """What `str(error)` says: status, sentence, code. Text bodies are quoted as they are."""
    error = error_object(body)
    sentence = error.get("message")
    if sentence:
        code = error.get("code")
        return f"Error code: {status_code} - {sentence}" + (f" ({code})" if code else "")
    if isinstance(body, str):
        return body.strip() or f"Error code: {status_code}"
    return f"Error code: {status_code} - {body}" if body else f"Error code: {status_code}"


def status_error(response: httpx.Response) -> APIStatusError:
    """The error for a response with an error status, whose body has been read, or was cut off."""
    try:
        text = response.text
    except RuntimeError:  # ResponseNotRead: the status is worth more than what broke after it
        text = ""
    body = decode_error_body(text)
    message = error_message(response.status_code, body)
    return class_for_status(response.status_code)(message, response=response, body=body)


def stream_error(error: object, response: httpx.Response) -> APIError:
    """The error for an error event inside a stream.

    With a `status_code` it becomes the class of that status, so that one `except` serves streamed
    and plain calls; `body` is the inner object, as the published client has it.
    """
    fields = error_object(error)
    body = fields or error
    message = _text(fields.get("message")) or (
        error if isinstance(error, str) and error else "An error occurred during streaming"
    )
    status_code = fields.get("status_code")
    if isinstance(status_code, int) and status_code >= 400:
        status_error = class_for_status(status_code)(message, response=response, body=body)
        status_error.status_code = status_code
        return status_error
    return APIError(message, response.request, body=body)


__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "CapacityExceededError",
    "ConflictError",
    "ContentFilterFinishReasonError",
    "GroqError",
    "IncompleteStreamError",
    "InternalServerError",
    "LengthFinishReasonError",
    "NotFoundError",
    "OutputParseError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "RateLimitError",
    "RequestTimeoutError",
    "RequestTooLargeError",
    "ServiceUnavailableError",
    "StreamClosedError",
    "UnprocessableEntityError",
]

for _name in __all__:
    globals()[_name].__module__ = "groq"
del _name
