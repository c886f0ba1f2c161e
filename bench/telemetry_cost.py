"""What watching a completion costs per token: `python -m bench.telemetry_cost`.

Pairs of runs without and with, in the order A B B A, of events that are ready at once, so that nothing
but the watching differs. Prints the median of the pairs with its quartiles.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from typing import Any

from galop.chat import ChatService, ChatTemplate
from galop.chat.request import ChatRequest, ModelCard
from galop.protocol.events import Finished, Prefilled, Tokens
from galop.protocol.requests import GenerationRequest
from galop.telemetry import EngineFigures, Metrics, ObservedChatService
from galop.testing import ScriptedTokenizer

NUM_TOKENS = 20_000
NUM_PAIRS = 20


class ReadyGeneration:
    """Events that need no waiting."""

    def __init__(self, request: GenerationRequest) -> None:
        self._request_id = request.request_id

    async def _events(self) -> AsyncIterator[Prefilled | Tokens | Finished]:
        yield Prefilled(
            request_id=self._request_id, queue_time_s=0, prompt_time_s=0, num_cached_tokens=0
        )
        tokens = Tokens(request_id=self._request_id, choice_index=0, token_ids=[ord("a")])
        for _ in range(NUM_TOKENS):
            yield tokens
        yield Finished(
            request_id=self._request_id,
            choice_index=0,
            finish_reason="length",
            num_completion_tokens=NUM_TOKENS,
            completion_time_s=1,
        )

    def __aiter__(self) -> AsyncIterator[Prefilled | Tokens | Finished]:
        return self._events()

    def cancel_choice(self, choice_index: int) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing runs."""


class ReadyEngine:
    """Answers at once."""

    def require_room(self, num_choices: int) -> None:
        """There is always room."""

    def generate(self, request: GenerationRequest) -> ReadyGeneration:
        return ReadyGeneration(request)

    def readiness(self) -> str | None:
        return None

    def load(self) -> tuple[int, int]:
        return 0, 0


async def seconds_per_token(service: ChatService) -> float:
    request = ChatRequest(
        request_id="req_1", model="m", messages=({"role": "user", "content": "Hi"},)
    )
    start_s = time.perf_counter()
    async for _ in service.complete(request):
        pass
    return (time.perf_counter() - start_s) / NUM_TOKENS


def gap_cost(metrics: Metrics) -> float:
    start_s = time.perf_counter()
    for _ in range(NUM_TOKENS):
        metrics.token_gap(0.01)
    return (time.perf_counter() - start_s) / NUM_TOKENS


async def main() -> None:
    metrics = Metrics(EngineFigures, model_name="m", version="0")
    card = ModelCard(
        id="m",
        created=1,
        owned_by="bench",
        context_window=NUM_TOKENS + 1000,
        max_completion_tokens=NUM_TOKENS,
    )
    parts: dict[str, Any] = {  # Any: what ChatService takes
        "engine": ReadyEngine(),
        "tokenizer": ScriptedTokenizer(),
        "template": ChatTemplate(None, bos_token="", eos_token=""),
        "models": [card],
        "system_fingerprint": "fp_0",
    }
    plain = ChatService(**parts)
    observed = ObservedChatService([metrics], **parts)
    added = []
    for pair in range(NUM_PAIRS):
        order = [plain, observed] if pair % 2 == 0 else [observed, plain]
        times = {id(service): await seconds_per_token(service) for service in order}
        added.append((times[id(observed)] - times[id(plain)]) * 1e6)
    gaps = [gap_cost(metrics) * 1e6 for _ in range(NUM_PAIRS)]
    for name, values in (("watching the events", added), ("one gap in the histogram", gaps)):
        low, middle, high = statistics.quantiles(values, n=4)
        print(f"{name}: {middle:.2f} us per token (quartiles {low:.2f} to {high:.2f})")
    start_s = time.perf_counter()
    page, _ = metrics.page("")
    print(f"one scrape: {(time.perf_counter() - start_s) * 1e3:.1f} ms for {len(page)} bytes")


if __name__ == "__main__":
    asyncio.run(main())
