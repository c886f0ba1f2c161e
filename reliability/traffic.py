"""Many requests for whole answers: load that shares its cores with the server must leave them to it.

One thread, connections that are kept as every SDK keeps them, and no answer decoded before the end.
`closed_loop` always has a number of requests running, `open_loop` sends a number per second. Real
clients have cores of their own: this thread asks the kernel not to interrupt anybody for it, and
says how much CPU time it took.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from galop.benchmark.client import Body, Client, Exchange
from reliability.answers import PATH, TIMEOUT_S, Answer, read_answer


@dataclass(frozen=True, slots=True)
class Sent:
    """Many requests, and what they got."""

    answers: Sequence[Answer]
    started_s: float
    """When the first was sent, by `time.perf_counter`."""
    cpu_s: float
    """CPU time that the clients took from then on."""


def closed_loop(base_url: str, bodies: Iterator[Body], num_clients: int, seconds: float) -> Sent:
    """So many clients, each with its next request as soon as it has an answer, for so long."""
    _interrupt_nobody()
    return asyncio.run(_closed_loop(base_url, bodies, num_clients, seconds))


def open_loop(base_url: str, bodies: Sequence[Body], per_s: float) -> Sent:
    """So many requests a second, whatever becomes of them; ends when all have answers."""
    _interrupt_nobody()
    return asyncio.run(_open_loop(base_url, bodies, per_s))


async def _closed_loop(
    base_url: str, bodies: Iterator[Body], num_clients: int, seconds: float
) -> Sent:
    exchanges: list[Exchange] = []
    async with _client(base_url) as client:
        started_s, cpu_s = time.perf_counter(), time.thread_time()

        async def ask_on() -> None:
            while time.perf_counter() < started_s + seconds:
                exchanges.append(await client.send(client.post(PATH, next(bodies))))

        await asyncio.gather(*(ask_on() for _ in range(num_clients)))
        cpu_s = time.thread_time() - cpu_s
    return Sent(list(map(read_answer, exchanges)), started_s, cpu_s)


async def _open_loop(base_url: str, bodies: Sequence[Body], per_s: float) -> Sent:
    async with _client(base_url) as client:
        requests = [client.post(PATH, body) for body in bodies]
        sending = []
        started_s, cpu_s = time.perf_counter(), time.thread_time()
        for number, request in enumerate(requests):
            await asyncio.sleep(max(0.0, started_s + number / per_s - time.perf_counter()))
            sending.append(asyncio.create_task(client.send(request)))
        exchanges = await asyncio.gather(*sending)
        cpu_s = time.thread_time() - cpu_s
    return Sent(list(map(read_answer, exchanges)), started_s, cpu_s)


def _client(base_url: str) -> Client:
    return Client(base_url, keeps_connections=True, timeout_s=TIMEOUT_S)


def _interrupt_nobody() -> None:
    """For this thread, where the system has a word for it (sched(7), SCHED_BATCH)."""
    if hasattr(os, "SCHED_BATCH"):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
