"""Errors: the tree, the fields, and the way to another process."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from collections.abc import Iterator

import httpx
import pytest

import groq
from groq._exceptions import status_error, stream_error

REQUEST = httpx.Request("POST", "http://h/v1", headers={"Authorization": "Bearer secret"})


def respond(status: int, body: object, headers: dict[str, str] | None = None) -> httpx.Response:
    if isinstance(body, str):
        return httpx.Response(status, text=body, headers=headers, request=REQUEST)
    return httpx.Response(status, json=body, headers=headers, request=REQUEST)


ENVELOPE = {
    "error": {
        "message": "Failed to generate JSON.",
        "type": "invalid_request_error",
        "code": "json_validate_failed",
        "param": "response_format",
        "failed_generation": '{"a":',
    }
}


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "BadRequestError"),
        (401, "AuthenticationError"),
        (402, "PaymentRequiredError"),
        (403, "PermissionDeniedError"),
        (404, "NotFoundError"),
        (408, "RequestTimeoutError"),
        (409, "ConflictError"),
        (413, "RequestTooLargeError"),
        (418, "APIStatusError"),
        (422, "UnprocessableEntityError"),
        (429, "RateLimitError"),
        (498, "CapacityExceededError"),
        (500, "InternalServerError"),
        (503, "ServiceUnavailableError"),
        (599, "InternalServerError"),
    ],
)
def test_each_status_has_its_class(status: int, name: str) -> None:
    """Every class is an APIStatusError and carries the status."""
    error = status_error(respond(status, ENVELOPE))

    assert type(error).__name__ == name
    assert isinstance(error, groq.APIStatusError)
    assert error.status_code == status


def test_an_error_tells_what_the_server_said() -> None:
    """The fields of the envelope and of the headers are attributes; the text is short."""
    error = status_error(
        respond(
            400,
            ENVELOPE,
            {"x-request-id": "req_1", "retry-after": "7", "x-ratelimit-remaining-tokens": "9"},
        )
    )

    assert str(error) == "Error code: 400 - Failed to generate JSON. (json_validate_failed)"
    assert error.body == ENVELOPE
    assert (error.code, error.type, error.param, error.failed_generation) == (
        "json_validate_failed",
        "invalid_request_error",
        "response_format",
        '{"a":',
    )
    assert (error.request_id, error.retry_after) == ("req_1", 7.0)
    assert error.rate_limit == groq.RateLimit(remaining_tokens=9)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("", "Error code: 502"),
        ("<html>Bad gateway</html>", "<html>Bad gateway</html>"),
        ({"detail": "no"}, "Error code: 502 - {'detail': 'no'}"),
        ([1], "Error code: 502 - [1]"),
    ],
)
def test_a_body_of_another_shape_is_quoted(body: object, text: str) -> None:
    """Proxies answer in their own words; those are kept."""
    assert str(status_error(respond(502, body))) == text


def test_an_error_event_becomes_the_class_of_its_status() -> None:
    """One `except` serves plain and streamed calls; the body is the inner object."""
    inner = {"message": "m", "code": "tool_use_failed", "status_code": 400}
    error = stream_error({"error": inner}, respond(200, ""))

    assert isinstance(error, groq.BadRequestError)
    assert (error.status_code, error.body, error.code) == (400, inner, "tool_use_failed")


def test_an_error_event_without_status_is_a_plain_api_error() -> None:
    """Nothing is invented where the server names no status."""
    error = stream_error("boom", respond(200, ""))

    assert type(error) is groq.APIError
    assert str(error) == "boom"


def errors() -> Iterator[groq.GroqError]:
    response = respond(429, ENVELOPE, {"retry-after": "7"})
    yield status_error(response)
    yield stream_error({"message": "m", "status_code": 500}, response)
    yield groq.APIConnectionError(request=REQUEST)
    yield groq.APITimeoutError(REQUEST, phase="total", partial_text="Hel")
    yield groq.IncompleteStreamError(message="m", request=REQUEST, partial_text="Hel")
    yield groq.APIResponseValidationError(response, {"a": 1})
    yield groq.APIError("m", REQUEST, body=None)
    yield groq.GroqError("m")
    yield groq.StreamClosedError()
    yield groq.ContentFilterFinishReasonError()


@pytest.mark.parametrize("error", list(errors()), ids=lambda error: type(error).__name__)
def test_every_error_survives_pickle_and_copy(error: groq.GroqError) -> None:
    """Class, text and fields arrive; the key does not."""
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        skipped = {"request", "response"}
        assert {k: v for k, v in vars(twin).items() if k not in skipped} == {
            k: v for k, v in vars(error).items() if k not in skipped
        }
    assert b"secret" not in pickle.dumps(error)


def test_the_response_of_a_pickled_error_can_still_be_read() -> None:
    """Body and headers of the response travel with the error."""
    twin = pickle.loads(pickle.dumps(status_error(respond(429, ENVELOPE, {"x-a": "1"}))))

    assert twin.response.json() == ENVELOPE
    assert twin.response.headers["x-a"] == "1"
    assert twin.response.request.url == REQUEST.url


def _raise_rate_limit(_: int) -> None:
    raise status_error(respond(429, ENVELOPE, {"retry-after": "7"}))


@pytest.mark.slow
def test_an_error_comes_back_from_a_worker_process() -> None:
    """A process pool reports the error instead of hanging."""
    with (
        multiprocessing.get_context("spawn").Pool(1) as pool,
        pytest.raises(groq.RateLimitError) as caught,
    ):
        pool.map(_raise_rate_limit, [0])

    assert caught.value.retry_after == 7.0


def test_every_public_error_is_named_in_the_tree() -> None:
    """The drawing at the top of the module is complete."""
    from groq import _exceptions

    assert _exceptions.__doc__ is not None
    for name in _exceptions.__all__:
        assert name in _exceptions.__doc__
