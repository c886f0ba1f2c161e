"""The short way to refuse, beside the long one."""

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
from galop.http import Limits
from galop.http.observer import CompletionWatch
from galop.http.refusal import Refuser
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
    """Writes down what observers are told."""

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
def refuser(service: ScriptedChatService, notebook: Notebook) -> Refuser:
    """With no room, one key and bodies of at most 200 bytes."""
    service.refusal = FULL
    return Refuser(
        admission_of(service, OneKey()),
        paths=[PATH.decode()],
        limits=Limits(max_body_bytes=200),
        observer=notebook,
    )


@pytest.mark.parametrize("is_https", [False, True])
def test_the_answer_is_that_of_the_long_way(
    refuser: Refuser,
    notebook: Notebook,
    service: ScriptedChatService,
    make_caller: Callable[..., HttpCaller],
    is_https: bool,
) -> None:
    """Status, body and headers, the request id apart; HTTPS adds its own."""
    refusal = refuser.refuse(b"POST", PATH, HEADERS, is_https=is_https)
    assert refusal is not None
    long_way = make_caller().post()
    headers = {name.decode(): value.decode() for name, value in refusal.headers}
    is_told_https = headers.pop("strict-transport-security", None) is not None
    ids = {headers.pop("x-request-id"), long_way.headers["x-request-id"]}
    assert len(ids) == 2
    assert headers == {k: v for k, v in long_way.headers.items() if k != "x-request-id"}
    assert (refusal.status, refusal.body) == (long_way.status, long_way.body)
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
def test_what_may_have_another_answer_goes_the_long_way(
    refuser: Refuser,
    notebook: Notebook,
    method: bytes,
    target: bytes,
    headers: list[tuple[bytes, bytes]],
) -> None:
    """And nobody is told of it here."""
    assert refuser.refuse(method, target, headers, is_https=False) is None
    assert notebook.told == []


@pytest.mark.parametrize("error", [None, EngineUnavailableError("starting")])
def test_only_a_full_queue_is_told_so_early(
    refuser: Refuser, service: ScriptedChatService, error: Exception | None
) -> None:
    """With room, or with no engine to have any, the long way knows better."""
    service.refusal = error
    assert refuser.refuse(b"POST", PATH, HEADERS, is_https=False) is None


def test_what_is_no_http_gets_an_error_like_any_other(refuser: Refuser, notebook: Notebook) -> None:
    """With a request id, and counted."""
    refusal = refuser.refuse_malformed(is_https=False)
    assert refusal.status == 400
    assert dict(refusal.headers)[b"x-request-id"].startswith(b"req_")
    assert json.loads(refusal.body)["error"]["message"] == "This is not a valid HTTP/1.1 request."
    assert notebook.told == [("responded", 400), ("MalformedMessageError", 400)]
