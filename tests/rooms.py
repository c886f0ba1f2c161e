"""The rooms of the server: what each is for, and which others it may import.

`test_architecture.py` enforces the table, and `scripts/make_architecture_docs.py` prints it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Room:
    """A folder or module directly under `galop`."""

    purpose: str
    may_import: frozenset[str]
    """Names of other rooms."""


def _room(purpose: str, *may_import: str) -> Room:
    return Room(purpose, frozenset(may_import))


ROOMS = {
    "cli": _room(
        "the command `galop`: serve, tune, bench, keys, usage, config, doctor",
        *("accounts", "app", "backends", "benchmark", "chat", "config", "host", "library"),
        *("logs", "serving", "tuning", "workers"),
    ),
    "app": _room(
        "builds the objects of the server process and wires them",
        *("accounts", "admission", "backends", "chat", "config", "http", "serving"),
        *("telemetry", "workers"),
    ),
    "serving": _room(
        "uvicorn as this server runs it: socket, signals, draining, TLS files, load shedding",
        "http",
    ),
    "telemetry": _room(
        "metrics, traces, the log of prompts: watches completions go by", "chat", "protocol"
    ),
    "http": _room(
        "bytes and words: wire schema, routes, errors, SSE",
        *("accounts", "admission", "chat", "protocol"),
    ),
    "admission": _room(
        "who may ask for how much now: queue bounds, quotas, reservations",
        *("accounts", "chat", "protocol"),
    ),
    "accounts": _room("API keys, their limits, and usage, in SQL"),
    "chat": _room(
        "a conversation becomes a completion: template, tokens, budget, output",
        *("grammar", "protocol"),
    ),
    "config": _room(
        "the table of settings, where they come from, the model they name",
        *("backends", "host", "library", "logs", "protocol", "tuning", "workers"),
    ),
    "workers": _room(
        "an engine as a process: client, recovery, supervisor",
        *("backends", "engine", "grammar", "logs", "protocol"),
    ),
    "grammar": _room(
        "what may come next in a document or call, and how it ends", "engine", "protocol"
    ),
    "tuning": _room("measures weight formats and threads on this machine", "backends", "engine"),
    "testing": _room("the model without weights, for tests: yours and ours", "backends"),
    "backends": _room(
        "models that compute logits: llama.cpp with our kernels, and a scripted one", "engine"
    ),
    "engine": _room(
        "token ids in, token ids out: scheduler, prefix cache, sampler, drafts", "protocol"
    ),
    "benchmark": _room("times any server that has this API, from outside"),
    "library": _room("where model files come from"),
    "protocol": _room("what rooms pass to each other: requests, events, errors, constraint specs"),
    "host": _room("cores, memory and CPU features of this machine"),
    "logs": _room("how log records are written"),
}
"""In an order in which every room comes before those that it imports."""
