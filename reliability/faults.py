"""What becomes of requests when something breaks: one row per fault, over real sockets.

`python -m reliability.faults`: each fault gets a `galop serve` of its own with the embedded model. Answers
are compared with those of an undisturbed server, byte for byte; what is neither right nor a clear
error is lost. Afterwards, sequences, file descriptors and memory are compared with before.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import random
import resource
import shutil
import signal
import struct
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from galop.benchmark.client import Body, Client
from reliability.answers import Answer, ask, connect
from reliability.raw import HalfOpen, abandon, open_unread
from reliability.report import Report, finish, new_report, parser
from reliability.requests import long_prompt, mixed, story
from reliability.service import Service, run_galop, serving
from server.tests.accounts.postgres import Postgres, missing_programs

LEAKED_MIB = 24.0
"""Growth of the server process that is more than an allocator's habits."""
CLIENT_TIMEOUT_S = 2
COLUMNS = (
    "fault",
    "started",
    "right bytes",
    "clear errors",
    "lost",
    "sequences left",
    "descriptors left",
    "server MiB",
    "engine MiB",
    "seconds",
    "seen",
)

Expected = Mapping[str, Answer]


@dataclass
class Tally:
    """What became of the requests of one fault."""

    right: int = 0
    clear_errors: int = 0
    losses: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    seen: str = ""
    """What else is worth knowing."""

    def count(self, name: str, answer: Answer, expected: Answer) -> None:
        verdict = answer.verdict(expected)
        self.right += verdict == "right"
        self.clear_errors += verdict == "clear error"
        if verdict == "lost":
            self.losses.append(f"{name}: {answer.describe()}")

    def expect(self, is_so: bool, otherwise: str) -> None:
        """A problem of this row, unless it is so."""
        if not is_so:
            self.problems.append(otherwise)


class Scene:
    """A server under one fault, and the requests it has."""

    def __init__(self, service: Service, client: Client, expected: Expected) -> None:
        self.service = service
        self.client = client
        self.tally = Tally()
        self._expected = expected

    async def work(
        self,
        *,
        copies: int = 1,
        names: tuple[str, ...] = (),
        on_chunk: Callable[[str, int], None] = lambda name, number: None,
    ) -> None:
        """Ask everything but the unseen prompt, or what `names` says, all at once, and count."""
        chosen = [name for name in self._expected if (name in names if names else name != UNSEEN)]
        await asyncio.gather(*(self._one(name, on_chunk) for name in chosen * copies))

    async def _one(self, name: str, on_chunk: Callable[[str, int], None]) -> None:
        answer = await ask(self.client, BODIES[name], lambda number: on_chunk(name, number))
        self.tally.count(name, answer, self._expected[name])

    def kill_engine_at(self, name: str, number: int) -> Callable[[str, int], None]:
        """For `on_chunk`: once, at that chunk of that answer."""
        is_done = False

        def on_chunk(of: str, at: int) -> None:
            nonlocal is_done
            if not is_done and of == name and at >= number:
                is_done = True
                self.service.signal_engine(signal.SIGKILL)

        return on_chunk

    def num_chunks(self, name: str) -> int:
        """Of the undisturbed answer."""
        return self._expected[name].num_chunks


UNSEEN = "unseen prompt"
"""Long, and in no cache: servers are not warmed up with it."""
BODIES: dict[str, Body] = {**mixed(), "long prompt": long_prompt(400), UNSEEN: long_prompt(1500)}
NUM_USUAL = len(BODIES) - 1
DECODED = ("greedy", "seeded", "penalised", "logprobs", "JSON", "schema", "tools")


class Suite:
    """All faults, their report, and what undisturbed answers look like."""

    def __init__(self, num_vanishing: int) -> None:
        self.num_vanishing = num_vanishing
        self.report = new_report("Faults", COLUMNS)
        self._expected: Expected = {}

    async def prepare(self) -> None:
        """Ask an undisturbed server."""
        async with serving("--log-level", "error") as service, connect(service.base_url) as client:
            self._expected = {name: await ask(client, body) for name, body in BODIES.items()}
        for name, answer in self._expected.items():
            if answer.verdict(answer) != "right":
                raise RuntimeError(f"an undisturbed server failed {name}: {answer.describe()}")

    @asynccontextmanager
    async def scene(
        self,
        name: str,
        *arguments: str,
        api_key: str = "",
        environment: Mapping[str, str] | None = None,
        state_directory: Path | None = None,
    ) -> AsyncIterator[Scene]:
        """Serve, let the block break something, then judge and report."""
        service = serving(
            "--log-level",
            "error",
            *arguments,
            environment=environment,
            state_directory=state_directory,
        )
        async with service as running, connect(running.base_url, api_key) as client:
            scene = Scene(running, client, self._expected)
            await scene.work()
            scene.tally = Tally()
            before = await running.settled()
            started_s = time.monotonic()
            yield scene
            seconds = time.monotonic() - started_s
            after = await running.settled(before) if running.process.poll() is None else None
        tally = scene.tally
        row: dict[str, str | int | float] = {
            "fault": name,
            "started": tally.right + tally.clear_errors + len(tally.losses),
            "right bytes": tally.right,
            "clear errors": tally.clear_errors,
            "lost": len(tally.losses),
            "seconds": round(seconds, 1),
            "seen": tally.seen,
        }
        problems = [*tally.losses, *tally.problems]
        if after is not None:
            num_left = after.num_descriptors - before.num_descriptors
            row["sequences left"] = max(0, after.num_sequences)
            row["descriptors left"] = max(0, num_left)
            row["server MiB"] = f"{before.server_mib:.0f} → {after.server_mib:.0f}"
            row["engine MiB"] = f"{before.engine_mib:.0f} → {after.engine_mib:.0f}"
            if after.num_sequences or num_left > 0:
                problems.append(f"left over: {before} became {after}")
            if after.server_mib > before.server_mib + LEAKED_MIB:
                problems.append(f"the server grew from {before.server_mib} to {after.server_mib}")
        self.report.add(row, [f"{name}: {each}" for each in problems])


Fault = Callable[[Suite], Awaitable[None]]


# The engine dies.


async def killed_while_requests_wait(suite: Suite) -> None:
    async with suite.scene("kill -9, requests queued", "--max-sequences", "2") as scene:
        work = asyncio.create_task(scene.work(copies=2, names=DECODED))
        scene.tally.expect(await scene.service.until_load(waiting=1), "nothing ever waited")
        scene.service.signal_engine(signal.SIGKILL)
        await work


async def killed_in_prefill(suite: Suite) -> None:
    async with suite.scene("kill -9, prefill", "--prefill-chunk", "64") as scene:
        chunks: list[str] = []
        work = asyncio.create_task(
            scene.work(names=(UNSEEN,), on_chunk=lambda name, _: chunks.append(name))
        )
        await scene.service.until_load(running=1)
        await asyncio.sleep(0.2)
        scene.tally.expect(not chunks, "the prompt was computed before the engine was killed")
        scene.service.signal_engine(signal.SIGKILL)
        await work


def killed_at(when: str, share: float) -> Fault:
    """When this share of the chunks of one answer has come."""

    async def fault(suite: Suite) -> None:
        async with suite.scene(f"kill -9, {when}") as scene:
            number = max(1, round(share * (scene.num_chunks("greedy") - 1)))
            await scene.work(copies=2, on_chunk=scene.kill_engine_at("greedy", number))

    return fault


async def hanging(suite: Suite) -> None:
    async with suite.scene("engine hangs (SIGSTOP)", "--hang-timeout", "2") as scene:
        is_stopped = False

        def stop(name: str, number: int) -> None:
            nonlocal is_stopped
            if not is_stopped and name == "greedy" and number > 5:
                is_stopped = True
                scene.service.signal_engine(signal.SIGSTOP)

        await scene.work(copies=2, on_chunk=stop)


# The server is told to stop.


async def terminated_under_load(suite: Suite) -> None:
    async with suite.scene("SIGTERM under load", "--drain-timeout", "60") as scene:
        work = asyncio.create_task(scene.work(copies=2, names=DECODED))
        await scene.service.until_load(running=6)
        scene.service.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.1)
        late = await ask(scene.client, BODIES["whole"])
        is_refused = late.status == 503 and late.retry_after is not None
        scene.tally.expect(is_refused, f"a late request got {late.describe()}")
        scene.tally.expect((await scene.service.load())[0] == -1, "/readyz still said ready")
        await work
        scene.tally.expect(scene.tally.clear_errors == 0, "running answers were not finished")
        code = await asyncio.to_thread(scene.service.process.wait, 30)
        scene.tally.expect(code == 0, f"exit code {code}")
        scene.tally.count("late", late, late)
        scene.tally.seen = f"late requests {late.status}, exit code {code}"


async def terminated_twice(suite: Suite) -> None:
    async with suite.scene("SIGTERM twice", "--drain-timeout", "60") as scene:
        bodies = [story(number, 1000) for number in range(8)]
        work = [asyncio.create_task(ask(scene.client, body)) for body in bodies]
        await scene.service.until_load(running=8)
        scene.service.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.5)
        scene.tally.expect(not any(task.done() for task in work), "one signal ended answers")
        scene.service.process.send_signal(signal.SIGTERM)
        asked_s = time.monotonic()
        code = await asyncio.to_thread(scene.service.process.wait, 30)
        seconds = time.monotonic() - asked_s
        for answer in await asyncio.gather(*work):
            is_told = answer.error is not None
            scene.tally.count("story", answer, Answer())
            scene.tally.expect(is_told, f"ended without a word: {answer.describe()}")
        scene.tally.expect(code == 0 and seconds < 5, f"exit code {code} after {seconds:.1f} s")
        scene.tally.seen = f"exit code {code} after {seconds:.1f} s"


# Clients.


async def vanishing_clients(suite: Suite) -> None:
    """They connect, send some or all of a request, and are gone within two seconds."""
    async with suite.scene(f"{suite.num_vanishing} clients vanish") as scene:
        at_once = asyncio.Semaphore(64)

        async def one(number: int) -> None:
            draw = random.Random(number)
            body = {**story(number, 200), "stream": draw.random() < 0.5}
            async with at_once:
                await abandon(scene.service.port, body, draw)

        vanishing = asyncio.gather(*(one(number) for number in range(suite.num_vanishing)))
        while not vanishing.done():
            await scene.work()
        await vanishing
        scene.tally.seen = "requests are those of clients that stayed"


async def slow_readers(suite: Suite) -> None:
    """Eight choices for a client that reads nothing; the others must not notice."""
    timeout = ("--client-timeout", str(CLIENT_TIMEOUT_S))
    async with suite.scene("a client does not read", *timeout) as scene:
        body = {**story(1, 1500), "n": 8}
        with open_unread(scene.service.port, body):
            await scene.service.until_load(running=8)
            started_s = time.monotonic()
            while (await scene.service.load())[0] >= 8 and time.monotonic() < started_s + 60:
                await scene.work(names=("greedy", "JSON"))
            seconds = time.monotonic() - started_s
            scene.tally.expect(seconds < 60, "its sequences ran on for a minute")
        scene.tally.seen = f"its 8 sequences were freed after {seconds:.0f} s"


async def half_open_sockets(suite: Suite) -> None:
    """Silent from the start, within the headers, within the body."""
    timeout = ("--client-timeout", str(CLIENT_TIMEOUT_S))
    async with suite.scene("90 half-open sockets", *timeout) as scene:
        with HalfOpen(scene.service.port, 30) as sockets:
            await scene.work()
            num_open = await sockets.num_open_after(CLIENT_TIMEOUT_S + 3)
        scene.tally.expect(num_open == 0, f"{num_open} are still open")
        scene.tally.seen = f"{90 - num_open} of 90 were disconnected"


# What is around the server.


async def full_disk(suite: Suite) -> None:
    """No file can grow (setrlimit(2), RLIMIT_FSIZE: the same errors as a full disk, and no root
    needed). Usage waits in memory and is written when there is room again."""
    with tempfile.TemporaryDirectory(prefix="galop-full-") as directory:
        where = ("--state-dir", directory)
        key = _new_key(where)
        state = Path(directory)
        async with suite.scene("full disk", api_key=key, state_directory=state) as scene:
            pid = scene.service.process.pid
            _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, hard))
            await scene.work()
            await asyncio.sleep(2)
            await scene.work()
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
            await _expect_usage(scene, where, 3)


async def restarted_database(suite: Suite) -> None:
    """PostgreSQL stops as in a crash and comes back; requests go on all the while."""
    if missing := missing_programs():
        suite.report.notes.append(f"PostgreSQL restarted: not tried, no {', '.join(missing)} here.")
        return
    with _postgres() as database:
        ledger = ("--ledger-url", database.new_database())
        with tempfile.TemporaryDirectory(prefix="galop-secret-") as directory:
            where = (*ledger, "--state-dir", directory)
            key = _new_key(where)
            async with suite.scene(
                "PostgreSQL restarts", *ledger, api_key=key, state_directory=Path(directory)
            ) as scene:
                await asyncio.to_thread(database.stop)
                await scene.work()
                await asyncio.to_thread(database.start)
                await scene.work()
                await _expect_usage(scene, where, 3)


async def jumping_clock(suite: Suite) -> None:
    """The wall clock goes a day forward, then two back, while answers are made."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        suite.report.notes.append("Clock jumps: not tried, no C compiler here.")
        return
    with tempfile.TemporaryDirectory(prefix="galop-clock-") as directory:
        clock, library = Path(directory) / "clock", Path(directory) / "clock.so"
        clock.write_bytes(struct.pack("q", 0))
        source = str(Path(__file__).with_name("clock.c"))
        command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), source]
        await asyncio.to_thread(subprocess.run, command, check=True)
        environment = {"LD_PRELOAD": str(library), "GALOP_CLOCK": str(clock)}
        async with suite.scene("clock jumps", environment=environment) as scene:
            for days in (1, -1):
                is_set = False

                def jump(name: str, number: int, days: int = days) -> None:
                    nonlocal is_set
                    if not is_set and name == "greedy" and number > 5:
                        is_set = True
                        with clock.open("r+b") as file:  # the same file, which is mapped
                            file.write(struct.pack("q", days * 86400))

                await scene.work(on_chunk=jump)
                after = await ask(scene.client, BODIES["whole"])
                moved_s = after.created - time.time()
                is_moved = abs(moved_s - days * 86400) < 60
                scene.tally.expect(is_moved, f"`created` is {moved_s:.0f} s from the real clock")
            scene.tally.seen = "one day forward, two back"


FAULTS: dict[str, Fault] = {
    "queue": killed_while_requests_wait,
    "prefill": killed_in_prefill,
    "first": killed_at("first token", 0.0),
    "decode": killed_at("mid-decode", 0.5),
    "last": killed_at("last token", 1.0),
    "hang": hanging,
    "sigterm": terminated_under_load,
    "sigterm2": terminated_twice,
    "vanish": vanishing_clients,
    "slow": slow_readers,
    "half-open": half_open_sockets,
    "disk": full_disk,
    "postgres": restarted_database,
    "clock": jumping_clock,
}


def _new_key(where: tuple[str, ...]) -> str:
    """Made with `galop keys create`."""
    words = run_galop("keys", "create", "reliability", *where).split()
    return next(word for word in words if word.startswith("gsk_"))


async def _expect_usage(scene: Scene, where: tuple[str, ...], num_rounds: int) -> None:
    """Every request of so many rounds is in the ledger, the warm-up's included, within seconds."""
    num_expected = num_rounds * NUM_USUAL
    num_found = -1
    for _ in range(40):
        with contextlib.suppress(subprocess.CalledProcessError):
            printed = await asyncio.to_thread(run_galop, "usage", "--csv", *where)
            num_found = sum(int(row["requests"]) for row in csv.DictReader(printed.splitlines()))
        if num_found == num_expected:
            break
        await asyncio.sleep(0.5)
    scene.tally.expect(
        num_found == num_expected, f"usage knows {num_found} requests of {num_expected}"
    )
    scene.tally.seen = f"usage of {num_found} requests of {num_expected}"


@contextmanager
def _postgres() -> Iterator[Postgres]:
    database = Postgres()
    database.start()
    try:
        yield database
    finally:
        database.remove()


async def run(names: list[str], num_vanishing: int) -> Report:
    """These faults, one after the other."""
    suite = Suite(num_vanishing)
    await suite.prepare()
    for name in names:
        await FAULTS[name](suite)
    return suite.report


def main() -> None:
    """The command."""
    arguments = parser(__doc__)
    arguments.add_argument(
        "--only", nargs="+", choices=FAULTS, metavar="FAULT", help=", ".join(FAULTS)
    )
    arguments.add_argument("--vanishing", type=int, default=1000, help="how many vanish (1000)")
    options = arguments.parse_args()
    finish(asyncio.run(run(options.only or list(FAULTS), options.vanishing)), options.json)


if __name__ == "__main__":
    main()
