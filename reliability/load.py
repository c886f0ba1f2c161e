"""More clients than fit: 64 streams on the default settings, then ten times what the server can do.

`python -m reliability.load`. Goodput counts whole, right answers per second. Under overload it must stay
within 90 % of what a full batch gets done, what is refused must say 503 or 429 and when to come back,
and memory must not grow with the queue of those who want in.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from reliability.client import Answer, Body, ask, connect
from reliability.report import Report, finish, new_report, parser
from reliability.requests import story
from reliability.service import Service, serving
from reliability.traffic import closed_loop, open_loop

NUM_STREAMS = 64
NUM_TOKENS = 64
SHORT = 24
"""Tokens of an answer where throughput is measured."""
FULL_BATCH = 16
OVERLOAD = 10
LEAST_SHARE = 0.9
MOST_GROWTH_MIB = 64.0
COLUMNS = ("what", "clients", "right", "refused", "lost", "figures")


@dataclass
class Streams:
    """What some streams saw."""

    answers: list[Answer] = field(default_factory=list)
    first_s: list[float] = field(default_factory=list)
    gaps_s: list[float] = field(default_factory=list)

    async def add(self, client: httpx.AsyncClient, body: Body) -> None:
        times_s = [time.monotonic()]
        self.answers.append(await ask(client, body, lambda _: times_s.append(time.monotonic())))
        self.first_s.append(times_s[min(2, len(times_s) - 1)] - times_s[0])
        self.gaps_s += [later - earlier for earlier, later in itertools.pairwise(times_s[2:])]


def percentile(values: Sequence[float], share: float) -> float:
    """0.0 where there are none."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def is_whole(answer: Answer) -> bool:
    """It came to its end at `max_tokens`, as a story must."""
    return answer.is_complete and answer.error is None and answer.said[0].endswith("length")


async def many_streams(report: Report) -> None:
    """64 at once: no errors."""
    async with serving("--log-level", "error") as service, connect(service.base_url) as client:
        streams = Streams()
        started_s = time.monotonic()
        bodies = [story(number, NUM_TOKENS) for number in range(NUM_STREAMS)]
        await asyncio.gather(*(streams.add(client, body) for body in bodies))
        seconds = time.monotonic() - started_s
    num_right = sum(map(is_whole, streams.answers))
    gaps = [1000 * percentile(streams.gaps_s, share) for share in (0.5, 0.99)]
    report.add(
        {
            "what": f"{NUM_STREAMS} streams of {NUM_TOKENS} tokens",
            "clients": NUM_STREAMS,
            "right": num_right,
            "refused": 0,
            "lost": NUM_STREAMS - num_right,
            "figures": f"{NUM_STREAMS * NUM_TOKENS / seconds:.0f} tokens/s; gap between tokens "
            f"median {gaps[0]:.0f} ms, p99 {gaps[1]:.0f} ms; first token median "
            f"{statistics.median(streams.first_s):.1f} s, p99 {percentile(streams.first_s, 0.99):.1f} s",
        },
        [a.describe() for a in streams.answers if not is_whole(a)],
    )


@dataclass
class Goodput:
    """What came of requests that were sent for some seconds."""

    per_s: float
    right: int
    refused: Counter[int]
    lost: list[str]


async def overload(report: Report, seconds: float, *arguments: str) -> None:
    """First a batch that is always full, then ten times as many requests as that finished.

    `arguments` are the server's.
    """
    async with serving("--log-level", "error", *arguments) as service:
        await _full_batch(service, 3)  # warm
        best = await _full_batch(service, seconds)
        before = await service.settled()
        peak = Peak()
        watching = asyncio.create_task(peak.watch(service))
        found = await _many_times(service, OVERLOAD * best.per_s, seconds)
        watching.cancel()
        after = await service.settled(before)
        again = await _full_batch(service, seconds)
    _add(report, f"a full batch for {seconds:g} s", FULL_BATCH, best, f"{best.per_s:.1f} answers/s")
    share = 2 * found.per_s / (best.per_s + again.per_s)
    problems = []
    if share < LEAST_SHARE:
        problems.append(f"goodput under overload is {share:.2f} of the best")
    if peak.server_mib > before.server_mib + MOST_GROWTH_MIB:
        problems.append(
            f"the server grew from {before.server_mib:.0f} to {peak.server_mib:.0f} MiB"
        )
    if after.num_sequences or after.num_descriptors > before.num_descriptors:
        problems.append(f"left over: {before} became {after}")
    figures = (
        f"{found.per_s:.1f} answers/s, {share:.2f} of the best; server {before.server_mib:.0f} MiB "
        f"before, {peak.server_mib:.0f} at most"
    )
    num_sent = found.right + sum(found.refused.values()) + len(found.lost)
    _add(report, f"{OVERLOAD} times as many", num_sent, found, figures, problems)
    _add(report, "a full batch again", FULL_BATCH, again, f"{again.per_s:.1f} answers/s")


class Peak:
    """The most resident memory of the server process, in MiB, while `watch` runs."""

    def __init__(self) -> None:
        self.server_mib = 0.0

    async def watch(self, service: Service) -> None:
        while True:
            self.server_mib = max(self.server_mib, service.server_mib)
            await asyncio.sleep(0.5)


def _add(
    report: Report,
    what: str,
    num_clients: int,
    found: Goodput,
    figures: str,
    problems: Sequence[str] = (),
) -> None:
    refused = ", ".join(f"{count} x {status}" for status, count in sorted(found.refused.items()))
    row: dict[str, str | int | float] = {
        "what": what,
        "clients": num_clients,
        "right": found.right,
        "refused": refused or 0,
        "lost": len(found.lost),
        "figures": figures,
    }
    report.add(row, [*found.lost[:5], *problems])


def _short_story(number: int) -> Body:
    return {**story(number, SHORT), "stream": False}


async def _full_batch(service: Service, seconds: float) -> Goodput:
    started_s = time.monotonic()
    bodies = map(_short_story, itertools.count())
    answers = await asyncio.to_thread(closed_loop, service.port, bodies, FULL_BATCH, seconds)
    return _judge(answers, time.monotonic() - started_s)


async def _many_times(service: Service, per_s: float, seconds: float) -> Goodput:
    """Counts what is done until the queue is empty."""
    started_s = time.monotonic()
    bodies = list(map(_short_story, range(round(per_s * seconds))))
    answers = await asyncio.to_thread(open_loop, service.port, bodies, per_s)
    return _judge(answers, time.monotonic() - started_s)


def _judge(answers: Sequence[Answer], seconds: float) -> Goodput:
    right = [answer for answer in answers if is_whole(answer)]
    refused = [
        answer
        for answer in answers
        if answer.status in (429, 503) and answer.error and answer.retry_after
    ]
    known = {id(answer) for answer in (*right, *refused)}
    return Goodput(
        per_s=len(right) / seconds,
        right=len(right),
        refused=Counter(answer.status for answer in refused),
        lost=[answer.describe() for answer in answers if id(answer) not in known],
    )


def load_report() -> Report:
    """An empty one."""
    return new_report("Load", COLUMNS)


async def run(seconds: float) -> Report:
    """Both parts."""
    report = load_report()
    await many_streams(report)
    await overload(report, seconds)
    return report


def main() -> None:
    """The command."""
    arguments = parser(__doc__)
    arguments.add_argument("--seconds", type=float, default=20, help="of each measurement (20)")
    options = arguments.parse_args()
    finish(asyncio.run(run(options.seconds)), options.json)


if __name__ == "__main__":
    main()
