"""What watching a completion costs per token: `python -m bench.telemetry_cost`.

Pairs of runs without and with, in the order A B B A, of events that are ready at once, so that nothing
but the watching differs. Prints the median of the pairs with its quartiles.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator

from galop.chat import ChatModel, ChatService, ChatTemplate, ModelRegistry
from galop.chat.models import entries_of
from galop.chat.request import ChatRequest
from galop.protocol.events import Finished, Prefilled, Tokens
from galop.protocol.requests import GenerationRequest
from galop.telemetry import CompletionObservers, EngineState, Metrics
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

    def submit(self, request: GenerationRequest) -> ReadyGeneration:
        return ReadyGeneration(request)


async def seconds_per_token(service: ChatService, observers: CompletionObservers | None) -> float:
    request = ChatRequest(
        request_id="req_1", model="m", messages=({"role": "user", "content": "Hi"},)
    )
    start_s = time.perf_counter()
    if observers is None:
        async for _ in service.complete(request):
            pass
    else:
        with observers.completion(request) as watch:
            async for event in service.complete(request):
                watch.take(event)
    return (time.perf_counter() - start_s) / NUM_TOKENS


def gap_cost(metrics: Metrics) -> float:
    start_s = time.perf_counter()
    for _ in range(NUM_TOKENS):
        metrics.token_gap(0.01)
    return (time.perf_counter() - start_s) / NUM_TOKENS


async def main() -> None:
    metrics = Metrics(EngineState, model_name="m", version="0")
    model = ChatModel(
        "m",
        tokenizer=ScriptedTokenizer(),
        template=ChatTemplate(None, bos_token="", eos_token=""),
        engine=ReadyEngine(),
        context_window=NUM_TOKENS + 1000,
        system_fingerprint="fp_0",
    )
    service = ChatService(ModelRegistry(entries_of(model, created=1)))
    observers = CompletionObservers([metrics])
    added = []
    for pair in range(NUM_PAIRS):
        order = [None, observers] if pair % 2 == 0 else [observers, None]
        times = {id(each): await seconds_per_token(service, each) for each in order}
        added.append((times[id(observers)] - times[id(None)]) * 1e6)
    gaps = [gap_cost(metrics) * 1e6 for _ in range(NUM_PAIRS)]
    for name, values in (("watching the events", added), ("one gap in the histogram", gaps)):
        low, middle, high = statistics.quantiles(values, n=4)
        print(f"{name}: {middle:.2f} us per token (quartiles {low:.2f} to {high:.2f})")
    start_s = time.perf_counter()
    page, _ = metrics.page("")
    print(f"one scrape: {(time.perf_counter() - start_s) * 1e3:.1f} ms for {len(page)} bytes")


if __name__ == "__main__":
    asyncio.run(main())
