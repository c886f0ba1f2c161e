"""`galop bench URL`: measures the speed of a running server, this or any other with this API."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from galop.cli.errors import CommandFailedError, InterruptedCommandError
from galop.cli.values import http_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from galop.benchmark.client import Block, Target

API_KEY_VARIABLE = "GROQ_API_KEY"
DEFAULT_CLIENTS = (1, 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """The requests of every row of the table."""

    max_tokens: int
    """Completion tokens of a request, at most."""
    num_pairs: int
    """Measured blocks per row and server."""
    temperature: float
    """0 to 2; 0 is greedy."""

    def bodies(self, num_clients: int, pair: int) -> list[dict[str, object]]:
        """The requests of one block. No two prompts of a measurement are equal."""
        return [
            {
                "messages": [
                    {"role": "user", "content": f"Tell me a story of {pair} and {index}."}
                ],
                "max_tokens": self.max_tokens,
                "temperature": self.temperature,
            }
            for index in range(num_clients)
        ]


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
    workload = Workload(max_tokens=tokens, num_pairs=pairs, temperature=temperature)
    key = os.environ.get(API_KEY_VARIABLE)
    targets = [
        Target(url.rstrip("/").removesuffix("/v1"), api_key=key, model=model or "") for url in urls
    ]
    try:
        asyncio.run(_run(targets, clients or DEFAULT_CLIENTS, workload))
    except BenchError as error:
        raise CommandFailedError(str(error)) from None
    except KeyboardInterrupt:
        raise InterruptedCommandError("the measurement was interrupted") from None


async def _run(targets: Sequence[Target], clients: Sequence[int], workload: Workload) -> None:
    click.echo(
        f"load average {os.getloadavg()[0]:.2f}, {workload.num_pairs} blocks of "
        f"{workload.max_tokens} tokens a stream"
    )
    for target in targets:
        await target.choose_model()
        click.echo(f"  {target.base_url} model {target.model}")
    for num_clients in clients:
        blocks = await _measured_blocks(targets, num_clients, workload)
        click.echo(f"{num_clients:4d} clients | " + " | ".join(_cells(blocks)))


async def _measured_blocks(
    targets: Sequence[Target], num_clients: int, workload: Workload
) -> list[list[Block]]:
    """`num_pairs` blocks of every target. With two targets the order is A B B A."""
    from galop.benchmark.statistics import turns

    blocks: list[list[Block]] = [[] for _ in targets]
    for pair in range(-1, workload.num_pairs):  # the first one warms up
        bodies = workload.bodies(num_clients, pair)
        for index in turns(pair) if len(targets) == 2 else (0,):
            block = await targets[index].run(bodies)
            if pair >= 0:
                blocks[index].append(block)
    return blocks


def _cells(blocks: Sequence[Sequence[Block]]) -> list[str]:
    """One cell per target; with two targets, then the median of their paired ratios."""
    from galop.benchmark.statistics import estimate

    cells = [_cell(of_target) for of_target in blocks]
    if len(blocks) == 2:
        ratios = [b.tokens_per_s / a.tokens_per_s for a, b in zip(*blocks, strict=True)]
        ratio = estimate(ratios)
        cells.append(f"B/A {ratio.median:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]")
    return cells


def _cell(blocks: Sequence[Block]) -> str:
    from statistics import median

    return (
        f"{median(block.tokens_per_s for block in blocks):7.1f} tok/s, first token "
        f"{median(block.first_token_s() for block in blocks):6.3f} s "
        f"(p99 {max(block.first_token_s(0.99) for block in blocks):6.3f})"
    )
