"""One request over a real socket, and what became of it: an answer, a clear error, or a loss."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx

PATH = "/openai/v1/chat/completions"
TIMEOUT_S = 180.0

Body = Mapping[str, Any]  # Any: JSON
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
    """When, by `time.monotonic`; known where `traffic` sent it."""

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


def connect(base_url: str, api_key: str = "") -> httpx.AsyncClient:
    """A client without a bound on connections; each request gets its own."""
    headers = {"connection": "close"}
    if api_key:
        headers["authorization"] = f"Bearer {api_key}"
    return httpx.AsyncClient(
        base_url=base_url,
        headers=headers,
        timeout=TIMEOUT_S,
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
    )


async def ask(
    client: httpx.AsyncClient, body: Body, on_chunk: Callable[[int], None] = lambda _: None
) -> Answer:
    """Send and read to the end. Raises nothing: what fails is in the answer.

    `on_chunk` is called with the number of chunks so far.
    """
    answer = Answer()
    try:
        async with client.stream("POST", PATH, json=body) as response:
            answer.status = response.status_code
            answer.retry_after = response.headers.get("retry-after")
            if response.status_code != 200 or not body.get("stream"):
                answer.add(json.loads(await response.aread()))
                answer.is_complete = True
                return answer
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    answer.add(json.loads(line.removeprefix("data: ")))
                    on_chunk(answer.num_chunks)
                elif line == "data: [DONE]":
                    answer.is_complete = True
    except (httpx.HTTPError, ValueError, KeyError) as error:
        answer.broken = repr(error)
    return answer
