"""Keys, limits and usage as an operator and their users meet them: commands, sockets, a crash."""

from __future__ import annotations

import contextlib
import csv
import io
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from e2e.conftest import Server, galop_serve
from groq import AuthenticationError, Groq, PermissionDeniedError, RateLimitError

GALOP = str(Path(sys.executable).with_name("galop"))
CHAT = "/openai/v1/chat/completions"
BODY = {
    "model": "scripted",
    "messages": [{"role": "user", "content": "Hi"}],
    "max_tokens": 20,
}
NOTICED_S = 1.0
"""How soon a change takes effect, at the latest."""


class Operator:
    """Somebody at the command line, with a ledger of their own."""

    def __init__(self, state: Path) -> None:
        self.state = ("--state-dir", str(state))

    def run(self, *arguments: str) -> str:
        result = subprocess.run(
            [GALOP, *arguments, *self.state], capture_output=True, text=True, timeout=60
        )
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    def create(self, name: str, *options: str) -> str:
        return self.run("keys", "create", name, *options)

    def usage(self) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.run("usage", "--csv"))))


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Operator:
    return Operator(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="module")
def server(operator: Operator) -> Iterator[Server]:
    operator.create("first")
    with galop_serve("--model", "scripted:Hello", *operator.state) as running:
        yield running


@pytest.fixture
def ask(server: Server) -> Iterator[Callable[..., httpx.Response]]:
    """Posts a small request with a key."""
    with httpx.Client(base_url=server.base_url, timeout=30) as client:

        def post(key: str, **parameters: object) -> httpx.Response:
            headers = {"authorization": f"Bearer {key}"} if key else {}
            return client.post(CHAT, json={**BODY, **parameters}, headers=headers)

        yield post


def until_noticed(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + NOTICED_S + 4  # the machine may be busy with other tests
    while not check():
        assert time.monotonic() < deadline, "the server has not noticed"
        time.sleep(0.05)


Ask = Callable[..., httpx.Response]


@pytest.mark.parametrize("key", ["", "gsk_wrong", "none"])
def test_without_a_valid_key_it_is_a_401(ask: Ask, key: str) -> None:
    """With the body of the original, to the byte, and no hint which part was wrong."""
    response = ask(key)
    assert response.status_code == 401
    assert response.content == (
        b'{"error":{"message":"Invalid API Key","type":"invalid_request_error",'
        b'"code":"invalid_api_key"}}\n'
    )
    assert response.headers["x-request-id"].startswith("req_")
    assert "x-ratelimit-limit-tokens" not in response.headers


def test_probes_need_no_key_and_models_do(server: Server) -> None:
    """Balancers have none."""
    with httpx.Client(base_url=server.base_url, timeout=30) as client:
        for path in ("/", "/healthz", "/readyz", "/openapi.json"):
            assert client.get(path).status_code == 200
        for path in ("/openai/v1/models", "/v1/models/scripted", "/v1/models/nothing"):
            assert client.get(path).status_code == 401


def test_changes_take_effect_within_a_second(ask: Ask, operator: Operator) -> None:
    """Creation, rotation and revocation, without a restart."""
    key = operator.create("temp")
    until_noticed(lambda: ask(key).status_code == 200)
    new = operator.run("keys", "rotate", "temp")
    until_noticed(lambda: ask(key).status_code == 401)
    assert ask(new).status_code == 200
    operator.run("keys", "revoke", "temp")
    until_noticed(lambda: ask(new).status_code == 401)


def test_limits_have_headers_and_end_in_a_429(ask: Ask, operator: Operator) -> None:
    """Tokens of the minute first; the request after the wait that it names is let in."""
    key = operator.create("limited", "--tpm", "2400", "--rpd", "1000")
    until_noticed(lambda: ask(key).status_code == 200)
    response = ask(key, max_tokens=2000, messages=[{"role": "user", "content": "other"}])
    assert response.headers["x-ratelimit-limit-tokens"] == "2400"
    assert response.headers["x-ratelimit-limit-requests"] == "1000"
    assert int(response.headers["x-ratelimit-remaining-tokens"]) < 400  # reserved
    assert response.headers["x-ratelimit-reset-requests"].startswith("2m")
    # What was reserved came back at its end; this much does not fit:
    refused = ask(key, max_tokens=2370)
    assert refused.status_code == 429
    error = refused.json()["error"]
    assert (error["type"], error["code"]) == ("tokens", "rate_limit_exceeded")
    assert "tokens per minute (TPM): Limit 2400, Used " in error["message"]
    assert "x-should-retry" not in refused.headers
    assert "x-ratelimit-remaining-tokens" in refused.headers
    wait_s = int(refused.headers["retry-after"])
    assert 1 <= wait_s <= 5
    time.sleep(wait_s)
    assert ask(key, max_tokens=2370).status_code == 200


def test_a_daily_limit_says_not_to_retry(ask: Ask, operator: Operator, server: Server) -> None:
    """And the SDK does not: it raises at once."""
    operator.run("keys", "group", "interns", "--rpd", "2")
    key = operator.create("intern", "--group", "interns")
    until_noticed(lambda: ask(key).status_code == 200)
    assert ask(key).status_code == 200
    refused = ask(key)
    assert refused.status_code == 429
    assert refused.headers["x-should-retry"] == "false"
    assert refused.json()["error"]["type"] == "requests"
    assert "`interns`" in refused.json()["error"]["message"]
    started_s = time.monotonic()
    with pytest.raises(RateLimitError):
        Groq(api_key=key, base_url=server.base_url).chat.completions.create(**BODY)  # type: ignore[call-overload]  # a body as it goes over the wire
    assert time.monotonic() - started_s < 5


def test_a_request_larger_than_its_limit_is_a_413(ask: Ask, operator: Operator) -> None:
    """No wait is promised, because none would help."""
    key = operator.create("small", "--tpm", "100")
    until_noticed(lambda: ask(key).status_code == 200)
    refused = ask(key, max_tokens=200)
    assert refused.status_code == 413
    assert "retry-after" not in refused.headers
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    assert "Limit 100, Requested 2" in refused.json()["error"]["message"]


def test_models_and_tiers_can_be_kept_from_a_key(
    ask: Ask, operator: Operator, server: Server
) -> None:
    """It sees neither the models nor gets the tier; the answer says which tier it was."""
    key = operator.create("narrow", "--model", "something-else")
    until_noticed(lambda: ask(key).status_code == 403)
    with pytest.raises(PermissionDeniedError, match="may not use"):
        Groq(api_key=key, base_url=server.base_url).chat.completions.create(**BODY)  # type: ignore[call-overload]  # a body as it goes over the wire
    assert Groq(api_key=key, base_url=server.base_url).models.list().data == []
    operator.run("keys", "change", "narrow", "--model", "all", "--rpm", "none")
    until_noticed(lambda: ask(key).status_code == 200)
    assert ask(key, service_tier="flex").json()["service_tier"] == "flex"
    refused = ask(key, service_tier="performance")
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "service_tier"
    operator.run("keys", "change", "narrow", "--performance")
    until_noticed(lambda: ask(key, service_tier="performance").status_code == 200)


def test_the_sdk_says_what_is_wrong_with_a_key(server: Server) -> None:
    """By the class of its error."""
    with pytest.raises(AuthenticationError, match="Invalid API Key"):
        Groq(api_key="gsk_wrong", base_url=server.base_url).models.list()


def test_usage_is_what_the_answers_said(ask: Ask, operator: Operator) -> None:
    """Request by request, streamed or not."""
    key = operator.create("metered")
    until_noticed(lambda: ask(key).status_code == 200)
    ask(key, stream=True)
    last = ask(key).json()["usage"]
    time.sleep(NOTICED_S)
    (row,) = [row for row in operator.usage() if row["key"] == "metered"]
    assert row["requests"] == "3"
    assert int(row["prompt_tokens"]) == 3 * last["prompt_tokens"]
    assert int(row["completion_tokens"]) == 3 * last["completion_tokens"]


@pytest.mark.model
def test_a_client_that_leaves_pays_for_what_it_got(operator: Operator) -> None:
    """The rest of its reservation comes back while the day's limit would not refill it."""
    key = operator.create("impatient", "--tpd", "4000")
    with (
        galop_serve(*operator.state) as slow,
        httpx.Client(
            base_url=slow.base_url, headers={"authorization": f"Bearer {key}"}, timeout=60
        ) as client,
    ):
        body = {
            "model": "smollm2-135m-instruct",
            "messages": [{"role": "user", "content": "Count to one thousand, in words."}],
            "max_tokens": 3900,
            "stream": True,
        }
        with client.stream("POST", CHAT, json=body) as response:
            assert response.status_code == 200
            for line in response.iter_lines():
                if '"content":"' in line and '"content":""' not in line:
                    break
        until_noticed(lambda: slow.load()["running"] == 0)
        with client.stream("POST", CHAT, json=body) as response:
            assert response.status_code == 200


def test_a_crash_loses_no_key_and_at_most_a_second_of_usage(
    operator: Operator, tmp_path: Path
) -> None:
    """kill -9 in the middle of traffic: what ended a second before is in the ledger."""
    ended_s: list[float] = []
    crash_s = 0.0
    key = operator.create("crash")
    with galop_serve("--model", "scripted:Hello", *operator.state) as victim:

        def work() -> None:
            with (
                contextlib.suppress(httpx.TransportError),
                httpx.Client(base_url=victim.base_url, timeout=10) as client,
            ):
                while True:
                    response = client.post(
                        CHAT, json=BODY, headers={"authorization": f"Bearer {key}"}
                    )
                    assert response.status_code == 200
                    ended_s.append(time.monotonic())

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(3)
        victim.process.send_signal(signal.SIGKILL)
        victim.process.wait()
        crash_s = time.monotonic()
        for thread in threads:
            thread.join()

    (row,) = [row for row in operator.usage() if row["key"] == "crash"]
    num_before = sum(at_s <= crash_s - 1.0 for at_s in ended_s)
    assert num_before > 0
    assert num_before <= int(row["requests"]) <= len(ended_s) + 4
    with galop_serve("--model", "scripted:Hello", *operator.state) as again:
        response = httpx.post(
            again.base_url + CHAT, json=BODY, headers={"authorization": f"Bearer {key}"}
        )
        assert response.status_code == 200


def test_an_open_address_needs_keys_or_a_word(tmp_path: Path) -> None:
    """Exit code 2, before the model is loaded, and what to do."""
    result = subprocess.run(
        [
            GALOP,
            "serve",
            "--model",
            "scripted:Hello",
            "--host",
            "0.0.0.0",
            "--state-dir",
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 2
    said = " ".join(result.stderr.split())
    assert "--host" in said
    assert "galop keys create NAME" in said
    assert "--allow-anonymous" in said
    with galop_serve(
        *("--model", "scripted:Hello", "--host", "0.0.0.0"),
        *("--state-dir", str(tmp_path), "--allow-anonymous"),
    ) as server:
        assert httpx.post(server.base_url + CHAT, json=BODY).status_code == 200


def test_a_rotated_key_may_have_two_secrets_for_a_while(
    operator: Operator, ask: Callable[..., httpx.Response]
) -> None:
    """Nobody is locked out while the new one is handed round, and the list tells of it."""
    old = operator.create("rolling")
    new = operator.run("keys", "rotate", "rolling", "--keep-old", "1h")
    until_noticed(lambda: ask(new).status_code == 200)
    assert ask(old).status_code == 200
    assert f"old secret {old[:12]}... until " in operator.run("keys", "list")
    newest = operator.run("keys", "rotate", "rolling")
    until_noticed(lambda: ask(newest).status_code == 200)
    assert [ask(each).status_code for each in (old, new)] == [401, 401]


def test_a_key_is_shown_once(operator: Operator) -> None:
    """On stdout alone, for scripts; the list has only its beginning."""
    key = operator.create("shown-once")
    assert key.startswith("gsk_")
    assert len(key) == 56
    listed = operator.run("keys", "list")
    assert "shown-once" in listed
    assert f"{key[:12]}..." in listed
    assert key not in listed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["keys", "create", "first"], "already"),
        (["keys", "revoke", "nobody"], "no active key"),
        (["keys", "create", "x", "--tpm", "-1"], "--tpm"),
        (["keys", "create", "x", "--rpm", "many"], "--rpm"),
        (["keys", "create", "x", "--expires", "yesterday"], "--expires"),
        (["keys", "create", "x", "--expires", "2020-01-01"], "is over"),
        (["keys", "create", "a`b"], "no name"),
        (["keys", "rotate", "first", "--keep-old", "tomorrow"], "--keep-old"),
        (["usage", "--since", "monday"], "YYYY-MM-DD"),
    ],
)
def test_a_mistake_is_named(operator: Operator, arguments: list[str], said: str) -> None:
    """Without a traceback, with an exit code that is not 0."""
    result = subprocess.run(
        [GALOP, *arguments, *operator.state], capture_output=True, text=True, timeout=60
    )
    assert result.returncode in (1, 2)
    assert said in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr


@pytest.mark.slow
def test_a_key_that_asks_for_too_much_leaves_room_for_others(operator: Operator) -> None:
    """It is refused by name while the queue has room, and somebody else's request is answered."""
    greedy, modest = operator.create("greedy"), operator.create("modest")
    bounds = ("--max-sequences", "1", "--max-waiting", "10")
    with (
        galop_serve("--model", "scripted:" + "x" * 4000, *bounds, *operator.state) as server,
        httpx.Client(base_url=server.base_url, timeout=60) as client,
        ThreadPoolExecutor(30) as pool,
    ):

        def ask(key: str, max_tokens: int) -> httpx.Response:
            headers = {"authorization": f"Bearer {key}"}
            return client.post(CHAT, json={**BODY, "max_tokens": max_tokens}, headers=headers)

        asked = [pool.submit(ask, greedy, 3000) for _ in range(30)]
        until_noticed(lambda: server.load()["waiting"] != 0)
        answer = ask(modest, 5)
        refused = [each.result() for each in asked if each.result().status_code != 200]

    assert answer.status_code == 200
    assert refused
    for each in refused:
        assert each.status_code == 503
        assert "of this API key" in each.json()["error"]["message"]
        assert int(each.headers["retry-after"]) >= 1
