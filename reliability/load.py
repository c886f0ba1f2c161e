"""More clients than fit: 64 streams on the default settings, then ten times what the server can do.

`python -m reliability.load`. Goodput counts whole, right answers per second. Under overload it must stay
within 90 % of what a full batch gets done, what is refused must say 503 or 429 and when to come back,
and memory must not grow with the queue of those who want in. A machine's speed wanders, so overload is
compared with the full batches just before and after it, and the median of several such rounds counts.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from galop.benchmark.client import Body, Client, read_completion
from galop.benchmark.statistics import percentile
from reliability.answers import PATH, Answer, connect, read_answer
from reliability.report import Report, finish, new_report, parser
from reliability.requests import story
from reliability.service import Service, serving
from reliability.traffic import Sent, closed_loop, open_loop

NUM_STREAMS = 64
NUM_TOKENS = 64
SHORT = range(16, 33)
"""Tokens of an answer where throughput is measured: of several lengths, so that they do not end together."""
FULL_BATCH = 24
"""Clients; more than the 16 that run at once, so that a place is never empty."""
OVERLOAD = 10
ROUNDS = 5
RAMP_S = 1.0
"""What ends earlier does not count: the batch fills."""
LEAST_SHARE = 0.9
MOST_GROWTH_MIB = 64.0
COLUMNS = ("what", "requests", "right", "refused", "lost", "figures")


@dataclass
class Streams:
    """What some streams saw."""

    answers: list[Answer] = field(default_factory=list)
    first_s: list[float] = field(default_factory=list)
    gaps_s: list[float] = field(default_factory=list)

    async def add(self, client: Client, body: Body) -> None:
        exchange = await client.send(client.post(PATH, body))
        self.answers.append(read_answer(exchange))
        if is_whole(self.answers[-1]):
            completion = read_completion(exchange)
            self.first_s.append(completion.first_token_s)
            times_s = completion.content_times_s
            self.gaps_s += [later - earlier for earlier, later in itertools.pairwise(times_s)]


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
    gaps = [1000 * percentile(streams.gaps_s or [math.nan], share) for share in (0.5, 0.99)]
    first = [percentile(streams.first_s or [math.nan], share) for share in (0.5, 0.99)]
    report.add(
        {
            "what": f"{NUM_STREAMS} streams of {NUM_TOKENS} tokens",
            "requests": NUM_STREAMS,
            "right": num_right,
            "refused": 0,
            "lost": NUM_STREAMS - num_right,
            "figures": f"{NUM_STREAMS * NUM_TOKENS / seconds:.0f} tokens/s; gap between tokens "
            f"median {gaps[0]:.0f} ms, p99 {gaps[1]:.0f} ms; first token median "
            f"{first[0]:.1f} s, p99 {first[1]:.1f} s",
        },
        [a.describe() for a in streams.answers if not is_whole(a)],
    )


@dataclass
class Goodput:
    """What came of requests that were sent for some seconds."""

    per_s: float
    """Right answers while requests were sent, per second of the cores less what the clients took."""
    right: int
    refused: Counter[int]
    lost: list[str]


async def overload(report: Report, seconds: float, *arguments: str, rounds: int = ROUNDS) -> None:
    """In turns a batch that is always full, and ten times as many requests as that finished.

    `arguments` are the server's.
    """
    bodies = _stories()
    async with serving("--log-level", "error", *arguments) as service:
        full = [await _full_batch(service, bodies, seconds)]
        before = await service.settled()
        peak = Peak()
        watching = asyncio.create_task(peak.watch(service))
        many = []
        for _ in range(rounds):
            per_s = OVERLOAD * full[-1].per_s
            many.append(await _many_times(service, bodies, per_s, seconds))
            full.append(await _full_batch(service, bodies, seconds))
        watching.cancel()
        after = await service.settled(before)
    shares = [
        2 * found.per_s / (earlier.per_s + later.per_s)
        for found, (earlier, later) in zip(many, itertools.pairwise(full), strict=True)
    ]
    share = statistics.median(shares)
    problems = []
    if share < LEAST_SHARE:
        problems.append(f"goodput under overload is {share:.2f} of the best")
    if peak.server_mib > before.server_mib + MOST_GROWTH_MIB:
        problems.append(
            f"the server grew from {before.server_mib:.0f} to {peak.server_mib:.0f} MiB"
        )
    if after.num_sequences or after.num_descriptors > before.num_descriptors:
        problems.append(f"left over: {before} became {after}")
    _add(report, f"a full batch, {FULL_BATCH} clients, {len(full)} x {seconds:g} s", full, "")
    figures = (
        f", {share:.2f} of the best ({min(shares):.2f} to {max(shares):.2f}); server "
        f"{before.server_mib:.0f} MiB before, {peak.server_mib:.0f} at most"
    )
    what = f"{OVERLOAD} times as many requests, {rounds} x {seconds:g} s"
    _add(report, what, many, figures, problems)


class Peak:
    """The most resident memory of the server process, in MiB, while `watch` runs."""

    def __init__(self) -> None:
        self.server_mib = 0.0

    async def watch(self, service: Service) -> None:
        while True:
            self.server_mib = max(self.server_mib, service.server_mib)
            await asyncio.sleep(0.5)


def _add(
    report: Report, what: str, found: Sequence[Goodput], figures: str, problems: Sequence[str] = ()
) -> None:
    refused = sum((each.refused for each in found), Counter[int]())
    lost = [each for one in found for each in one.lost]
    num_right = sum(each.right for each in found)
    per_s = statistics.median(each.per_s for each in found)
    row: dict[str, str | int | float] = {
        "what": what,
        "requests": num_right + refused.total() + len(lost),
        "right": num_right,
        "refused": ", ".join(f"{count} x {status}" for status, count in sorted(refused.items()))
        or 0,
        "lost": len(lost),
        "figures": f"{per_s:.1f} answers/s" + figures,
    }
    report.add(row, [*lost[:5], *problems])


def _stories() -> Iterator[Body]:
    """No two alike, so that no round finds the prompts of another in the cache; of the same length."""
    for number in itertools.count(10_000):
        yield {**story(number, SHORT[number % len(SHORT)]), "stream": False}


async def _full_batch(service: Service, bodies: Iterator[Body], seconds: float) -> Goodput:
    sent = await asyncio.to_thread(closed_loop, service.base_url, bodies, FULL_BATCH, seconds)
    return _judge(sent, seconds)


async def _many_times(
    service: Service, bodies: Iterator[Body], per_s: float, seconds: float
) -> Goodput:
    some = list(itertools.islice(bodies, round(per_s * seconds)))
    return _judge(await asyncio.to_thread(open_loop, service.base_url, some, per_s), seconds)


def _judge(sent: Sent, seconds: float) -> Goodput:
    """`seconds`: how long requests were sent."""
    answers = sent.answers
    right = [answer for answer in answers if is_whole(answer)]
    in_time = [answer for answer in right if RAMP_S <= answer.ended_s - sent.started_s < seconds]
    refused = [
        answer
        for answer in answers
        if answer.status in (429, 503) and answer.error and answer.retry_after
    ]
    share_left = 1 - sent.cpu_s / seconds / (os.cpu_count() or 1)
    known = {id(answer) for answer in (*right, *refused)}
    return Goodput(
        per_s=len(in_time) / (seconds - RAMP_S) / share_left,
        right=len(right),
        refused=Counter(answer.status for answer in refused),
        lost=[answer.describe() for answer in answers if id(answer) not in known],
    )


def load_report() -> Report:
    """An empty one."""
    return new_report("Load", COLUMNS)


async def run(seconds: float, rounds: int) -> Report:
    """Both parts."""
    report = load_report()
    await many_streams(report)
    await overload(report, seconds, rounds=rounds)
    return report


def main() -> None:
    """The command."""
    arguments = parser(__doc__)
    arguments.add_argument("--seconds", type=float, default=15, help="of each measurement (15)")
    arguments.add_argument(
        "--rounds", type=int, default=ROUNDS, help=f"of the second part ({ROUNDS})"
    )
    options = arguments.parse_args()
    finish(asyncio.run(run(options.seconds, options.rounds)), options.json)


if __name__ == "__main__":
    main()
