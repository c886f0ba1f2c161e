"""The llama.cpp runner with the embedded model: its contract, and that bits do not depend on batches."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from galop.backends.llama.library import kernels
from galop.backends.llama.runner import LlamaRunner
from galop.backends.llama.tokenizer import LlamaTokenizer
from galop.engine.engine import Engine
from galop.engine.runner import Batch, Float32Array
from galop.protocol.events import EngineEvent, Tokens
from galop.protocol.requests import GenerationRequest, SamplingParams

pytestmark = pytest.mark.model

Row = tuple[int, int, int, int]
"""(token id, position, slot, needs logits)"""


def batch(rows: Iterable[Row]) -> Batch:
    token_ids, positions, slots, wants = zip(*rows, strict=True)
    return Batch(
        np.array(token_ids, np.int32),
        np.array(positions, np.int32),
        np.array(slots, np.int32),
        np.array(wants, np.int8),
    )


def prefill(runner: LlamaRunner, slot: int, tokens: list[int], chunk: int) -> Float32Array:
    """Logits after the last token of a prompt that is computed in chunks."""
    runner.truncate(slot, 0)
    last = len(tokens) - 1
    logits = np.empty((0, 0), np.float32)
    for start in range(0, len(tokens), chunk):
        part = tokens[start : start + chunk]
        logits = runner.forward(
            batch((t, start + i, slot, int(start + i == last)) for i, t in enumerate(part))
        )
    result: Float32Array = logits[0].copy()
    return result


@pytest.fixture
def tokens(tokenizer: LlamaTokenizer) -> list[int]:
    return tokenizer.encode("The quick brown fox jumps over the lazy dog and goes home. " * 8)[:100]


@pytest.mark.parametrize("chunk", [100, 64, 34, 7, 2])
def test_logits_do_not_depend_on_how_a_prompt_is_cut(
    runner: LlamaRunner, tokens: list[int], chunk: int
) -> None:
    """Bit for bit: chunked prefill may follow the load without changing an answer.

    Two rows is the least, also for the last chunk: the scheduler never computes one row of a prompt
    alone.
    """
    expected = prefill(runner, 0, tokens, 128)
    assert np.array_equal(prefill(runner, 1, tokens, chunk), expected)


def test_rows_computed_one_by_one_are_those_of_a_chunk(
    runner: LlamaRunner, tokens: list[int]
) -> None:
    """Bit for bit. The prefix cache of answers and drafts depend on it."""
    if not runner.is_batch_invariant:
        pytest.skip("llama.cpp computes these weights, and single rows by other kernels")
    expected = prefill(runner, 0, tokens, 128)
    assert np.array_equal(prefill(runner, 1, tokens, 1), expected)
    prefill(runner, 2, tokens[:60], 128)
    runner.forward(
        batch((t + 1, 60 + i, 2, 1) for i, t in enumerate(tokens[60:70]))
    )  # a wrong draft
    runner.truncate(2, 60)
    logits = runner.forward(batch((t, 60 + i, 2, int(i == 39)) for i, t in enumerate(tokens[60:])))
    assert np.array_equal(logits[0], expected)


def test_our_kernels_compute_the_model_as_shipped(runner: LlamaRunner, weights: Path) -> None:
    if not kernels.is_active:
        pytest.skip(f"no kernels: {kernels.reason}")
    assert runner.is_batch_invariant == (weights.stem != "q4_0")


def test_logits_do_not_depend_on_the_batch(runner: LlamaRunner, tokens: list[int]) -> None:
    """Bit for bit: alone, beside other sequences, and beside a prefill."""
    prefill(runner, 0, tokens, 128)
    alone = runner.forward(batch([(5, 100, 0, 1)]))[0].copy()
    for slot, length in [(0, 100), (1, 40), (2, 77)]:
        prefill(runner, slot, tokens[:length], 128)
    runner.truncate(3, 0)
    rows: list[Row] = [(9, 40, 1, 1), (5, 100, 0, 1), (11, 77, 2, 1)]
    rows += [(t, i, 3, 0) for i, t in enumerate(tokens[:50])]
    crowded = runner.forward(batch(rows))
    assert np.array_equal(crowded[1], alone)


def test_a_prompt_does_not_depend_on_decoding_beside_it(
    runner: LlamaRunner, tokens: list[int]
) -> None:
    """Bit for bit: its chunks share batches with sequences that take one row each."""
    expected = prefill(runner, 0, tokens, 128)
    prefill(runner, 1, tokens[:40], 128)
    prefill(runner, 2, tokens[:30], 128)
    runner.truncate(3, 0)
    for step, start in enumerate(range(0, 100, 25)):
        rows: list[Row] = [(7 + step, 40 + step, 1, 1)]
        rows += [(t, start + i, 3, int(start + i == 99)) for i, t in enumerate(tokens[start:][:25])]
        rows += [(9 + step, 30 + step, 2, 1)]
        logits = runner.forward(batch(rows))
    assert np.array_equal(logits[1], expected)


@pytest.mark.parametrize("order", [(0, 1, 3), (3, 1, 0)])
def test_separate_slots_share_a_pass_and_others_are_unchanged(
    runner: LlamaRunner, tokens: list[int], order: tuple[int, ...]
) -> None:
    """Rows of slots 0, 1 and 3 have the bits that they have alone, in any order. Slot 2 is unchanged.
    With our kernels they take one pass: as many operations as a row of one slot."""
    alone = []
    for slot in (0, 1, 2, 3):
        prefill(runner, slot, tokens[: 30 + slot], 128)
        alone.append(runner.forward(batch([(tokens[50], 30 + slot, slot, 1)]))[0].copy())
        runner.truncate(slot, 30 + slot)

    before = kernels.count(own=True)
    together = runner.forward(batch((tokens[50], 30 + slot, slot, 1) for slot in order)).copy()
    between = kernels.count(own=True)
    after = runner.forward(batch([(tokens[50], 32, 2, 1)]))[0].copy()

    for row, slot in zip(together, order, strict=True):
        assert np.array_equal(row, alone[slot])
    assert np.array_equal(after, alone[2])
    if runner.is_batch_invariant:
        assert between - before == kernels.count(own=True) - between


def test_runs_of_different_lengths_get_their_own_logits(
    runner: LlamaRunner, tokens: list[int]
) -> None:
    """Two tokens of slot 2, one each of slots 0 and 3: rows come back in the order of the batch."""
    expected = {}
    for slot, length in ((2, 2), (0, 1), (3, 1)):
        prefill(runner, slot, tokens[:40], 128)
        rows = [(tokens[40 + i], 40 + i, slot, 1) for i in range(length)]
        expected[slot] = runner.forward(batch(rows)).copy()
        runner.truncate(slot, 40)

    mixed = [(tokens[40], 40, 2, 1), (tokens[41], 41, 2, 1), (tokens[40], 40, 0, 1)]
    logits = runner.forward(batch([*mixed, (tokens[40], 40, 3, 1)]))

    assert np.array_equal(logits[:2], expected[2])
    assert np.array_equal(logits[2], expected[0][0])
    assert np.array_equal(logits[3], expected[3][0])


def test_a_copied_prefix_is_as_good_as_a_computed_one(
    runner: LlamaRunner, tokens: list[int]
) -> None:
    """Bit for bit: the prefix cache does not change answers."""
    expected = prefill(runner, 0, tokens, 128)
    runner.copy_prefix(0, [1, 2], 60)
    for slot in (1, 2):
        logits = runner.forward(
            batch((t, 60 + i, slot, int(i == 39)) for i, t in enumerate(tokens[60:]))
        )
        assert np.array_equal(logits[0], expected)


def run(
    runner: LlamaRunner, tokenizer: LlamaTokenizer, *requests: GenerationRequest
) -> tuple[Engine, str]:
    """A new engine, idle again, and its answer to the request named "mine"."""
    events: list[EngineEvent] = []
    for slot in range(runner.num_slots):
        runner.truncate(slot, 0)
    # A clock that stands: rows cost what is assumed, so drafts do not depend on the machine.
    engine = Engine(runner, events.extend, prefill_chunk=16, clock=lambda: 0.0)
    for request in requests:
        engine.submit(request)
    engine.step()
    while not engine.scheduler.is_idle:
        engine.step()
    token_ids = [
        token_id
        for event in events
        if isinstance(event, Tokens) and event.request_id == "mine"
        for token_id in event.token_ids
    ]
    return engine, b"".join(map(tokenizer.token_bytes, token_ids)).decode()


@pytest.mark.parametrize("temperature", [0.0, 0.5])
def test_drafts_change_no_byte_of_an_answer(
    runner: LlamaRunner, tokenizer: LlamaTokenizer, temperature: float
) -> None:
    """The same request alone, where it drafts, and among others, where it does not."""
    if not runner.is_batch_invariant:
        pytest.skip("llama.cpp computes these weights, and single rows by other kernels")
    text = "Write the line 'red fox, blue hen, green cat' ten times."

    def ask(name: str, content: str) -> GenerationRequest:
        prompt = f"<|im_start|>user\n{content}<|im_end|>\n<|im_start|>assistant\n"
        return GenerationRequest(
            request_id=name,
            prompt_token_ids=tokenizer.encode(prompt),
            max_tokens=60,
            sampling=SamplingParams(temperature=temperature, seed=3),
        )

    engine, alone = run(runner, tokenizer, ask("mine", text))
    assert engine.num_accepted_tokens > 0
    others = [ask(f"other{i}", f"Count from {i}.") for i in range(3)]
    _, among_others = run(runner, tokenizer, ask("mine", text), *others)
    assert among_others == alone


def test_the_engine_answers_with_the_model(runner: LlamaRunner, tokenizer: LlamaTokenizer) -> None:
    """The answer is the same alone and beside others."""

    def ask(question: str, name: str) -> GenerationRequest:
        prompt = f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
        return GenerationRequest(
            request_id=name,
            prompt_token_ids=tokenizer.encode(prompt),
            max_tokens=12,
            sampling=SamplingParams(temperature=0.8, top_p=0.95, seed=7),
        )

    def answer(*requests: GenerationRequest) -> str:
        return run(runner, tokenizer, *requests)[1]

    mine = ask("What is the capital of France?", "mine")
    alone = answer(mine)
    assert "Paris" in alone
    others = [ask(f"Count to {i} and tell me a story.", f"other{i}") for i in range(5)]
    assert answer(*others[:2], mine, *others[2:]) == alone
