"""How fast a running server answers: `make bench`, or `python -m bench.load --url http://...`.

Definitions: time to first token is from sending the request to the first chunk with non-empty
content; tokens are counted from `usage`, not from chunks; tokens/s is all output tokens over the
wall time of the block. With two URLs the blocks alternate A B B A ..., and the table shows the
median of the paired ratios B/A with a 95 % bootstrap interval, because single figures of a shared
machine say little. Without --url it starts `galop serve` with the embedded model itself.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from e2e.conftest import galop_serve


@dataclass(frozen=True)
class Block:
    """One measured block."""

    tokens_per_s: float
    first_token_s: float
    """Median over the requests of the block."""


async def one_request(
    client: httpx.AsyncClient, model: str, index: int, num_tokens: int
) -> tuple[float, int]:
    """Seconds to the first token, and completion tokens."""
    body = {
        "model": model,
        "messages": [{"role": "user", "content": f"Tell me a long story about number {index}."}],
        "max_tokens": num_tokens,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    started = time.perf_counter()
    first_token_s = 0.0
    num_completion = 0
    async with client.stream("POST", "/v1/chat/completions", json=body) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            if not line.startswith("data: {"):
                continue
            chunk = json.loads(line[6:])
            if (
                not first_token_s
                and chunk["choices"]
                and chunk["choices"][0]["delta"].get("content")
            ):
                first_token_s = time.perf_counter() - started
            if chunk.get("usage"):
                num_completion = chunk["usage"]["completion_tokens"]
    return first_token_s, num_completion


async def measure(url: str, model: str, clients: int, num_tokens: int) -> Block:
    """One block: `clients` requests at once."""
    offset = random.randrange(1_000_000)  # other prompts each time: no prefix from the last block
    async with httpx.AsyncClient(base_url=url, timeout=600) as client:
        started = time.perf_counter()
        results = await asyncio.gather(
            *(one_request(client, model, offset + i, num_tokens) for i in range(clients))
        )
        wall_s = time.perf_counter() - started
    return Block(
        sum(count for _, count in results) / wall_s,
        statistics.median(first for first, _ in results),
    )


def interval(ratios: Sequence[float]) -> tuple[float, float]:
    """95 % bootstrap interval of the median."""
    source = random.Random(0)
    medians = sorted(statistics.median(source.choices(ratios, k=len(ratios))) for _ in range(2000))
    return medians[50], medians[1949]


async def model_of(url: str) -> str:
    async with httpx.AsyncClient(base_url=url) as client:
        models = (await client.get("/v1/models")).json()
    return str(models["data"][0]["id"])


async def compare(urls: Sequence[str], clients: int, num_tokens: int, pairs: int) -> None:
    """Print one row."""
    models = [await model_of(url) for url in urls]
    blocks: list[list[Block]] = [[] for _ in urls]
    for index, url in enumerate(urls):
        await measure(url, models[index], clients, 4)
    for pair in range(pairs):
        order = range(len(urls)) if pair % 2 == 0 else reversed(range(len(urls)))
        for index in order:
            blocks[index].append(await measure(urls[index], models[index], clients, num_tokens))
    cells = [
        f"{statistics.median(b.tokens_per_s for b in row):7.1f} tok/s "
        f"{statistics.median(b.first_token_s for b in row):6.3f} s to first"
        for row in blocks
    ]
    if len(urls) == 2:
        ratios = [b.tokens_per_s / a.tokens_per_s for a, b in zip(*blocks, strict=True)]
        low, high = interval(ratios)
        cells.append(f"B/A {statistics.median(ratios):.2f} [{low:.2f}, {high:.2f}]")
    print(f"{clients:3d} clients | " + " | ".join(cells), flush=True)


def run(urls: Sequence[str], options: argparse.Namespace) -> None:
    print(f"load average {os.getloadavg()[0]:.2f}, {options.pairs} blocks, {options.tokens} tokens")
    for clients in options.clients:
        asyncio.run(compare(urls, clients, options.tokens, options.pairs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--url", action="append", help="a server; give two to compare them")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 16])
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    if options.url:
        run(options.url, options)
        return
    with galop_serve("--log-level", "error") as server:
        run([server.base_url], options)


if __name__ == "__main__":
    main()
