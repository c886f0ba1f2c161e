"""A client for Groq-compatible chat completion servers.

    from groq import Groq

    client = Groq()
    completion = client.chat.completions.create(
        model="llama3-8b-8192",
        messages=[{"role": "user", "content": "Say hello."}],
    )

Importing this package loads almost nothing: every name is imported when it is first touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._lazy import lazy_exports
from ._version import __title__, __version__

if TYPE_CHECKING:
    from . import types
    from ._accumulator import ChatCompletionAccumulator
    from ._base_client import DefaultAsyncHttpxClient, DefaultHttpxClient
    from ._client import AsyncClient, AsyncGroq, Client, Groq
    from ._constants import DEFAULT_CONNECTION_LIMITS, DEFAULT_MAX_RETRIES, DEFAULT_TIMEOUT
    from ._deadline import Timeout
    from ._exceptions import (
        APIConnectionError,
        APIError,
        APIResponseValidationError,
        APIStatusError,
        APITimeoutError,
        AuthenticationError,
        BadRequestError,
        CapacityExceededError,
        ConflictError,
        ContentFilterFinishReasonError,
        GroqError,
        IncompleteStreamError,
        InternalServerError,
        LengthFinishReasonError,
        NotFoundError,
        OutputParseError,
        PaymentRequiredError,
        PermissionDeniedError,
        RateLimitError,
        RequestTimeoutError,
        RequestTooLargeError,
        ServiceUnavailableError,
        StreamClosedError,
        UnprocessableEntityError,
    )
    from ._files import file_from_path
    from ._models import BaseModel
    from ._rate_limit import RateLimit
    from ._retry import RetryDetails, RetryPolicy
    from ._streaming import AsyncStream, Stream
    from ._transport import DefaultAioHttpClient
    from ._types import (
        NOT_GIVEN,
        NoneType,
        NotGiven,
        Omit,
        ProxiesTypes,
        RequestOptions,
        Transport,
        not_given,
        omit,
    )

_EXPORTS = {
    "types": "",
    "testing": "",
    "ChatCompletionAccumulator": "_accumulator",
    "resources": "",
    "NoneType": "_types",
    "Transport": "_types",
    "ProxiesTypes": "_types",
    "NotGiven": "_types",
    "NOT_GIVEN": "_types",
    "not_given": "_types",
    "Omit": "_types",
    "omit": "_types",
    "RequestOptions": "_types",
    "APIConnectionError": "_exceptions",
    "APIError": "_exceptions",
    "APIResponseValidationError": "_exceptions",
    "APIStatusError": "_exceptions",
    "APITimeoutError": "_exceptions",
    "AuthenticationError": "_exceptions",
    "BadRequestError": "_exceptions",
    "CapacityExceededError": "_exceptions",
    "ConflictError": "_exceptions",
    "ContentFilterFinishReasonError": "_exceptions",
    "GroqError": "_exceptions",
    "IncompleteStreamError": "_exceptions",
    "InternalServerError": "_exceptions",
    "LengthFinishReasonError": "_exceptions",
    "NotFoundError": "_exceptions",
    "OutputParseError": "_exceptions",
    "PaymentRequiredError": "_exceptions",
    "PermissionDeniedError": "_exceptions",
    "RateLimitError": "_exceptions",
    "RequestTimeoutError": "_exceptions",
    "RequestTooLargeError": "_exceptions",
    "ServiceUnavailableError": "_exceptions",
    "StreamClosedError": "_exceptions",
    "UnprocessableEntityError": "_exceptions",
    "Timeout": "_deadline",
    "RateLimit": "_rate_limit",
    "RetryDetails": "_retry",
    "RetryPolicy": "_retry",
    "Client": "_client",
    "AsyncClient": "_client",
    "Groq": "_client",
    "AsyncGroq": "_client",
    "Stream": "_streaming",
    "AsyncStream": "_streaming",
    "file_from_path": "_files",
    "BaseModel": "_models",
    "DEFAULT_TIMEOUT": "_constants",
    "DEFAULT_MAX_RETRIES": "_constants",
    "DEFAULT_CONNECTION_LIMITS": "_constants",
    "DefaultHttpxClient": "_base_client",
    "DefaultAsyncHttpxClient": "_base_client",
    "DefaultAioHttpClient": "_base_client",
}

if not TYPE_CHECKING:  # for a checker the names are those imported above
    __getattr__, __dir__ = lazy_exports(__name__, _EXPORTS)

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "AsyncClient",
    "AsyncGroq",
    "AsyncStream",
    "AuthenticationError",
    "BadRequestError",
    "BaseModel",
    "CapacityExceededError",
    "ChatCompletionAccumulator",
    "Client",
    "ConflictError",
    "ContentFilterFinishReasonError",
    "DEFAULT_CONNECTION_LIMITS",
    "DEFAULT_MAX_RETRIES",
    "DEFAULT_TIMEOUT",
    "DefaultAioHttpClient",
    "DefaultAsyncHttpxClient",
    "DefaultHttpxClient",
    "Groq",
    "GroqError",
    "IncompleteStreamError",
    "InternalServerError",
    "LengthFinishReasonError",
    "NOT_GIVEN",
    "NoneType",
    "NotFoundError",
    "NotGiven",
    "Omit",
    "OutputParseError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "ProxiesTypes",
    "RateLimit",
    "RateLimitError",
    "RequestOptions",
    "RequestTimeoutError",
    "RequestTooLargeError",
    "RetryDetails",
    "RetryPolicy",
    "ServiceUnavailableError",
    "Stream",
    "StreamClosedError",
    "Timeout",
    "Transport",
    "UnprocessableEntityError",
    "__title__",
    "__version__",
    "file_from_path",
    "not_given",
    "omit",
    "types",
]
