"""`galop bench URL`: how fast a running server answers, ours or any other with this API."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from galop.cli.errors import CommandFailedError, InterruptedCommandError
from galop.cli.values import http_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from galop.benchmark.client import Block, Target

API_KEY_VARIABLE = "GROQ_API_KEY"
DEFAULT_CLIENTS = (1, 8)


@click.command(short_help="Measure how fast a running server answers.")
@click.argument(
    "urls",
    type=http_url,
    nargs=-1,
    required=True,
    metavar="URL [URL]",
    help="The server, such as http://127.0.0.1:8000. With two of them the blocks alternate "
    "A B B A and the table ends with the median of the paired ratios B/A.",
)
@click.option(
    "--clients",
    type=click.IntRange(1, 1024),
    multiple=True,
    metavar="N",
    help="Streams at once; can be given several times: a row each. Left out: 1 and 8.",
)
@click.option(
    "--tokens",
    type=click.IntRange(1),
    default=64,
    show_default=True,
    metavar="N",
    help="Completion tokens of every request, at most.",
)
@click.option(
    "--pairs",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    metavar="N",
    help="Blocks per row and server.",
)
@click.option(
    "--temperature",
    type=click.FloatRange(0, 2),
    default=0.0,
    show_default=True,
    metavar="X",
    help="0 is greedy.",
)
@click.option("--model", metavar="ID", help="Left out: the first one that the server lists.")
def bench(
    urls: tuple[str, ...],
    clients: tuple[int, ...],
    tokens: int,
    pairs: int,
    temperature: float,
    model: str | None,
) -> None:
    """Measure how fast a running server answers. It should have nothing else to do meanwhile.

    An API key is taken from GROQ_API_KEY.
    """
    import asyncio

    from galop.benchmark.client import BenchError, Target

    if len(urls) > 2:
        raise click.BadParameter("give one server, or two to compare them", param_hint="URL")
    key = os.environ.get(API_KEY_VARIABLE)
    targets = [
        Target(url.rstrip("/").removesuffix("/v1"), api_key=key, model=model or "") for url in urls
    ]
    try:
        asyncio.run(_run(targets, clients or DEFAULT_CLIENTS, tokens, pairs, temperature))
    except BenchError as error:
        raise CommandFailedError(str(error)) from None
    except KeyboardInterrupt:
        raise InterruptedCommandError("the measurement was interrupted") from None


async def _run(
    targets: list[Target], clients: Sequence[int], tokens: int, pairs: int, temperature: float
) -> None:
    click.echo(f"load average {os.getloadavg()[0]:.2f}, {pairs} blocks of {tokens} tokens a stream")
    for target in targets:
        await target.choose_model()
        click.echo(f"  {target.base_url} model {target.model}")
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
    cells = [_cell(of_target) for of_target in blocks]
    if len(targets) == 2:
        ratios = [b.tokens_per_s / a.tokens_per_s for a, b in zip(*blocks, strict=True)]
        ratio = estimate(ratios)
        cells.append(f"B/A {ratio.median:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]")
    click.echo(f"{num_clients:4d} clients | " + " | ".join(cells))


def _cell(blocks: list[Block]) -> str:
    from statistics import median

    return (
        f"{median(block.tokens_per_s for block in blocks):7.1f} tok/s, first token "
        f"{median(block.first_token_s() for block in blocks):6.3f} s "
        f"(p99 {max(block.first_token_s(0.99) for block in blocks):6.3f})"
    )
