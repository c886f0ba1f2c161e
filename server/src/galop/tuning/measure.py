"""Measures one model file: speed, perplexity, and whether the bits of logits depend on the batch."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path

import numpy as np

from galop.backends.llama.model import LlamaModel
from galop.backends.llama.runner import LlamaRunner
from galop.backends.llama.threads import FixedThreads, thread_counts
from galop.backends.llama.tokenizer import LlamaTokenizer
from galop.engine.runner import Batch, Float32Array
from galop.tuning.choice import (
    DECODE_ROWS,
    NUM_PROMPT_TOKENS,
    THREAD_ROWS,
    Speed,
    round_orders,
)
from galop.tuning.errors import ContextTooShortError

_NUM_PREFILLS = 2
"""Prefills of one round."""
_NUM_STEPS = 6
"""Decode steps of one round, for each batch size."""
_CONTEXT_WINDOW = 2048
"""Tokens. The tuning text is cut to so many; it has fewer in every vocabulary we know."""
_WINDOW_STEP = 256
"""llama.cpp rounds the tokens of a KV stream up to a multiple of this."""
_PERPLEXITY_CHUNK = 64
"""Rows per forward pass. Their logits take 40 MB for a vocabulary of 150,000."""
_FIRST_SCORED = 16
"""Tokens at the start of the text that do not count for the perplexity: they have little context."""
_CHECKED_TOKENS = 150
"""Prompt tokens of the check for determinism."""
_CHECKED_BATCHES = (2, 3, 5, 8)
"""Rows of its batches."""
_LEAST_WINDOW = NUM_PROMPT_TOKENS + 64
"""The shortest context window, in tokens, that can be measured."""


def tuning_text() -> str:
    """The text for the perplexity: prose, dialogue, JSON, lists, numbers."""
    return resources.files("galop.tuning").joinpath("tuning_text.txt").read_text("utf-8")


def tuning_tokens(source: Path) -> list[int]:
    """The tuning text in tokens of a model, cut to its context window.

    Raises `ModelError` or `ContextTooShortError`.
    """
    model = LlamaModel(source, vocab_only=True)
    try:
        window = min(_CONTEXT_WINDOW, model.training_context or _CONTEXT_WINDOW)
        if window < _LEAST_WINDOW:
            raise ContextTooShortError(window, _LEAST_WINDOW)
        return LlamaTokenizer(model).encode(tuning_text(), parse_special=False)[:window]
    finally:
        model.close()


class MeasuredModel:
    """A loaded model that is measured. Close it before the next one is loaded, to save memory."""

    def __init__(self, path: Path, tokens: Sequence[int], *, num_threads: int) -> None:
        """`tokens`: its `tuning_tokens`."""
        self._tokens = tokens
        self._num_threads = num_threads
        self._runner = LlamaRunner(
            LlamaModel(path),
            num_slots=max(DECODE_ROWS),
            context_window=-(-max(len(tokens), _LEAST_WINDOW) // _WINDOW_STEP) * _WINDOW_STEP,
            num_threads=num_threads,
        )
        self._runner.threads = FixedThreads(num_threads, {})

    def close(self) -> None:
        self._runner.close()

    def speed(self) -> Speed:
        """Measure one round; takes seconds for a small model. The least of a few repetitions counts:
        other processes only make a repetition slower."""
        prefill_s = min(self._prefill_times())
        self._fill_slots(max(DECODE_ROWS))
        step_s = {rows: min(self._step_times(rows)) for rows in DECODE_ROWS}
        return Speed(prefill_s, step_s)

    def step_times_by_threads(self, num_rounds: int) -> dict[int, dict[int, list[float]]]:
        """The least seconds per step of every round, by rows and number of threads, for
        `choice.choose_threads`."""
        counts = thread_counts(self._num_threads)
        times: dict[int, dict[int, list[float]]] = {
            rows: {threads: [] for threads in counts} for rows in THREAD_ROWS
        }
        names = [str(threads) for threads in counts]
        self._prefill(0, self._tokens[:NUM_PROMPT_TOKENS], NUM_PROMPT_TOKENS)
        self._fill_slots(max(THREAD_ROWS))
        for order, rows in itertools.product(round_orders(names, num_rounds), THREAD_ROWS):
            for threads in map(int, order):
                self._runner.threads = FixedThreads(threads, {rows: threads})
                times[rows][threads].append(min(self._step_times(rows)))
        self._runner.threads = FixedThreads(self._num_threads, {})
        return times

    def perplexity(self) -> float:
        """The perplexity of the tuning text in one context window; inf if it is not finite."""
        self._runner.truncate(0, 0)
        total = 0.0
        last = len(self._tokens) - 1
        for start in range(0, last, _PERPLEXITY_CHUNK):
            end = min(start + _PERPLEXITY_CHUNK, last)
            logits = self._forward(
                [(self._tokens[i], i, 0, True) for i in range(start, end)],
            )
            losses = _negative_log_likelihoods(logits, self._tokens[start + 1 : end + 1])
            total += float(losses[max(0, _FIRST_SCORED - start) :].sum())
        self._runner.truncate(0, 0)
        mean = total / (last - _FIRST_SCORED)
        return math.exp(mean) if mean < 700 else math.inf

    def is_deterministic(self) -> bool:
        """Whether logits have the same bits for a prompt in chunks of 7, of 64 and whole; for a token
        that is decoded alone, and as the first and the last row of batches of up to 8; and for each
        number of threads."""
        prompt = self._tokens[:_CHECKED_TOKENS]
        expected = self._prefill(0, prompt, len(prompt))
        if any(not np.array_equal(self._prefill(1, prompt, each), expected) for each in (7, 64)):
            return False
        row = (self._tokens[_CHECKED_TOKENS], _CHECKED_TOKENS, 0, True)
        alone = self._forward([row])[0].copy()
        for threads in thread_counts(self._num_threads):
            self._runner.truncate(0, _CHECKED_TOKENS)
            self._runner.threads = FixedThreads(threads, {1: threads})
            if not np.array_equal(self._forward([row])[0], alone):
                return False
        self._runner.threads = FixedThreads(self._num_threads, {})
        others = []
        for slot in range(1, max(_CHECKED_BATCHES)):
            length = 20 + 11 * slot
            self._prefill(slot, self._tokens[slot : slot + length], length)
            others.append((self._tokens[slot], length, slot, True))
        for num_rows, row_index in itertools.product(_CHECKED_BATCHES, (0, -1)):
            beside = others[: num_rows - 1]
            batch = [row, *beside] if row_index == 0 else [*beside, row]
            for _, position, slot, _ in batch:
                self._runner.truncate(slot, position)
            if not np.array_equal(self._forward(batch)[row_index], alone):
                return False
        return True

    def _prefill_times(self) -> Iterator[float]:
        for _ in range(_NUM_PREFILLS):
            started = time.perf_counter()
            self._prefill(0, self._tokens[:NUM_PROMPT_TOKENS], NUM_PROMPT_TOKENS)
            yield time.perf_counter() - started

    def _fill_slots(self, num_slots: int) -> None:
        self._runner.copy_prefix(0, range(1, num_slots), NUM_PROMPT_TOKENS)

    def _step_times(self, rows: int) -> list[float]:
        """The times of decode steps after a first one that is not counted."""
        times = []
        for step in range(_NUM_STEPS + 1):
            position = NUM_PROMPT_TOKENS + step
            token_id = self._tokens[step]
            started = time.perf_counter()
            self._forward([(token_id, position, slot, True) for slot in range(rows)])
            times.append(time.perf_counter() - started)
        for slot in range(rows):
            self._runner.truncate(slot, NUM_PROMPT_TOKENS)
        return times[1:]

    def _prefill(self, slot: int, tokens: Sequence[int], chunk: int) -> Float32Array:
        """Logits after the last token, computed in chunks of `chunk` tokens; shape (vocab_size,)."""
        self._runner.truncate(slot, 0)
        last = len(tokens) - 1
        logits = np.empty((0, 0), dtype=np.float32)
        for start in range(0, len(tokens), chunk):
            part = enumerate(tokens[start : start + chunk], start)
            logits = self._forward([(token, i, slot, i == last) for i, token in part])
        copy: Float32Array = logits[0].copy()
        return copy

    def _forward(self, rows: Sequence[tuple[int, int, int, bool]]) -> Float32Array:
        token_ids, positions, slots, needs_logits = zip(*rows, strict=True)
        return self._runner.forward(
            Batch(
                np.array(token_ids, np.int32),
                np.array(positions, np.int32),
                np.array(slots, np.int32),
                np.array(needs_logits, np.int8),
            )
        )


def _negative_log_likelihoods(
    logits: Float32Array, next_tokens: Sequence[int]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """-ln p(next token) of each row, shape (number of rows,)."""
    highest = logits.max(axis=1)
    mass = np.exp(logits - highest[:, None]).sum(axis=1, dtype=np.float64)
    chosen = logits[np.arange(len(next_tokens)), next_tokens]
    losses: np.ndarray[tuple[int], np.dtype[np.float64]] = highest + np.log(mass) - chosen
    return losses
