"""Options, environment, requests on the wire, answers, retries and deadlines."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import groq
from groq import APIConnectionError, APIStatusError, AsyncGroq, Groq, GroqError, Timeout
from groq.testing import FakeGroq, json_answer

if TYPE_CHECKING:
    from sdk.tests.conftest import Exchange, LoopbackServer

Serve = Callable[[Callable[["Exchange"], None]], "LoopbackServer"]
Payload = Callable[..., dict[str, object]]

HELLO: Any = [{"role": "user", "content": "Say hello."}]


@dataclass
class Point:
    x: int


# --------------------------------------------------------------------------- options


def test_a_client_without_a_key_is_refused_at_once() -> None:
    """Not at its first call."""
    with pytest.raises(GroqError, match="GROQ_API_KEY"):
        Groq()
    with pytest.raises(GroqError, match="GROQ_API_KEY"):
        AsyncGroq()


def test_key_and_address_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arguments win over the environment."""
    monkeypatch.setenv("GROQ_API_KEY", "from-env")
    monkeypatch.setenv("GROQ_BASE_URL", "http://h/openai/v1")

    assert Groq().api_key == "from-env"
    assert str(Groq().base_url) == "http://h/"
    assert Groq(api_key="given", base_url="http://other").api_key == "given"
    assert str(Groq(base_url="http://other").base_url) == "http://other"


def test_the_default_address_is_the_published_one() -> None:
    """Packages compare its text."""
    assert str(Groq(api_key="k").base_url) == "https://api.groq.com"


def test_a_client_of_the_wrong_colour_is_refused() -> None:
    """A synchronous client cannot send for an asynchronous one."""
    with pytest.raises(TypeError, match="http_client"):
        Groq(api_key="k", http_client=httpx.AsyncClient())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="http_client"):
        AsyncGroq(api_key="k", http_client=httpx.Client())  # type: ignore[arg-type]


@pytest.mark.parametrize("key", ["", "secret\n", "sécret"])
def test_a_key_that_fits_no_header_is_said_at_the_call(key: str) -> None:
    """Not at the start: a program may make a client that it never uses, or send no key of its own."""
    fake = FakeGroq(json_answer({"object": "list", "data": []}))
    with pytest.raises(GroqError, match="API key") as caught:
        fake.client(api_key=key).models.list()
    fake.client(api_key=key, default_headers={"authorization": "Basic eA=="}).models.list()

    assert fake.requests[0].headers.get_list("authorization") == ["Basic eA=="]
    assert not key or key.strip() not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timeout": "3"}, "timeout: connect must be seconds or None, not '3'"),
        ({"timeout": -1}, "timeout: connect must not be negative, but is -1"),
        ({"temperature": float("nan")}, "`temperature`: "),
        ({"messages": [{"role": "user", "content": b"x"}]}, "`messages`: "),
        ({"response_format": Point(1)}, "`response_format`: pass the class Point"),
    ],
)
def test_a_wrong_value_is_named_before_anything_is_sent(options: Any, message: str) -> None:
    """With the parameter it was given for."""
    fake = FakeGroq()
    with pytest.raises((TypeError, ValueError)) as caught:
        fake.client().chat.completions.create(**{"messages": HELLO, "model": "m", **options})

    assert str(caught.value).startswith(message)
    assert not fake.requests


def test_wrong_limits_of_a_client_are_named() -> None:
    """When it is made."""
    with pytest.raises(ValueError, match="max_retries must not be negative"):
        Groq(api_key="k", max_retries=-1)
    with pytest.raises(ValueError, match="timeout: between_tokens must not be negative"):
        Timeout(between_tokens=-1)


def test_a_connection_error_says_why() -> None:
    """And a URL that lacks its http:// is not tried three times."""
    started = time.monotonic()
    with pytest.raises(APIConnectionError, match=r"Connection error\. \(.*'http://'"):
        Groq(api_key="k", base_url="localhost:8000").models.list()
    assert time.monotonic() - started < 0.4

    with pytest.raises(APIConnectionError, match=r"Connection error\. \(ConnectError: .*refused"):
        Groq(api_key="k", base_url="http://127.0.0.1:1", max_retries=0).models.list()


def test_a_copy_inherits_what_is_not_changed() -> None:
    """Headers merge or are replaced; connections are shared."""
    client = Groq(api_key="k", max_retries=5, timeout=7, default_headers={"a": "1"})

    copy = client.with_options(max_retries=0, default_headers={"b": "2"})

    assert (copy.max_retries, copy.timeout, copy.api_key) == (0, 7, "k")
    assert copy.default_headers["a"] == "1"
    assert copy.default_headers["b"] == "2"
    assert "a" not in client.copy(set_default_headers={}).default_headers
    assert copy._client is client._client
    with pytest.raises(ValueError, match="mutually exclusive"):
        client.copy(default_headers={}, set_default_headers={})
    client.close()


def test_a_copy_keeps_a_subclass_and_its_arguments() -> None:
    """A subclass with a constructor of its own is rebuilt through it."""

    class Tenant(Groq):
        def __init__(self, *, tenant: str = "none", **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.tenant = tenant

    copy = Tenant(api_key="k", tenant="a").copy(_extra_kwargs={"tenant": "b"})

    assert (type(copy), copy.tenant) == (Tenant, "b")


def test_resources_are_made_once() -> None:
    """So that a patched `client.chat.completions.create` stays patched."""
    client = Groq(api_key="k")

    assert client.chat.completions is client.chat.completions


def test_closing_closes_the_pool() -> None:
    """`is_closed` is a method; a closed client does not silently open a new pool."""
    with Groq(api_key="k") as client:
        assert not client.is_closed()
    assert client.is_closed()
    with pytest.raises(RuntimeError, match="closed"):
        client.models.list()


# --------------------------------------------------------------------------- on the wire


def test_a_call_sends_what_the_api_reference_asks_for(serve: Serve, completion: Payload) -> None:
    """Route, key, body and the headers that servers read."""
    server = serve(lambda exchange: exchange.respond(completion()))
    with Groq(api_key="secret", base_url=server.url) as client:
        answer = client.chat.completions.create(
            messages=HELLO, model="m", stop=None, temperature=0, top_p=groq.NOT_GIVEN
        )

    exchange = server.exchanges[0]
    assert (exchange.method, exchange.path) == ("POST", "/openai/v1/chat/completions")
    assert exchange.json() == {"messages": HELLO, "model": "m", "stop": None, "temperature": 0}
    assert exchange.headers["authorization"] == "Bearer secret"
    assert exchange.headers["content-type"] == "application/json"
    assert exchange.headers["user-agent"] == f"Groq/Python {groq.__version__}"
    assert exchange.headers["x-stainless-retry-count"] == "0"
    assert exchange.headers["x-stainless-async"] == "false"
    assert exchange.headers["idempotency-key"]
    assert answer.choices[0].message.content == "Hello."


async def test_the_asynchronous_client_sends_the_same(serve: Serve, completion: Payload) -> None:
    """Only its name and its colour differ."""
    server = serve(lambda exchange: exchange.respond(completion()))
    async with AsyncGroq(api_key="secret", base_url=server.url) as client:
        answer = await client.chat.completions.create(messages=HELLO, model="m")

    exchange = server.exchanges[0]
    assert exchange.json() == {"messages": HELLO, "model": "m"}
    assert exchange.headers["user-agent"] == f"AsyncGroq/Python {groq.__version__}"
    assert answer.choices[0].message.content == "Hello."


def test_extra_arguments_win(serve: Serve, completion: Payload) -> None:
    """`extra_body` over named parameters, `extra_headers` over the client's, `extra_query` added."""
    server = serve(lambda exchange: exchange.respond(completion()))
    with Groq(api_key="k", base_url=server.url, default_query={"a": 1}) as client:
        client.chat.completions.create(
            messages=HELLO,
            model="m",
            extra_body={"model": "other", "brand_new": True},
            extra_headers={"user-agent": "mine", "X-Stainless-OS": groq.omit},
            extra_query={"b": [1, 2], "c": {"d": True}, "e": None},
        )

    exchange = server.exchanges[0]
    assert exchange.json()["model"] == "other"
    assert exchange.json()["brand_new"] is True
    assert exchange.headers["user-agent"] == "mine"
    assert "x-stainless-os" not in exchange.headers
    assert exchange.path == "/openai/v1/chat/completions?a=1&b=1%2C2&c%5Bd%5D=true"


def test_a_generator_of_messages_is_sent_again_on_a_retry(
    serve: Serve, completion: Payload
) -> None:
    """One-shot iterables are drained once, before the first attempt."""
    answers = iter([503, 200])

    def handler(exchange: Exchange) -> None:
        exchange.respond(completion(), status=next(answers), headers={"retry-after-ms": "1"})

    server = serve(handler)
    with Groq(api_key="k", base_url=server.url) as client:
        client.chat.completions.create(messages=(m for m in HELLO), model="m")

    assert [exchange.json()["messages"] for exchange in server.exchanges] == [HELLO, HELLO]


def test_a_new_key_takes_effect_at_the_next_call(serve: Serve, completion: Payload) -> None:
    """Assigning `api_key` is how keys are rotated."""
    server = serve(lambda exchange: exchange.respond(completion()))
    with Groq(api_key="old", base_url=server.url) as client:
        client.chat.completions.create(messages=HELLO, model="m")
        client.api_key = "new"
        client.chat.completions.create(messages=HELLO, model="m")

    assert [e.headers["authorization"] for e in server.exchanges] == ["Bearer old", "Bearer new"]


def test_a_subclass_may_compute_its_headers(serve: Serve, completion: Payload) -> None:
    """`auth_headers` of a subclass is asked for every call."""

    class Rotating(Groq):
        calls = 0

        @property
        def auth_headers(self) -> dict[str, str]:
            self.calls += 1
            return {"Authorization": f"Bearer {self.calls}"}

    server = serve(lambda exchange: exchange.respond(completion()))
    with Rotating(api_key="k", base_url=server.url) as client:
        client.chat.completions.create(messages=HELLO, model="m")
        client.chat.completions.create(messages=HELLO, model="m")

    assert [e.headers["authorization"] for e in server.exchanges] == ["Bearer 1", "Bearer 2"]


def test_headers_from_the_environment_are_sent(
    serve: Serve, completion: Payload, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`GROQ_CUSTOM_HEADERS` adds to every request."""
    monkeypatch.setenv("GROQ_CUSTOM_HEADERS", "X-Team: blue\nX-Other: 1")
    server = serve(lambda exchange: exchange.respond(completion()))
    with Groq(api_key="k", base_url=server.url, default_headers={"X-Other": "2"}) as client:
        client.chat.completions.create(messages=HELLO, model="m")

    headers = server.exchanges[0].headers
    assert (headers["x-team"], headers["x-other"]) == ("blue", "2")


MODEL = {"id": "a/b", "object": "model", "created": 1, "owned_by": "x", "context_window": 2048}


def test_models_are_listed_retrieved_and_deleted(serve: Serve) -> None:
    """Ids with a slash are one path segment; unknown fields are readable."""

    def handler(exchange: Exchange) -> None:
        if exchange.method == "DELETE":
            exchange.respond({"id": "a/b", "object": "model", "deleted": True})
        elif exchange.path.endswith("/models"):
            exchange.respond({"object": "list", "data": [MODEL]})
        else:
            exchange.respond(MODEL)

    server = serve(handler)
    with Groq(api_key="k", base_url=server.url) as client:
        assert client.models.list().data[0].id == "a/b"
        assert client.models.retrieve("a/b").context_window == 2048  # type: ignore[attr-defined]
        assert client.models.delete("a/b").deleted

    assert [e.path for e in server.exchanges] == [
        "/openai/v1/models",
        "/openai/v1/models/a%2Fb",
        "/openai/v1/models/a%2Fb",
    ]
    assert "content-type" not in server.exchanges[0].headers


def test_an_answer_knows_its_request_id_and_allowance(serve: Serve, completion: Payload) -> None:
    """Both come from the headers, and neither disturbs the data."""
    headers = {"x-request-id": "req_9", "x-ratelimit-remaining-tokens": "5"}
    server = serve(lambda exchange: exchange.respond(completion(), headers=headers))
    with Groq(api_key="k", base_url=server.url) as client:
        answer = client.chat.completions.create(messages=HELLO, model="m")

    assert answer._request_id == "req_9"
    assert answer._rate_limit == groq.RateLimit(remaining_tokens=5)
    assert answer.to_dict() == completion()
    assert "response_headers" not in repr(answer)


@pytest.mark.parametrize(
    ("payload", "headers"),
    [
        ("<html>", {"content-type": "text/html"}),
        ("{broken", {"content-type": "application/json"}),
        ("null", {"content-type": "application/json"}),
        ("[1]", {"content-type": "application/json"}),
    ],
)
def test_a_success_that_is_no_completion_is_an_error(
    serve: Serve, payload: str, headers: dict[str, str]
) -> None:
    """A caller is never handed a str, a list or None where a completion is promised."""
    server = serve(lambda exchange: exchange.respond(payload, headers=headers))
    with (
        Groq(api_key="k", base_url=server.url) as client,
        pytest.raises(groq.APIResponseValidationError, match="Expected a JSON"),
    ):
        client.chat.completions.create(messages=HELLO, model="m")


def test_answers_are_validated_where_that_is_asked_for(
    serve: Serve, completion: Payload, chunk: Payload
) -> None:
    """`_strict_response_validation` turns reading into judging, streamed or not."""

    def handler(exchange: Exchange) -> None:
        if exchange.json().get("stream"):
            exchange.start_stream()
            exchange.send_event(chunk("x", "weird"))
            exchange.end_stream()
        else:
            exchange.respond(completion(id=None))

    server = serve(handler)
    client = Groq(api_key="k", base_url=server.url, _strict_response_validation=True)
    with client, pytest.raises(groq.APIResponseValidationError):
        client.chat.completions.create(messages=HELLO, model="m")
    client = Groq(api_key="k", base_url=server.url, _strict_response_validation=True)
    with client, pytest.raises(groq.APIResponseValidationError):
        list(client.chat.completions.create(messages=HELLO, model="m", stream=True))


def test_json_under_another_content_type_is_still_read(serve: Serve, completion: Payload) -> None:
    """Servers that mislabel JSON are understood."""
    server = serve(
        lambda exchange: exchange.respond(completion(), headers={"content-type": "text/plain"})
    )
    with Groq(api_key="k", base_url=server.url) as client:
        answer = client.chat.completions.create(messages=HELLO, model="m")

    assert answer.choices[0].message.content == "Hello."


# --------------------------------------------------------------------------- faults and retries


def refuse(status: int, headers: dict[str, str] | None = None) -> Callable[[Exchange], None]:
    def handler(exchange: Exchange) -> None:
        exchange.respond({"error": {"message": "no", "code": "c"}}, status=status, headers=headers)

    return handler


@pytest.mark.parametrize(("status", "num_attempts"), [(400, 1), (413, 1), (429, 3), (498, 3)])
def test_the_number_of_attempts_follows_the_status(
    serve: Serve, status: int, num_attempts: int
) -> None:
    """Refusals are final; passing trouble is retried twice, and counted in a header."""
    server = serve(refuse(status, {"retry-after-ms": "1"}))
    with Groq(api_key="k", base_url=server.url) as client, pytest.raises(APIStatusError) as caught:
        client.chat.completions.create(messages=HELLO, model="m")

    assert caught.value.status_code == status
    counts = [exchange.headers["x-stainless-retry-count"] for exchange in server.exchanges]
    assert counts == ["0", "1", "2"][:num_attempts]
    assert len({exchange.headers["idempotency-key"] for exchange in server.exchanges}) == 1


@pytest.mark.parametrize("retry_after", ["61", "300"])
def test_a_long_retry_after_is_reported_not_disobeyed(serve: Serve, retry_after: str) -> None:
    """The call fails at once, saying how long to wait."""
    server = serve(refuse(429, {"retry-after": retry_after}))
    with (
        Groq(api_key="k", base_url=server.url) as client,
        pytest.raises(groq.RateLimitError) as caught,
    ):
        client.models.list()

    assert caught.value.retry_after == float(retry_after)
    assert len(server.exchanges) == 1


async def test_the_asynchronous_client_retries_alike(serve: Serve) -> None:
    """Both clients share one retry logic."""
    details: list[groq.RetryDetails] = []
    server = serve(refuse(503, {"retry-after-ms": "1"}))
    policy = groq.RetryPolicy(on_retry=details.append)
    async with AsyncGroq(api_key="k", base_url=server.url, retry_policy=policy) as client:
        with pytest.raises(groq.ServiceUnavailableError):
            await client.models.list()

    assert len(server.exchanges) == 3
    assert [(d.retry_number, d.wait_s, d.status_code) for d in details] == [
        (1, 0.001, 503),
        (2, 0.001, 503),
    ]


def test_an_error_whose_body_is_cut_off_keeps_its_status(serve: Serve) -> None:
    """What broke after the status does not hide it."""

    def handler(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 404 Not Found\r\ncontent-length: 100\r\n\r\n{")
        exchange.cut()

    server = serve(handler)
    with Groq(api_key="k", base_url=server.url) as client, pytest.raises(groq.NotFoundError):
        client.models.list()


def test_a_refused_connection_is_a_connection_error() -> None:
    """Retried, then reported with its cause."""
    policy = groq.RetryPolicy(base_s=0.001)
    with (
        Groq(api_key="k", base_url="http://127.0.0.1:9", retry_policy=policy) as client,
        pytest.raises(groq.APIConnectionError) as caught,
    ):
        client.models.list()

    assert isinstance(caught.value.__cause__, httpx.ConnectError)


def test_a_mistake_in_an_event_hook_is_raised_once_and_unchanged() -> None:
    """Only faults of the transport are retried."""
    calls = []

    def hook(request: httpx.Request) -> None:
        calls.append(request)
        raise ValueError("mine")

    http_client = httpx.Client(event_hooks={"request": [hook]})
    with (
        Groq(api_key="k", http_client=http_client) as client,
        pytest.raises(ValueError, match="mine"),
    ):
        client.models.list()

    assert len(calls) == 1


def drip(exchange: Exchange) -> None:
    """An answer that never ends, one byte every 50 ms."""
    exchange.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
    exchange.send(b"content-length: 1000\r\n\r\n")
    for _ in range(100):
        exchange.send(b" ")
        time.sleep(0.05)


def test_a_total_deadline_holds_against_a_dripping_body(serve: Serve) -> None:
    """A read timeout alone would never fire."""
    server = serve(drip)
    started = time.monotonic()
    with (
        Groq(api_key="k", base_url=server.url, timeout=Timeout(total=0.3)) as client,
        pytest.raises(groq.APITimeoutError) as caught,
    ):
        client.models.list()

    assert caught.value.phase == "total"
    assert 0.3 <= time.monotonic() - started < 0.6
    assert len(server.exchanges) == 1


async def test_a_total_deadline_holds_asynchronously(serve: Serve) -> None:
    """The same, awaiting."""
    server = serve(drip)
    started = time.monotonic()
    async with AsyncGroq(api_key="k", base_url=server.url) as client:
        with pytest.raises(groq.APITimeoutError) as caught:
            await client.with_options(timeout=Timeout(total=0.3)).models.list()

    assert caught.value.phase == "total"
    assert 0.3 <= time.monotonic() - started < 0.6


def test_a_total_deadline_spans_retries(serve: Serve) -> None:
    """A wait that the deadline cannot afford is not begun."""
    server = serve(refuse(503, {"retry-after": "1"}))
    started = time.monotonic()
    with (
        Groq(api_key="k", base_url=server.url, timeout=Timeout(total=0.5)) as client,
        pytest.raises(groq.ServiceUnavailableError),
    ):
        client.models.list()

    assert time.monotonic() - started < 0.4


def test_a_silent_server_runs_into_the_read_timeout(serve: Serve) -> None:
    """A plain number keeps its meaning: the longest wait for bytes."""
    server = serve(lambda exchange: exchange.cut() or time.sleep(1))  # type: ignore[func-returns-value]
    with (
        Groq(api_key="k", base_url=server.url, timeout=0.1, max_retries=0) as client,
        pytest.raises(groq.APITimeoutError) as caught,
    ):
        client.models.list()

    assert caught.value.phase == "read"


def test_bodies_are_logged_only_where_that_is_asked_for(
    serve: Serve, completion: Payload, caplog: pytest.LogCaptureFixture
) -> None:
    """`GROQ_LOG=trace` is a level of its own, below DEBUG; the key is not shown even there."""
    server = serve(lambda exchange: exchange.respond(completion()))
    with (
        caplog.at_level(5, logger="groq"),
        Groq(api_key="secret-key", base_url=server.url) as client,
    ):
        client.chat.completions.create(messages=HELLO, model="m")
        client.audio.transcriptions.create(file=("a.mp3", b"abc"), model="whisper")

    assert caplog.messages.count("request body: {'model': 'whisper'}") == 1
    body = '{"messages":[{"role":"user","content":"Say hello."}],"model":"m"}'
    assert f"request body: {body}" in caplog.messages
    assert "secret-key" not in caplog.text


def test_logs_never_show_key_or_prompt(
    serve: Serve, completion: Payload, caplog: pytest.LogCaptureFixture
) -> None:
    """At DEBUG there is method, URL, status and request id, and nothing of the contents."""
    server = serve(
        lambda exchange: exchange.respond(completion("answer"), headers={"x-request-id": "req_7"})
    )
    with (
        caplog.at_level(logging.DEBUG, logger="groq"),
        Groq(api_key="secret-key", base_url=server.url) as client,
    ):
        client.chat.completions.create(
            messages=[{"role": "user", "content": "secret-prompt"}], model="m"
        )

    assert "req_7" in caplog.text
    for secret in ("secret-key", "secret-prompt", "answer"):
        assert secret not in caplog.text
