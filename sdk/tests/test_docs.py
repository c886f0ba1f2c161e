"""Every Python block of the README and the pages runs, page by page, in one namespace."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import groq

if TYPE_CHECKING:
    from sdk.tests.conftest import Exchange, LoopbackServer

Serve = Callable[[Callable[["Exchange"], None]], "LoopbackServer"]
Payload = Callable[..., dict[str, object]]

SDK = Path(__file__).parent.parent
PAGES = [SDK / "README.md", *sorted((SDK / "docs").glob("*.md"))]
RECIPE = '{"title":"Leek soup","ingredients":[{"name":"leek","quantity":2}]}'


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(), re.M | re.S)


@pytest.fixture
def documented_server(serve: Serve, completion: Payload, chunk: Payload) -> LoopbackServer:
    """Answers whatever the pages ask."""

    def text_for(body: dict[str, Any]) -> str:
        wants_json = (body.get("response_format") or {}).get("type") == "json_schema"
        return RECIPE if wants_json else "One, two, three."

    def answer(body: dict[str, Any]) -> dict[str, object]:
        if not body.get("tools"):
            return completion(text_for(body))
        function = {"name": body["tools"][0]["function"]["name"], "arguments": '{"word":"leek"}'}
        call = {"id": "call_1", "type": "function", "function": function}
        message = {"role": "assistant", "tool_calls": [call]}
        return completion(choices=[{"index": 0, "message": message, "finish_reason": "tool_calls"}])

    def handler(exchange: Exchange) -> None:
        if exchange.method == "GET":
            exchange.respond({"object": "list", "data": []})
            return
        body = exchange.json()
        if body["model"] == "no-such-model":
            exchange.respond({"error": {"message": "no", "code": "model_not_found"}}, status=404)
        elif body.get("stream"):
            exchange.start_stream()
            text = text_for(body)
            for start in range(0, len(text), 5):
                exchange.send_event(chunk(text[start : start + 5]))
            exchange.send_event(chunk(finish_reason="stop"))
            exchange.send_event("[DONE]")
            exchange.end_stream()
        else:
            exchange.respond(answer(body))

    return serve(handler)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_runs(
    page: Path,
    documented_server: LoopbackServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As a reader would paste them, one after another."""
    monkeypatch.setenv("GROQ_API_KEY", "k")
    monkeypatch.setenv("GROQ_BASE_URL", documented_server.url)
    namespace: dict[str, Any] = {"__name__": page.stem}

    assert blocks(page)
    for block in blocks(page):
        exec(compile(block, str(page), "exec", dont_inherit=True), namespace)


def test_every_error_is_in_the_docs() -> None:
    """A reader finds each class on the page about errors."""
    page = (SDK / "docs" / "errors-and-retries.md").read_text()

    for name in groq.__all__:
        value = getattr(groq, name)
        if isinstance(value, type) and issubclass(value, groq.GroqError):
            assert f"`{name}`" in page, name


def test_the_helper_events_are_in_the_docs() -> None:
    """Each event type has its line in the table."""
    from groq import _chat_stream

    page = (SDK / "docs" / "streaming.md").read_text()
    types = re.findall(r'type: Literal\["([\w.]+)"\]', Path(_chat_stream.__file__).read_text())

    assert len(types) == 6
    for type_ in types:
        assert f"`{type_}`" in page


def test_the_changelog_knows_this_version() -> None:
    """A release without a word to its users is none."""
    assert f"## {groq.__version__}" in (SDK / "CHANGELOG.md").read_text()
