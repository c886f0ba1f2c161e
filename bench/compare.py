"""Ours beside llama-server and llama-cpp-python's server: `make bench`, or `python -m bench.compare`.

The two servers of a setting run side by side and take turns, A B B A; the one that waits is idle.
Every row gets its share of the time that is left, and as many pairs as fit into it: at most
--pairs, at least one. Results are written after every row, so an interrupted run keeps what it has
and --resume measures only what is missing. A row that cannot be measured says why in the table.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import multiprocessing
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench import machine, opponents
from bench.opponents import Configuration, Launch, OpponentMissingError, Running
from bench.report import Line, Report, compared, of_ours, read_lines, skipped, table, write
from bench.rows import BLOCK_TIMEOUT_S, ROWS, SCHEMA_ROWS, Goal, Row, Setting, Values
from galop.benchmark.client import BenchError
from galop.benchmark.statistics import turns
from galop.library.embedded import embedded_model_path

RESULTS = Path(__file__).parent / "results"

Launcher = Callable[[Configuration], Launch]

SETTINGS: dict[Setting, tuple[Launcher, ...]] = {
    "same file": (opponents.galop, opponents.llama_server),
    "as a user runs each": (opponents.galop_tuned, opponents.llama_server),
    "one core busy": (opponents.galop, opponents.llama_server_defaults),
    "one at a time": (opponents.galop, opponents.llama_cpp_python),
    "ours alone, long context": (opponents.galop_long_context,),
}
"""Setting to the servers that it starts: ours first, then its opponent, if it has one."""

START = Goal("start to ready", "s", most=1.0)
MEMORY = Goal("memory", "MiB", most=1.2)
BANDWIDTH = Goal("share of the memory bandwidth", "", least=0.6, of_ours=True)
CHARACTERS_BY_SCHEMA = Goal("schema / free text, characters/s", "", least=1.3, of_ours=True)
TOKENS_BY_SCHEMA = Goal("schema / free text, tok/s, mean", "", least=1.4, of_ours=True)
WORST_BY_SCHEMA = Goal("schema / free text, tok/s, worst", "", least=1.0, of_ours=True)
_NUM_STARTS = 4


class Comparison:
    """One run: what is measured, what is left to do, and until when."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._configuration = Configuration(
            options.model, options.slots, options.context_window, options.threads
        )
        self._settings: Mapping[Setting, tuple[Launcher, ...]] = SETTINGS
        if options.against is not None:
            self._settings = {"same file": (opponents.galop, opponents.galop_of(options.against))}
        self._deadline = time.monotonic() + 60 * options.minutes
        self._servers: dict[str, str] = {}
        self._medians: dict[tuple[Setting, str, str], float] = {}
        """(setting, row, metric) -> ours, for what is made of two rows."""
        earlier = read_lines(options.output / "results.json") if options.resume else []
        self._lines = {line.key: line for line in earlier if not line.skipped}
        done = {(line.row, line.setting) for line in self._lines.values()}
        self._left = [
            row
            for row in ROWS
            if row.setting in self._settings
            and (row.name, row.setting) not in done
            and self._is_named(row)
        ]

    def _is_named(self, row: Row) -> bool:
        words = self._options.only
        return not words or any(word in f"{row.name} ({row.setting})" for word in words)

    def run(self) -> None:
        """Measure every setting that has rows left."""
        if self._options.tune and not opponents.is_tuned(self._configuration):
            opponents.tune(self._configuration)
        for setting, launchers in self._settings.items():
            rows = [row for row in self._left if row.setting == setting]
            if not rows:
                continue
            try:
                self._run_setting(rows, [launcher(self._configuration) for launcher in launchers])
            except (OpponentMissingError, opponents.StartFailedError) as error:
                for row in rows:
                    self._skip(row, str(error))
        self._derive()

    def _run_setting(self, rows: Sequence[Row], launches: Sequence[Launch]) -> None:
        setting = rows[0].setting
        is_whole = setting == "same file" and not self._options.only
        if is_whole:
            starts = _measure_starts(launches[0]), _measure_starts(launches[1])
            self._keep(compared("start", setting, START, starts, launches[1].name))
        self._servers |= {launch.name: launch.summary for launch in launches}
        with ExitStack() as stack:
            servers = [stack.enter_context(opponents.run(launch)) for launch in launches]
            if setting == "one core busy":
                stack.enter_context(_busy_core())
            for row in rows:
                try:
                    asyncio.run(self._measure(row, servers))
                except (BenchError, TimeoutError) as error:
                    self._skip(row, str(error) or f"a block took over {BLOCK_TIMEOUT_S:.0f} s")
            if is_whole:
                ours, theirs = (machine.memory_bytes(each.pid) / 2**20 for each in servers)
                line = compared(
                    "after these rows", setting, MEMORY, ([ours], [theirs]), servers[1].name
                )
                self._keep(line)

    async def _measure(self, row: Row, servers: Sequence[Running]) -> None:
        until = time.monotonic() + (self._deadline - time.monotonic()) / len(self._left)
        meter = machine.NoiseMeter()
        blocks: list[list[Values]] = [[] for _ in servers]
        pair_s = 0.0
        for pair in range(self._options.pairs):
            started = time.monotonic()
            if pair and started + pair_s > until:
                break
            for index in turns(pair) if len(servers) > 1 else (0,):
                blocks[index].append(await _block(row, servers[index], pair))
            pair_s = max(pair_s, time.monotonic() - started)
        noise = meter.read()
        for metric in blocks[0][0]:
            ours = [values[metric] for values in blocks[0]]
            self._medians[row.setting, row.name, metric] = statistics.median(ours)
        for goal in row.goals:
            ours, *theirs = ([each[goal.metric] for each in some] for some in blocks)
            if theirs:
                values = ours, theirs[0]
                line = compared(row.name, row.setting, goal, values, servers[1].name, noise)
            else:
                line = of_ours(row.name, row.setting, goal, statistics.median(ours), noise)
            self._keep(line)
        self._left.remove(row)

    def _skip(self, row: Row, reason: str) -> None:
        if row in self._left:
            self._left.remove(row)
            for goal in row.goals:
                self._keep(skipped(row.name, row.setting, goal, reason))

    def _derive(self) -> None:
        """Figures that are made of two rows, or of a row and the machine."""
        for clients in ("8 clients", "1 client"):
            self._compare_with_free_text(clients)
        one = self._medians.get(("same file", "free text, 1 client", "tok/s"))
        if one:
            bandwidth = machine.read_bandwidth(self._options.threads)
            share = one * self._options.model.stat().st_size / bandwidth
            self._keep(of_ours("free text, 1 client", "same file", BANDWIDTH, share))

    def _compare_with_free_text(self, clients: str) -> None:
        """Our documents by a schema, over our own free text."""
        shares = {
            metric: [
                ours / free
                for row in SCHEMA_ROWS
                if (ours := self._medians.get((row.setting, row.name, metric)))
                and row.name.endswith(f", {clients}")
                and (free := self._medians.get((row.setting, f"free text, {clients}", metric)))
            ]
            for metric in ("characters/s", "tok/s")
        }
        if not shares["tok/s"]:
            return
        figures = (
            (CHARACTERS_BY_SCHEMA, statistics.fmean(shares["characters/s"])),
            (TOKENS_BY_SCHEMA, statistics.fmean(shares["tok/s"])),
            (WORST_BY_SCHEMA, min(shares["tok/s"])),
        )
        for goal, share in figures:
            self._keep(of_ours(f"all schemas, {clients}", "same file", goal, share))

    def _keep(self, line: Line) -> None:
        self._lines[line.key] = line
        report = self.report()
        write(report, self._options.output)
        print(f"{len(self._left):3d} rows left | {line.summary}", flush=True)

    def report(self) -> Report:
        return Report(
            date=datetime.date.today().isoformat(),
            machine=machine.describe(),
            command=f"make bench ARGS={shlex.quote(shlex.join(sys.argv[1:]))}",
            servers=self._servers,
            lines=list(self._lines.values()),
        )


async def _block(row: Row, server: Running, pair: int) -> Values:
    async with asyncio.timeout(BLOCK_TIMEOUT_S):
        await server.target.choose_model()
        return await row.measure(server, pair)


def _measure_starts(launch: Launch) -> list[float]:
    """Seconds from starting the process to being ready, again and again on the same machine: the first
    start fills the page cache and makes the tables of keys and usage."""
    seconds = []
    with tempfile.TemporaryDirectory(prefix="galop-bench-") as state:
        for _ in range(1 + _NUM_STARTS):
            with opponents.run(launch, Path(state)) as server:
                seconds.append(server.ready_s)
    return seconds[1:]


@contextmanager
def _busy_core() -> Iterator[None]:
    """Another process that always wants a core."""
    process = multiprocessing.get_context("spawn").Process(target=_spin, daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def _spin() -> None:
    while True:
        pass


def main() -> None:
    """Parse the command line, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--minutes", type=float, default=40.0, help="time for all rows (40)")
    parser.add_argument("--pairs", type=int, default=15, help="most pairs of a row (15)")
    parser.add_argument(
        "--only", nargs="+", metavar="WORDS", help="rows whose name has these words"
    )
    parser.add_argument(
        "--against", type=Path, metavar="CHECKOUT", help="compare with galop of another checkout"
    )
    parser.add_argument("--resume", action="store_true", help="keep the rows that are there")
    parser.add_argument("--tune", action="store_true", help="run `galop tune` first, where needed")
    parser.add_argument("--model", type=Path, default=embedded_model_path(), help="a GGUF file")
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--context-window", type=int, default=2048, help="tokens in a slot")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, default=RESULTS, help="a directory")
    comparison = Comparison(parser.parse_args())
    try:
        comparison.run()
    except KeyboardInterrupt:
        print("interrupted; --resume goes on from here", file=sys.stderr)
    print(table(comparison.report()))


if __name__ == "__main__":
    main()
