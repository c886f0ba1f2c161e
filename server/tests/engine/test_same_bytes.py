"""The tokens of a seed do not depend on the load: random loads against an idle engine."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from galop.engine.engine import Engine
from galop.engine.runner import Float32Array
from galop.protocol.events import EngineEvent, Failed, Tokens
from galop.protocol.requests import GenerationRequest, SamplingParams
from galop.testing import VOCAB_SIZE, ScriptedModel

MAX_TOKENS = 12


class HashModel(ScriptedModel):
    """Logits that depend on the last `num_seen` tokens of the slot. All tokens: one wrong cell of the
    cache changes the tokens after it. One token: texts repeat, so that drafts are right."""

    def __init__(self, *, num_slots: int, num_seen: int, is_batch_invariant: bool) -> None:
        super().__init__(num_slots=num_slots, max_batch_rows=32)
        self.num_seen = num_seen
        self.is_batch_invariant = is_batch_invariant

    def logits(self, tokens: Sequence[int]) -> Float32Array:
        seed = zlib.crc32(np.asarray(tokens[-self.num_seen :], dtype=np.int32).tobytes())
        row = np.random.default_rng(seed).standard_normal(VOCAB_SIZE, dtype=np.float32)
        return row * np.float32(3.0)


def prompts() -> st.SearchStrategy[list[int]]:
    """A prefix of one of a few shared texts, then tokens of its own."""
    shared = st.tuples(st.integers(0, 2), st.integers(1, 60)).map(
        lambda drawn: [(7 * drawn[0] + index) % 250 for index in range(drawn[1])]
    )
    return st.tuples(shared, st.lists(st.integers(0, 250), max_size=4)).map(
        lambda two: sum(two, [])
    )


requests = st.builds(
    lambda prompt, seed, temperature, top_p, num_choices: GenerationRequest(
        request_id="",
        prompt_token_ids=prompt,
        max_tokens=MAX_TOKENS,
        num_choices=num_choices,
        sampling=SamplingParams(seed=seed, temperature=temperature, top_p=top_p),
    ),
    prompts(),
    st.integers(0, 2**64 - 1),
    st.sampled_from([0.0, 0.8]),
    st.sampled_from([0.95, 1.0]),
    st.integers(1, 2),
)

arrivals = st.tuples(
    requests,
    st.integers(0, 4),  # steps before it comes
    st.booleans(),  # whether it is cancelled two steps later
    st.booleans(),  # whether a second turn follows: the prompt, a token, and more
)


def tokens_of(events: Sequence[EngineEvent]) -> dict[tuple[str, int], list[int]]:
    assert not [event for event in events if isinstance(event, Failed)]
    tokens: dict[tuple[str, int], list[int]] = {}
    for event in events:
        if isinstance(event, Tokens):
            tokens.setdefault((event.request_id, event.choice_index), []).extend(event.token_ids)
    return tokens


def engine(
    events: list[EngineEvent], num_slots: int, num_seen: int, *, is_batch_invariant: bool
) -> Engine:
    model = HashModel(num_slots=num_slots, num_seen=num_seen, is_batch_invariant=is_batch_invariant)
    return Engine(model, events.extend, prefill_chunk=16)


def finish(running: Engine) -> None:
    running.step()  # takes in what was submitted
    while not running.scheduler.is_idle:
        running.step()


def alone(request: GenerationRequest, num_seen: int) -> dict[tuple[str, int], list[int]]:
    """Without drafts, and without generated tokens in the prefix cache."""
    events: list[EngineEvent] = []
    running = engine(events, 4, num_seen, is_batch_invariant=False)
    running.submit(request)
    finish(running)
    return tokens_of(events)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(arrivals, min_size=1, max_size=10),
    st.integers(1, 4),
    st.sampled_from([1, 1000]),
    st.booleans(),
)
def test_load_cache_order_and_drafts_change_no_token(
    load: list[tuple[GenerationRequest, int, bool, bool]],
    num_slots: int,
    num_seen: int,
    is_batch_invariant: bool,
) -> None:
    """Each finished answer is the one of an idle engine with an empty cache."""
    events: list[EngineEvent] = []
    running = engine(events, num_slots, num_seen, is_batch_invariant=is_batch_invariant)
    sent: dict[str, GenerationRequest] = {}
    cancelled: set[str] = set()

    def send(request: GenerationRequest, name: str, prompt: list[int]) -> None:
        fields = {name: getattr(request, name) for name in request.__struct_fields__}
        sent[name] = GenerationRequest(**fields | {"request_id": name, "prompt_token_ids": prompt})
        running.submit(sent[name])

    for index, (request, delay, is_cancelled, has_second_turn) in enumerate(load):
        for _ in range(delay):
            running.step()
        send(request, f"{index}", request.prompt_token_ids)
        if is_cancelled:
            running.step()
            running.step()
            running.cancel(f"{index}")
            cancelled.add(f"{index}")
        elif has_second_turn:
            finish(running)
            send(request, f"{index} again", [*request.prompt_token_ids, 251, 1, 2, 3])
    finish(running)

    got = tokens_of(events)
    for name, request in sent.items():
        if name not in cancelled:
            for key, tokens in alone(request, num_seen).items():
                assert got[key] == tokens
