"""Early error responses, compared with those of the application."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import pytest

from galop.accounts.errors import InvalidApiKeyError
from galop.accounts.keys import ANONYMOUS, Caller
from galop.admission.policy import OpenPolicy
from galop.chat.request import ChatRequest
from galop.http import RequestLimits
from galop.http.load_shedder import LoadShedder
from galop.http.observer import CompletionWatch
from galop.protocol.errors import EngineUnavailableError, QueueFullError
from server.tests.http.conftest import admission_of

if TYPE_CHECKING:
    from server.tests.http.conftest import Caller as HttpCaller
    from server.tests.http.conftest import ScriptedChatService

PATH = b"/openai/v1/chat/completions"
HEADERS = [
    (b"host", b"localhost"),
    (b"authorization", b"Bearer gsk_good"),
    (b"content-length", b"100"),
]
FULL = QueueFullError(num_waiting=8, limit=8, retry_after_s=3)


class Notebook:
    """An observer that records its calls."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []

    def responded(self, status: int) -> None:
        self.told.append(("responded", status))

    def refused(self, error: Exception, status: int) -> None:
        self.told.append((type(error).__name__, status))

    def completion(self, request: ChatRequest) -> AbstractContextManager[CompletionWatch]:
        raise AssertionError("a refused request is no completion")


class OneKey(OpenPolicy):
    """A policy with one key."""

    def authenticate(self, authorization: str | None) -> Caller:
        if authorization != "Bearer gsk_good":
            raise InvalidApiKeyError("unknown")
        return ANONYMOUS


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


@pytest.fixture
def load_shedder(service: ScriptedChatService, notebook: Notebook) -> LoadShedder:
    """With no room, one key and bodies of at most 200 bytes."""
    service.refusal = FULL
    return LoadShedder(
        admission_of(service, OneKey()),
        paths=[PATH.decode()],
        limits=RequestLimits(max_body_bytes=200),
        observer=notebook,
    )


@pytest.mark.parametrize("is_https", [False, True])
def test_the_early_response_equals_that_of_the_application(
    load_shedder: LoadShedder,
    notebook: Notebook,
    service: ScriptedChatService,
    make_caller: Callable[..., HttpCaller],
    is_https: bool,
) -> None:
    """Status, body and headers, the request id apart; HTTPS adds its own."""
    response = load_shedder.refuse(b"POST", PATH, HEADERS, is_https=is_https)
    assert response is not None
    usual = make_caller().post()
    headers = {name.decode(): value.decode() for name, value in response.headers}
    is_told_https = headers.pop("strict-transport-security", None) is not None
    ids = {headers.pop("x-request-id"), usual.headers["x-request-id"]}
    assert len(ids) == 2
    assert headers == {k: v for k, v in usual.headers.items() if k != "x-request-id"}
    assert (response.status, response.body) == (usual.status, usual.body)
    assert is_told_https == is_https
    assert notebook.told == [("responded", 503), ("QueueFullError", 503)]
    assert service.requests == []


def changed(**headers: str | None) -> list[tuple[bytes, bytes]]:
    """The headers above, some of them added, replaced or (None) left out."""
    names = {name: name.replace("_", "-").encode() for name in headers}
    kept = [each for each in HEADERS if each[0] not in names.values()]
    return kept + [(names[name], value.encode()) for name, value in headers.items() if value]


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        (b"GET", PATH, HEADERS),
        (b"POST", b"/openai/v1/models", HEADERS),
        (b"POST", PATH + b"?a=b", HEADERS),
        (b"POST", PATH, [*HEADERS, (b"authorization", b"Bearer gsk_bad")]),
        (b"POST", PATH, changed(authorization="Bearer gsk_bad")),
        (b"POST", PATH, changed(authorization=None)),
        (b"POST", PATH, changed(content_length="201")),
        (b"POST", PATH, changed(content_length="1e2")),
        (b"POST", PATH, changed(content_length=None, transfer_encoding="chunked")),
        (b"POST", PATH, changed(origin="https://page.example")),
        (b"POST", PATH, changed(expect="100-continue")),
        (b"POST", PATH, changed(upgrade="websocket")),
    ],
)
def test_unusual_requests_go_to_the_application(
    load_shedder: LoadShedder,
    notebook: Notebook,
    method: bytes,
    target: bytes,
    headers: list[tuple[bytes, bytes]],
) -> None:
    """And the observer is not called."""
    assert load_shedder.refuse(method, target, headers, is_https=False) is None
    assert notebook.told == []


@pytest.mark.parametrize("error", [None, EngineUnavailableError("starting")])
def test_only_a_full_queue_gets_an_early_response(
    load_shedder: LoadShedder, service: ScriptedChatService, error: Exception | None
) -> None:
    """With room in the queue, or without an engine, the application answers."""
    service.refusal = error
    assert load_shedder.refuse(b"POST", PATH, HEADERS, is_https=False) is None


def test_malformed_http_gets_an_error_response(
    load_shedder: LoadShedder, notebook: Notebook
) -> None:
    """With a request id, reported to the observer."""
    response = load_shedder.refuse_malformed(is_https=False)
    assert response.status == 400
    assert dict(response.headers)[b"x-request-id"].startswith(b"req_")
    assert json.loads(response.body)["error"]["message"] == "This is not a valid HTTP/1.1 request."
    assert notebook.told == [("responded", 400), ("MalformedMessageError", 400)]
