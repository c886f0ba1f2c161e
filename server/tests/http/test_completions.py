"""POST /openai/v1/chat/completions through a real socket: errors, responses, disconnects."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from galop.chat.errors import (
    ContextLengthExceededError,
    InvalidParameterError,
    JsonValidateFailedError,
    TemplateError,
)
from galop.chat.events import ContentDelta, Started
from galop.protocol.errors import (
    ConstraintFailedError,
    EngineDiedError,
    EngineInternalError,
    EngineUnavailableError,
    QueueFullError,
)
from server.tests.http.conftest import CHAT, LiveServer, ScriptedChatService, require_envelope


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe\x00", b"[]", b"null", b'{"model":"plain"}', b'"' + b"a" * 100_000],
)
def test_a_body_that_is_no_request_is_a_400(client: httpx.Client, content: bytes) -> None:
    """Empty, truncated, binary, or the wrong JSON."""
    require_envelope(client.post(CHAT, content=content), 400, None)


def test_a_schema_error_names_the_param(
    client: httpx.Client, smallest_body: dict[str, Any]
) -> None:
    """And has no code."""
    response = client.post(CHAT, json={**smallest_body, "temperature": 3})
    assert require_envelope(response, 400, None) == {
        "message": "'temperature' : number must be at most 2",
        "type": "invalid_request_error",
        "param": "temperature",
    }


def test_an_unknown_model_is_a_404(client: httpx.Client, smallest_body: dict[str, Any]) -> None:
    """With its id in backticks, and never another model's answer."""
    response = client.post(CHAT, json={**smallest_body, "model": "gpt-9"})
    assert "`gpt-9` does not exist" in require_envelope(response, 404, "model_not_found")["message"]


def test_the_schema_is_checked_before_the_model_and_the_model_before_the_rest(
    client: httpx.Client, smallest_body: dict[str, Any]
) -> None:
    """The order of the API."""
    body = {**smallest_body, "model": "gpt-9"}
    require_envelope(client.post(CHAT, json={**body, "n": 0}), 400, None)
    require_envelope(client.post(CHAT, json={**body, "top_logprobs": 1}), 404, "model_not_found")


def test_another_content_type_is_a_415(client: httpx.Client) -> None:
    """A form is not a request."""
    require_envelope(client.post(CHAT, data={"a": "b"}), 415, "unsupported_media_type")


@pytest.mark.parametrize("headers", [{}, {"content-type": "application/json; charset=utf-8"}])
def test_json_needs_no_content_type(
    client: httpx.Client, smallest_body: dict[str, Any], headers: dict[str, str]
) -> None:
    """And parameters of it do not matter."""
    content = json.dumps(smallest_body).encode()
    assert client.post(CHAT, content=content, headers=headers).status_code == 200


@pytest.mark.parametrize("num_bytes", [1024 * 1024 + 1, 8 * 1024 * 1024])
def test_a_body_that_is_too_large_is_a_413(client: httpx.Client, num_bytes: int) -> None:
    """Also for a client that sends everything before it reads."""
    require_envelope(client.post(CHAT, content=b"x" * num_bytes), 413, "request_too_large")


def test_a_chunked_body_that_is_too_large_is_a_413(client: httpx.Client) -> None:
    """Its length is not declared."""

    def content() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * 65536

    require_envelope(client.post(CHAT, content=content()), 413, "request_too_large")


def test_a_client_that_expects_a_100_gets_the_413_before_it_sends(server: LiveServer) -> None:
    """Expect: 100-continue, as curl does for large bodies."""
    with server.connect() as connection:
        connection.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n"
            b"expect: 100-continue\r\n\r\n"
        )
        assert connection.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_deep_nesting_is_a_400(client: httpx.Client) -> None:
    """A megabyte of brackets neither recurses nor crashes."""
    require_envelope(client.post(CHAT, content=b"[" * 1024 * 1024), 400, None)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidParameterError("logit_bias", "no"), 400, None),
        (TemplateError("roles must alternate"), 400, None),
        (
            ContextLengthExceededError(num_prompt_tokens=9, max_prompt_tokens=7, context_window=8),
            400,
            "context_length_exceeded",
        ),
        (JsonValidateFailedError("cut", failed_generation="{"), 400, "json_validate_failed"),
        (QueueFullError(num_waiting=1, limit=1, retry_after_s=2), 503, None),
        (EngineUnavailableError("starting"), 503, None),
        (EngineDiedError(exit_code=-9), 500, None),
        (ConstraintFailedError("x"), 500, None),
        (EngineInternalError("x"), 500, None),
        (ZeroDivisionError("x"), 500, None),
        (OSError("x"), 500, None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_an_error_before_the_first_event_has_its_own_status(
    client: httpx.Client,
    live_service: ScriptedChatService,
    smallest_body: dict[str, Any],
    error: Exception,
    status: int,
    code: str | None,
    stream: bool,
) -> None:
    """The same one, streamed or not."""
    live_service.script = [error]
    response = client.post(CHAT, json={**smallest_body, "stream": stream})
    told = require_envelope(response, status, code)
    assert ("retry-after" in response.headers) == (status == 503)
    assert ("failed_generation" in told) == (code == "json_validate_failed")
    if status == 500:
        assert response.headers["x-request-id"] in told["message"]
        assert "Traceback" not in response.text


def test_where_there_is_no_room_no_prompt_is_made(
    client: httpx.Client, live_service: ScriptedChatService, smallest_body: dict[str, Any]
) -> None:
    """Under overload refusals are most of the work. The connection is kept for the next try."""
    live_service.refusal = QueueFullError(num_waiting=1, limit=1, retry_after_s=2)
    response = client.post(CHAT, json=smallest_body)
    require_envelope(response, 503, None)
    assert response.headers["retry-after"] == "2"
    assert response.headers.get("connection") != "close"
    assert live_service.requests == []
    live_service.refusal = None
    assert client.post(CHAT, json=smallest_body).status_code == 200


def test_an_error_while_folding_has_its_own_status(
    client: httpx.Client, live_service: ScriptedChatService, smallest_body: dict[str, Any]
) -> None:
    """Nothing was sent yet."""
    live_service.script = [Started(), JsonValidateFailedError("cut", failed_generation='{"a":')]
    response = client.post(CHAT, json=smallest_body)
    error = require_envelope(response, 400, "json_validate_failed")
    assert error["failed_generation"] == '{"a":'


@pytest.mark.parametrize("stream", [False, True])
def test_no_events_at_all_is_a_500(
    client: httpx.Client,
    live_service: ScriptedChatService,
    smallest_body: dict[str, Any],
    stream: bool,
) -> None:
    """A bug of the service does not become an empty answer."""
    live_service.script = []
    require_envelope(client.post(CHAT, json={**smallest_body, "stream": stream}), 500, None)


def test_an_answer_has_the_headers_of_the_api(
    client: httpx.Client, smallest_body: dict[str, Any]
) -> None:
    """And the name of the request in header and body."""
    response = client.post(CHAT, json=smallest_body)
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == (
        "private, max-age=0, no-store, no-cache, must-revalidate"
    )
    assert response.headers["vary"] == "Origin"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-request-id"] == response.json()["x_groq"]["id"]


def test_a_stream_arrives_as_server_sent_events(
    client: httpx.Client, smallest_body: dict[str, Any]
) -> None:
    """Whatever the client says it accepts."""
    response = client.post(
        CHAT,
        json={**smallest_body, "stream": True, "stream_options": {"include_usage": True}},
        headers={"accept": "application/json", "x-stainless-lang": "python"},
    )
    lines = response.text.split("\n")
    assert all(line == "" or line.startswith("data: ") for line in lines)
    assert response.text.endswith("data: [DONE]\n\n")
    first, *_, finish, extra = [
        json.loads(line[6:]) for line in lines if line.startswith("data: {")
    ]
    assert first["x_groq"]["id"] == response.headers["x-request-id"]
    assert finish["x_groq"]["usage"] == finish["usage"] == extra["usage"]
    assert extra["choices"] == []
    assert {chunk["id"] for chunk in (first, finish, extra)} == {first["id"]}


def post_and_wait(server: LiveServer, service: ScriptedChatService, body: object) -> socket.socket:
    """A connection whose request has reached the point where the script waits."""
    content = json.dumps(body).encode()
    connection = server.connect()
    connection.sendall(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b"
        % (len(content), content)
    )
    assert service.is_waiting.wait(5)
    assert not service.is_closed.is_set()
    return connection


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("num_events_before", [0, 1, 2])
def test_a_client_that_leaves_closes_the_iterator(
    server: LiveServer,
    live_service: ScriptedChatService,
    smallest_body: dict[str, Any],
    forever: Any,  # Any: a step of the script
    stream: bool,
    num_events_before: int,
) -> None:
    """Before the first event, while folding and while streaming."""
    live_service.script[num_events_before:] = [forever]
    connection = post_and_wait(server, live_service, {**smallest_body, "stream": stream})
    connection.close()
    assert live_service.is_closed.wait(5)


def test_a_client_that_does_not_read_holds_the_stream_back(
    server: LiveServer,
    live_service: ScriptedChatService,
    smallest_body: dict[str, Any],
    forever: Any,  # Any: a step of the script
) -> None:
    """Buffers are bounded. A disconnect ends the completion."""
    num_deltas = 20_000
    live_service.script = [Started(), *[ContentDelta(0, "x" * 2000)] * num_deltas, forever]
    content = json.dumps({**smallest_body, "stream": True}).encode()
    with server.connect() as connection:
        connection.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b"
            % (len(content), content)
        )
        num_before = -1
        while num_before != live_service.num_played or num_before == 0:
            num_before = live_service.num_played
            time.sleep(0.1)
        assert 0 < num_before < num_deltas
    assert live_service.is_closed.wait(5)


def test_a_client_that_leaves_while_sending_never_reaches_the_service(
    server: LiveServer, live_service: ScriptedChatService, client: httpx.Client
) -> None:
    """Half a body is no request; the server goes on."""
    with server.connect() as connection:
        connection.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{"
        )
    assert client.get("/healthz").status_code == 200
    assert live_service.requests == []


def test_a_connection_serves_one_request_after_another(
    client: httpx.Client, smallest_body: dict[str, Any]
) -> None:
    """Watching for the client to leave does not end the connection."""
    ids = {client.post(CHAT, json=smallest_body).headers["x-request-id"] for _ in range(3)}
    ids |= {client.post(CHAT, json={**smallest_body, "stream": True}).headers["x-request-id"]}
    assert len(ids) == 4
