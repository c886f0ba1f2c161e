"""Every setting of the server, in one frozen object. Built by the command line, read by `app`.

The command line takes each option from its flag or from the environment variable named beside it
in `galop serve --help` (GALOP_PORT for --port, and so on).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Compat = Literal["default", "groq-2024"]
LogLevel = Literal["debug", "info", "warning", "error"]

DEFAULT_HOST = "127.0.0.1"
"""Loopback: a server without keys is nobody else's business."""
DEFAULT_PORT = 8000
DEFAULT_MAX_SEQUENCES = 16
"""Sequences in one batch. KV cache memory is used only where tokens are, so idle ones are free."""
DEFAULT_CONTEXT_WINDOW = 8192
"""The page's llama3-8b-8192 in its name. A model trained on less gets less."""
DEFAULT_MAX_WAITING = 128
DEFAULT_PREFILL_CHUNK = 128
DEFAULT_MAX_BODY_BYTES = 4 * 1024 * 1024
DEFAULT_DRAIN_TIMEOUT_S = 10

EMBEDDED_MODEL_NAME = "smollm2-135m-instruct"
PAGE_MODEL_NAMES = ("llama3-8b-8192", "llama3-70b-8192", "mixtral-8x7b-32768", "gemma-7b-it")
"""The models of the 2024 page "Chat Completion Models"."""


def default_cache_directory() -> Path:
    """Where `galop tune` keeps its result: `galop` in the user's cache directory.

    A relative XDG_CACHE_HOME is invalid (XDG Base Directory Specification) and counts as unset.
    """
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "galop"


def available_cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TunedWeights:
    """What `galop tune` found to be fastest for the model on this machine."""

    format_name: str
    tuned_on: str
    """ISO date."""
    path: Path | None
    """The converted file, None where the file as shipped is the best."""
    digest: str
    """Identifies the weights; changes with them."""
    threads_by_rows: Mapping[int, int]
    """Rows of a batch to threads; empty where it was measured for another number of threads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `galop serve` was asked to do."""

    model: str
    """Path of a GGUF file, or `scripted:...`."""
    model_name: str
    """The id under which GET /models lists it."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Further ids, each for the model's id."""
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    compat: Compat = "default"
    max_sequences: int = DEFAULT_MAX_SEQUENCES
    context_window: int = DEFAULT_CONTEXT_WINDOW
    max_waiting: int = DEFAULT_MAX_WAITING
    prefill_chunk: int = DEFAULT_PREFILL_CHUNK
    num_threads: int = field(default_factory=available_cores)
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES
    drain_timeout_s: int = DEFAULT_DRAIN_TIMEOUT_S
    log_level: LogLevel = "info"
    tuned: TunedWeights | None = None
    """None: the file as shipped."""

    @property
    def is_scripted(self) -> bool:
        """True for the model without weights."""
        return self.model.startswith("scripted:")

    @property
    def model_path(self) -> Path:
        """Where the GGUF file is. It has the vocabulary and the template, also if the weights
        come from a converted copy."""
        return Path(self.model)

    @property
    def weights(self) -> str:
        """What the engine loads: the converted copy if there is one, else the model."""
        return str(self.tuned.path) if self.tuned and self.tuned.path else self.model
