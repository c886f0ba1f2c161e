"""`galop bench URL`: how fast a running server answers, ours or any other with this API."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from galop.benchmark.client import Block, Target

API_KEY_VARIABLE = "GROQ_API_KEY"


def bench(
    urls: Annotated[
        list[str],
        typer.Argument(
            metavar="URL [URL]",
            help="The server, such as http://127.0.0.1:8000. With two of them the blocks alternate "
            "A B B A and the table ends with the median of the paired ratios B/A.",
        ),
    ],
    clients: Annotated[
        list[int] | None,
        typer.Option(
            min=1,
            max=1024,
            help="Streams at once; can be given several times: a row each. Left out: 1 and 8.",
        ),
    ] = None,
    tokens: Annotated[
        int, typer.Option(min=1, help="Completion tokens of every request, at most.")
    ] = 64,
    pairs: Annotated[int, typer.Option(min=1, help="Blocks per row and server.")] = 5,
    temperature: Annotated[float, typer.Option(min=0, max=2, help="0 is greedy.")] = 0.0,
    model: Annotated[
        str, typer.Option(metavar="ID", help="Left out: the first one that the server lists.")
    ] = "",
) -> None:
    """Measure how fast a running server answers. It should have nothing else to do meanwhile.

    An API key is taken from GROQ_API_KEY.
    """
    import asyncio  # here, because `galop serve` imports this module before it starts the engine

    from galop.benchmark.client import BenchError, Target

    if len(urls) > 2:
        raise typer.BadParameter("give one server, or two to compare them", param_hint="URL")
    for url in urls:
        if not url.startswith(("http://", "https://")):
            raise typer.BadParameter(f"{url!r} is not an http(s) address", param_hint="URL")
    key = os.environ.get(API_KEY_VARIABLE)
    targets = [
        Target(url.rstrip("/").removesuffix("/v1"), api_key=key, model=model) for url in urls
    ]
    try:
        asyncio.run(_bench(targets, clients or [1, 8], tokens, pairs, temperature))
    except BenchError as error:
        typer.echo(f"galop: {error}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


async def _bench(
    targets: list[Target], clients: list[int], tokens: int, pairs: int, temperature: float
) -> None:
    typer.echo(f"load average {os.getloadavg()[0]:.2f}, {pairs} blocks of {tokens} tokens a stream")
    for target in targets:
        await target.choose_model()
        typer.echo(f"  {target.base_url} model {target.model}")
    for num_clients in clients:
        await _row(targets, num_clients, tokens, pairs, temperature)


async def _row(
    targets: list[Target], num_clients: int, tokens: int, pairs: int, temperature: float
) -> None:
    from galop.benchmark.statistics import estimate, turns

    blocks: list[list[Block]] = [[] for _ in targets]
    for pair in range(-1, pairs):  # the first one warms up
        bodies = [
            {
                "messages": [
                    {"role": "user", "content": f"Tell me a story of {pair} and {index}."}
                ],
                "max_tokens": tokens,
                "temperature": temperature,
            }
            for index in range(num_clients)
        ]
        for index in turns(pair) if len(targets) == 2 else (0,):
            block = await targets[index].run(bodies)
            if pair >= 0:
                blocks[index].append(block)
    cells = [_figures(of_target) for of_target in blocks]
    if len(targets) == 2:
        ratios = [b.tokens_per_s / a.tokens_per_s for a, b in zip(*blocks, strict=True)]
        ratio = estimate(ratios)
        cells.append(f"B/A {ratio.median:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]")
    typer.echo(f"{num_clients:4d} clients | " + " | ".join(cells))


def _figures(blocks: list[Block]) -> str:
    from statistics import median

    return (
        f"{median(block.tokens_per_s for block in blocks):7.1f} tok/s, first token "
        f"{median(block.first_token_s() for block in blocks):6.3f} s "
        f"(p99 {max(block.first_token_s(0.99) for block in blocks):6.3f})"
    )
