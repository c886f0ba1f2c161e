"""Mixed load for half an hour: does anything grow?

`python -m reliability.soak --minutes 30`: streams, whole answers, JSON, schemas, tools, clients that
leave, and errors, all at once. Memory and descriptors of both processes are sampled; the slope over
the time after a warm-up, with its 95 % interval, must have zero in it or be below what matters.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from galop.benchmark.client import Body, Client
from reliability.answers import PATH, Answer, ask, connect
from reliability.report import Report, finish, new_report, parser
from reliability.requests import MODEL, body, mixed, story
from reliability.service import Holdings, Service, serving

NUM_CLIENTS = 8
SAMPLE_INTERVAL_S = 2.0
WARM_UP_SHARE = 0.5
"""With a scripted model the server grows by 0.8 MiB within 15,000 requests of all kinds and by nothing in the
40,000 after that; the first half hour has some 12,000 in all."""
NUM_SLOTS, LONGEST = 16, 400
"""Sequences that run at once, and tokens of the longest answer here. Memory is kept as far as it was ever used:
by each slot of the KV cache, and by whatever was there at the same time. Eight clients set new records ever
more rarely, which looks like growth; so both are driven beyond that beforehand."""
NUM_BLOCKS = 12
"""Samples seconds apart are not independent; means of blocks nearly are."""
NEGLIGIBLE_MIB = {"server MiB": 2.0, "engine MiB": 8.0}
"""Growth per hour that is called zero even where the noise is smaller. Descriptors are whole: less than one
in the time that counts is none. (Those left over when all is quiet are counted exactly.)"""
STUDENT_T_95 = {6: 2.45, 7: 2.36, 8: 2.31, 9: 2.26, 10: 2.23}
"""Two-sided 5 % of Student's t by degrees of freedom."""
ERRORS: dict[str, Body] = {
    "unknown model": {"model": "gpt-4", "messages": [{"role": "user", "content": "hi"}]},
    "no messages": {"model": MODEL, "messages": []},
    "bad temperature": body("hi", temperature=9),
    "impossible schema": body("hi", response_format={"type": "json_schema", "json_schema": {}}),
}


@dataclass(frozen=True, slots=True)
class Slope:
    """Per hour, with its 95 % interval."""

    per_hour: float
    plus_minus: float

    def is_zero(self, negligible: float) -> bool:
        """Within noise, or too little to matter."""
        return self.per_hour <= max(self.plus_minus, negligible)


def slope(times_s: Sequence[float], values: Sequence[float]) -> Slope:
    """Least squares through the means of blocks. Both sequences have the same length, at least
    `NUM_BLOCKS`."""
    size = len(values) // NUM_BLOCKS
    cuts = [slice(index * size, (index + 1) * size) for index in range(NUM_BLOCKS)]
    x = [statistics.fmean(times_s[cut]) / 3600 for cut in cuts]
    y = [statistics.fmean(values[cut]) for cut in cuts]
    per_hour, start = statistics.linear_regression(x, y)
    residual = sum((b - start - per_hour * a) ** 2 for a, b in zip(x, y, strict=True))
    spread = sum((a - statistics.fmean(x)) ** 2 for a in x)
    error = (residual / (NUM_BLOCKS - 2) / spread) ** 0.5
    return Slope(per_hour, STUDENT_T_95[NUM_BLOCKS - 2] * error)


class Mix:
    """What the clients do, and what came of it."""

    def __init__(self, client: Client, expected: dict[str, Answer]) -> None:
        self.counts: Counter[str] = Counter()
        self.losses: list[str] = []
        self._client = client
        self._bodies = mixed()
        self._expected = expected

    async def work(self, until_s: float, seed: int) -> None:
        """One client's requests, one after the other."""
        draw = random.Random(seed)
        while time.monotonic() < until_s:
            kind = draw.choices(("answer", "leave", "error"), (6, 2, 1))[0]
            if kind == "answer":
                await self._answer(draw.choice(list(self._bodies)))
            elif kind == "leave":
                await self._leave(draw)
            else:
                await self._error(draw.choice(list(ERRORS)))

    async def _answer(self, name: str) -> None:
        answer = await ask(self._client, self._bodies[name])
        self._count(name, answer.verdict(self._expected[name]) == "right", answer)

    async def _error(self, name: str) -> None:
        answer = await ask(self._client, ERRORS[name])
        self._count("errors", 400 <= answer.status < 500 and answer.error is not None, answer)

    async def _leave(self, draw: random.Random) -> None:
        is_streamed = draw.random() < 0.5
        request = {**story(draw.randrange(1000), LONGEST), "stream": is_streamed}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(draw.uniform(0.01, 3)):
                await self._client.send(self._client.post(PATH, request))
        self.counts["left"] += 1

    def _count(self, what: str, is_right: bool, answer: Answer) -> None:
        self.counts[what if is_right else "lost"] += 1
        if not is_right:
            self.losses.append(f"{what}: {answer.describe()}")


async def _reach_the_most(client: Client) -> None:
    """Every slot as full, and more kinds of requests at once, than ever again."""
    stories = [story(number, LONGEST + 100) for number in range(NUM_SLOTS)]
    for bodies in (stories, [*mixed().values()] * NUM_CLIENTS):
        await asyncio.gather(*(ask(client, each) for each in bodies))


async def sample(service: Service, until_s: float) -> list[tuple[float, Holdings]]:
    """The holdings every few seconds."""
    samples = []
    while time.monotonic() < until_s:
        samples.append((time.monotonic(), await service.holdings()))
        await asyncio.sleep(SAMPLE_INTERVAL_S)
    return samples


async def soak(minutes: float) -> Report:
    """Run it and judge."""
    report = new_report(
        f"Soak, {minutes:g} minutes, {NUM_CLIENTS} clients",
        ["what", "start", "end", "slope per hour", "95 % interval", "zero within noise"],
    )
    async with serving("--log-level", "error") as service, connect(service.base_url) as client:
        expected = {name: await ask(client, each) for name, each in mixed().items()}
        await _reach_the_most(client)
        mix = Mix(client, expected)
        before = await service.settled()
        until_s = time.monotonic() + minutes * 60
        workers = [mix.work(until_s, seed) for seed in range(NUM_CLIENTS)]
        sampling = asyncio.create_task(sample(service, until_s))
        await asyncio.gather(*workers)
        samples = await sampling
        after = await service.settled(before)
    warm = samples[int(len(samples) * WARM_UP_SHARE) :]
    times_s = [moment - warm[0][0] for moment, _ in warm]
    figures = {
        "server MiB": [each.server_mib for _, each in warm],
        "engine MiB": [each.engine_mib for _, each in warm],
        "descriptors": [float(each.num_descriptors) for _, each in warm],
    }
    negligible = {**NEGLIGIBLE_MIB, "descriptors": 3600 / times_s[-1]}
    for what, values in figures.items():
        found = slope(times_s, values)
        is_zero = found.is_zero(negligible[what])
        first, last = statistics.fmean(values[:5]), statistics.fmean(values[-5:])
        report.add(
            {
                "what": what,
                "start": round(first, 1),
                "end": round(last, 1),
                "slope per hour": round(found.per_hour, 2),
                "95 % interval": f"± {found.plus_minus:.2f}",
                "zero within noise": "yes" if is_zero else "NO",
            },
            [] if is_zero else [f"{what} grows by {found.per_hour:.2f} per hour"],
        )
    report.problems += mix.losses
    if after.num_sequences or after.num_descriptors > before.num_descriptors:
        report.problems.append(f"left over at the end: {before} became {after}")
    report.notes.append("Requests: " + ", ".join(f"{n} {c}" for n, c in mix.counts.most_common()))
    return report


def main() -> None:
    """The command."""
    arguments = parser(__doc__)
    arguments.add_argument("--minutes", type=float, default=30)
    options: argparse.Namespace = arguments.parse_args()
    finish(asyncio.run(soak(options.minutes)), options.json)


if __name__ == "__main__":
    main()
