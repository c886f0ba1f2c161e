"""What became of one request: an answer, a clear error, or a loss."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from galop.benchmark.client import Body, Client, Exchange

PATH = "/openai/v1/chat/completions"
TIMEOUT_S = 180.0

Verdict = Literal["right", "clear error", "lost"]


@dataclass(slots=True)
class Answer:
    """What one request got."""

    status: int = 0
    retry_after: str | None = None
    said: dict[int, str] = field(default_factory=lambda: defaultdict(str))
    """Of each choice: text, calls without their random ids, log probabilities, reason to finish."""
    num_chunks: int = 0
    created: int = 0
    error: str | None = None
    """What the API said went wrong."""
    is_complete: bool = False
    """It ended as an answer ends, not in the middle."""
    broken: str | None = None
    """How the connection failed, where it did."""
    ended_s: float = 0.0
    """When, by `time.perf_counter`."""

    def verdict(self, expected: Answer) -> Verdict:
        """By comparison with an undisturbed run. Half an answer without an error is lost."""
        if self.broken is None and self.error is not None:
            return "clear error"
        return "right" if self.is_complete and self.said == expected.said else "lost"

    def describe(self) -> str:
        """One line, for the report of a loss."""
        if self.broken is not None:
            return f"{self.broken} after {self.num_chunks} chunks"
        return f"status {self.status}, {self.num_chunks} chunks, {dict(self.said)}"

    def add(self, document: Any) -> None:
        """A chunk, a whole completion or an error."""
        if "error" in document:
            self.error = str(document["error"]["message"])
            return
        self.num_chunks += 1
        self.created = document["created"]
        for choice in document["choices"]:
            message = choice.get("delta") or choice.get("message") or {}
            said = message.get("content") or ""
            for call in message.get("tool_calls") or ():
                said += json.dumps(call["function"], sort_keys=True)
            if choice.get("logprobs"):
                said += json.dumps(choice["logprobs"], sort_keys=True)
            self.said[choice["index"]] += said + (choice.get("finish_reason") or "")


def read_answer(exchange: Exchange) -> Answer:
    """What this exchange gave. Raises nothing: what cannot be read is `broken`."""
    answer = Answer(
        status=exchange.status,
        retry_after=exchange.headers.get("retry-after"),
        broken=exchange.broken,
        ended_s=exchange.ended_s,
    )
    try:
        if exchange.headers.get("content-type", "").startswith("text/event-stream"):
            for _, event in exchange.events():
                if event == b"[DONE]":
                    answer.is_complete = True
                else:
                    answer.add(json.loads(event))
        elif exchange.broken is None:
            answer.add(json.loads(exchange.content))
            answer.is_complete = True
    except (ValueError, KeyError) as error:
        answer.broken = repr(error)
    return answer


def connect(base_url: str, api_key: str = "") -> Client:
    """A client whose every request has a connection of its own."""
    return Client(base_url, api_key=api_key, timeout_s=TIMEOUT_S)


async def ask(client: Client, body: Body, on_chunk: Callable[[int], None] | None = None) -> Answer:
    """Send and read to the end. Raises nothing: what fails is in the answer.

    `on_chunk` is called with the number of events so far, each time that some have come.
    """

    def count(exchange: Exchange) -> None:
        if on_chunk:
            on_chunk(sum(1 for _ in exchange.events()))

    return read_answer(await client.send(client.post(PATH, body), count))
