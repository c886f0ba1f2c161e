"""The order in which prompts are computed, and the bounds on waiting, in steps."""

from __future__ import annotations

import itertools
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from galop.engine.engine import Engine
from galop.engine.prefill import CHUNKS_ALONE, MAX_CHUNKS_AHEAD, run_length
from galop.engine.queue import TIER_WEIGHTS
from galop.engine.scheduler import MIN_SHARED_TOKENS, Scheduler
from galop.engine.sequence import Sequence
from galop.protocol.events import EngineEvent, Prefilled
from galop.protocol.literals import ServiceTier
from galop.protocol.requests import GenerationRequest, SamplingParams
from galop.testing import ScriptedModel

CHUNK = 8
TIERS: list[ServiceTier] = ["performance", "on_demand", "flex"]
_numbers = itertools.count()


def make_sequence(
    num_tokens: int,
    key: str = "a",
    tier: ServiceTier = "on_demand",
    *,
    prefix: SequenceOf[int] = (),
    max_tokens: int = 1,
) -> Sequence:
    """A prompt of so many tokens. It shares `prefix` with other prompts and nothing else."""
    number = next(_numbers)
    prompt = [*prefix, *(1000 + number for _ in range(num_tokens - len(prefix)))]
    request = GenerationRequest(
        request_id=str(number),
        prompt_token_ids=prompt,
        max_tokens=max_tokens,
        key_id=key,
        service_tier=tier,
    )
    return Sequence(request, 0, np.asarray(prompt, dtype=np.int32), None, 0.0, max_tokens)


def make_scheduler(
    num_slots: int = 16, *, chunk: int = CHUNK, is_batch_invariant: bool = True
) -> Scheduler:
    return Scheduler(
        num_slots=num_slots,
        max_batch_rows=8 * chunk,
        prefill_chunk=chunk,
        is_batch_invariant=is_batch_invariant,
    )


@dataclass
class Steps:
    """Steps of a scheduler without a model: planned rows count as computed, complete sequences end."""

    scheduler: Scheduler
    prompt_rows: list[dict[Sequence, int]] = field(default_factory=list)
    """The plan of every step so far."""
    first_token: dict[Sequence, int] = field(default_factory=dict)
    """The number of the step that gave a sequence its first token."""

    def add(self, *sequences: Sequence) -> None:
        for sequence in sequences:
            self.scheduler.add(sequence)

    def step(self) -> None:
        rows: dict[Sequence, int] = {}
        for sequence, count in self.scheduler.schedule().rows:
            if sequence.is_prefilling:
                rows[sequence] = count
            sequence.num_computed_tokens += count
            if not sequence.num_pending_tokens:
                sequence.append([7])
                self.first_token.setdefault(sequence, len(self.prompt_rows))
                if sequence.num_completion_tokens == sequence.max_tokens:
                    self.scheduler.remove(sequence)
        self.prompt_rows.append(rows)

    def run(self, count: int = 100_000) -> None:
        for _ in range(count):
            if self.scheduler.is_idle:
                return
            self.step()

    def steps_until_first_token(self, sequence: Sequence) -> int:
        """Steps until the first token, the step that runs when the request arrives included."""
        start = len(self.prompt_rows)
        self.step()
        self.add(sequence)
        while sequence not in self.first_token:
            self.step()
        return self.first_token[sequence] + 1 - start


@pytest.mark.parametrize("is_batch_invariant", [True, False])
@pytest.mark.parametrize("num_long", [1, 2, 15])
@pytest.mark.parametrize("short_key", ["a", "newcomer"])
@pytest.mark.parametrize("num_keys", [1, 15])
@pytest.mark.parametrize("is_decoding", [True, False])
def test_a_short_prompt_waits_three_steps_at_most(
    is_batch_invariant: bool, num_long: int, short_key: str, num_keys: int, is_decoding: bool
) -> None:
    """It arrives at any step, beside one or fifteen long prompts, of its own key or of other keys."""
    steps = Steps(make_scheduler(17, is_batch_invariant=is_batch_invariant))
    if is_decoding:
        steps.add(make_sequence(1, "busy", max_tokens=10_000))
        steps.step()
    steps.add(*(make_sequence(7000, "abcdefghijklmnop"[i % num_keys]) for i in range(num_long)))
    for number in range(60):
        short = make_sequence(1 + number % CHUNK, short_key)
        assert steps.steps_until_first_token(short) <= 3


def test_a_short_prompt_waits_for_two_chunks_at_most() -> None:
    """Counted in rows. A long prompt alone takes at most two chunks of a step."""
    steps = Steps(make_scheduler())
    steps.add(make_sequence(7000))
    steps.step()
    steps.add(short := make_sequence(CHUNK, "b"))
    steps.step()

    assert sum(steps.prompt_rows[0].values()) == CHUNKS_ALONE * CHUNK
    assert steps.prompt_rows[1] == {short: CHUNK}


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("tier_of_long", TIERS)
def test_tiers_delay_no_short_prompt(tier: ServiceTier, tier_of_long: ServiceTier) -> None:
    """Tiers only order short prompts among themselves, and long ones."""
    steps = Steps(make_scheduler())
    steps.add(*(make_sequence(3000, key, tier_of_long) for key in "abcd"))
    for _ in range(60):
        assert steps.steps_until_first_token(make_sequence(CHUNK, "e", tier)) <= 3


def test_a_higher_tier_goes_first_among_long_prompts() -> None:
    """Tokens left are divided by the weight of the tier: 160 of performance count as 40 of on_demand."""
    steps = Steps(make_scheduler())
    flex, on_demand, performance = (make_sequence(160, tier, tier) for tier in reversed(TIERS))
    steps.add(flex, on_demand, performance)
    steps.run()

    assert list(steps.first_token) == [performance, on_demand, flex]


def test_many_short_prompts_do_not_delay_that_of_another_key() -> None:
    """Among short prompts the key with the fewest tokens left goes first."""
    steps = Steps(make_scheduler())
    crowd = [make_sequence(CHUNK, "crowd") for _ in range(14)]
    steps.add(make_sequence(500, "long"), *crowd)
    steps.step()
    steps.add(newcomer := make_sequence(CHUNK, "newcomer"))
    steps.step()

    assert steps.prompt_rows[-1] == {newcomer: CHUNK}


def test_many_long_prompts_do_not_delay_that_of_another_key() -> None:
    """The key with the least remaining work goes first: one prompt before ten of another key."""
    steps = Steps(make_scheduler())
    num_tokens = MAX_CHUNKS_AHEAD * CHUNK
    steps.add(*(make_sequence(num_tokens, "many") for _ in range(10)))
    steps.run(2)
    steps.add(one := make_sequence(num_tokens, "one"))
    steps.run(num_tokens // (CHUNKS_ALONE * CHUNK))

    assert list(steps.first_token) == [one]


def test_equal_prompts_are_finished_one_after_the_other() -> None:
    """Alternating would delay the first ones, and the last one would end no earlier."""
    steps = Steps(make_scheduler())
    prompts = [make_sequence(400, key) for key in "abc"]
    steps.add(*prompts)
    steps.run()

    num_steps = 400 // (CHUNKS_ALONE * CHUNK)
    assert [steps.first_token[each] + 1 for each in prompts] == [
        num_steps,
        2 * num_steps,
        3 * num_steps,
    ]


@pytest.mark.parametrize("keys", ["aa", "ab"])
def test_an_endless_stream_of_short_prompts_leaves_half_to_a_long_one(keys: str) -> None:
    """After a burst, every second step begins with the prompt that was overtaken."""
    steps = Steps(make_scheduler())
    steps.add(long := make_sequence(100 * CHUNK, keys[0]))
    for _ in range(2 * 100 + MAX_CHUNKS_AHEAD + 2):
        steps.add(*(make_sequence(CHUNK, keys[1]) for _ in range(3)))
        steps.step()

    assert long in steps.first_token


def test_two_short_prompts_of_a_key_go_before_a_long_one_of_another() -> None:
    """Even if they have more tokens together."""
    steps = Steps(make_scheduler())
    short = [make_sequence(CHUNK, "a"), make_sequence(CHUNK, "a")]
    long = make_sequence(CHUNK + 2, "b")
    steps.add(long, *short)
    steps.run()

    assert list(steps.first_token) == [*short, long]


PREFIX = [-index for index in range(MIN_SHARED_TOKENS)]


def test_a_short_prompt_does_not_wait_for_the_key_that_computes_its_prefix() -> None:
    """The prompt that computes the prefix goes before prompts that would precede it otherwise."""
    steps = Steps(make_scheduler())
    steps.add(*(make_sequence(700, "a") for _ in range(3)))
    steps.step()
    sharing = make_sequence(7000, "b", prefix=PREFIX)
    steps.add(sharing, make_sequence(7000, "b"))
    steps.step()
    assert sharing.slot is not None
    assert sharing.num_computed_tokens == 0
    short = make_sequence(MIN_SHARED_TOKENS + 3, "c", prefix=PREFIX)

    assert steps.steps_until_first_token(short) <= 2 + MIN_SHARED_TOKENS // CHUNK + 1
    assert short.num_cached_tokens == MIN_SHARED_TOKENS


def test_a_short_prefix_that_is_waited_for_is_a_short_prompt() -> None:
    """Among many short prompts, it has the place of a prompt with so many tokens."""
    steps = Steps(make_scheduler(20, chunk=2 * MIN_SHARED_TOKENS))
    steps.add(make_sequence(7000, "long"), *(make_sequence(30, "crowd") for _ in range(12)))
    steps.step()
    steps.add(sharing := make_sequence(7000, "b", prefix=PREFIX))
    steps.step()
    assert sharing.num_computed_tokens < MIN_SHARED_TOKENS
    short = make_sequence(MIN_SHARED_TOKENS + 3, "c", prefix=PREFIX)

    assert steps.steps_until_first_token(short) <= 3
    assert short.num_cached_tokens == MIN_SHARED_TOKENS


def test_a_short_prompt_gets_a_free_slot_and_waits_for_a_taken_one() -> None:
    """Running sequences keep their slots. If long prompts have all of them, the queue decides."""
    steps = Steps(make_scheduler(2))
    steps.add(make_sequence(200), make_sequence(200))
    steps.step()
    steps.add(short := make_sequence(3, "b"), make_sequence(200))
    steps.step()
    assert short.slot is None
    assert list(steps.scheduler.waiting.in_turn())[0] is short
    while short not in steps.first_token:
        steps.step()

    assert len(steps.first_token) == 2  # one long prompt, then this one


@given(st.integers(1, 40), st.integers(0, 40), st.integers(1, 2))
def test_a_run_is_never_shorter_than_the_least(num_pending: int, budget: int, least: int) -> None:
    """Neither the run that is taken nor the rest, unless the whole prompt is shorter."""
    count = run_length(num_pending, budget, least)

    assert count <= min(num_pending, budget)
    assert count == num_pending or count == 0 or least <= count <= num_pending - least
    assert count > 0 or budget < least or (budget < num_pending < 2 * least)


arrivals = st.lists(
    st.tuples(
        st.integers(0, 6),  # steps after the one before
        st.integers(1, 12 * CHUNK),
        st.sampled_from("abc"),
        st.integers(1, 4),  # completion tokens
        st.booleans(),  # whether it begins like others
    ),
    min_size=1,
    max_size=30,
)


def run_arrivals(
    load: list[tuple[int, int, str, int, bool]],
    num_slots: int,
    is_batch_invariant: bool,
    tiers: dict[str, ServiceTier],
) -> tuple[Steps, dict[Sequence, int]]:
    """All plans of a load, and the step at which each sequence got a slot."""
    steps = Steps(make_scheduler(num_slots, is_batch_invariant=is_batch_invariant))
    admitted: dict[Sequence, int] = {}
    everybody: list[Sequence] = []

    def step() -> None:
        steps.step()
        for sequence in everybody:
            if sequence.admission_index >= 0:
                admitted.setdefault(sequence, len(steps.prompt_rows) - 1)

    for delay, num_tokens, key, max_tokens, is_like_others in load:
        for _ in range(delay):
            step()
        prefix = [-index for index in range(min(num_tokens, 3 * MIN_SHARED_TOKENS))]
        sequence = make_sequence(
            num_tokens,
            key,
            tiers[key],
            prefix=prefix if is_like_others else (),
            max_tokens=max_tokens,
        )
        everybody.append(sequence)
        steps.add(sequence)
    for _ in range(10_000):
        if steps.scheduler.is_idle:
            break
        step()
    return steps, admitted


@settings(max_examples=150)
@given(
    arrivals,
    st.integers(1, 16),
    st.booleans(),
    st.just(dict.fromkeys("abc", "on_demand"))
    | st.fixed_dictionaries({key: st.sampled_from(TIERS) for key in "abc"}),
)
def test_no_prompt_is_overtaken_for_long(
    load: list[tuple[int, int, str, int, bool]],
    num_slots: int,
    is_batch_invariant: bool,
    tiers: dict[str, ServiceTier],
) -> None:
    """The bound in `engine.prefill` on rows of later prompts before the first token of an earlier one."""
    steps, admitted = run_arrivals(load, num_slots, is_batch_invariant, tiers)

    assert len(steps.first_token) == len(load)
    weights = [TIER_WEIGHTS[tier] for tier in tiers.values()]
    ratio = max(weights) / min(weights)
    for sequence, start in admitted.items():
        rows_of_later = rows_needed = 0
        earlier = set()
        for rows in steps.prompt_rows[start : steps.first_token[sequence] + 1]:
            for other, count in rows.items():
                if other.admission_index > sequence.admission_index:
                    rows_of_later += count
                else:
                    rows_needed += count
                    earlier.add(other)
        burst = (MAX_CHUNKS_AHEAD + 2) * CHUNK * max(weights)
        slack = 2 * CHUNK * len(earlier)
        assert rows_of_later <= burst + ratio * (rows_needed + slack)


@settings(max_examples=100)
@given(arrivals, st.integers(2, 16), st.booleans())
@example([(0, 96, "a", 1, False), (1, 8, "b", 1, False)], 2, False)
def test_steps_are_full_and_within_bounds(
    load: list[tuple[int, int, str, int, bool]], num_slots: int, is_batch_invariant: bool
) -> None:
    """A step computes as many prompt tokens as it may while prompts are pending, and no more."""
    steps = Steps(make_scheduler(num_slots, is_batch_invariant=is_batch_invariant))
    for delay, num_tokens, key, max_tokens, _ in load:
        for _ in range(delay):
            pending = {
                each: each.num_pending_tokens
                for each in steps.scheduler.running
                if each.is_prefilling
            }
            is_decoding = any(not each.is_prefilling for each in steps.scheduler.running)
            steps.step()
            rows = steps.prompt_rows[-1]
            num_rows = sum(rows.values())
            # Those admitted in this very step may have added to it.
            trimmed = 0 if is_batch_invariant else 1
            assert num_rows >= min(sum(pending.values()), CHUNK) - trimmed
            if is_decoding:
                assert num_rows <= CHUNK
            elif any(each > CHUNK for each in pending.values()):
                assert num_rows <= CHUNKS_ALONE * CHUNK
        steps.add(make_sequence(num_tokens, key, max_tokens=max_tokens))


def test_the_engine_answers_a_short_prompt_beside_one_of_7000_tokens() -> None:
    """With the whole engine and its default chunk: at most three forward passes."""
    events: list[EngineEvent] = []
    model = ScriptedModel("ok")
    engine = Engine(model, events.extend)

    def submit(name: str, num_tokens: int) -> None:
        request = GenerationRequest(
            request_id=name,
            prompt_token_ids=[ord(name[0])] * num_tokens,
            max_tokens=2,
            key_id=name,
            sampling=SamplingParams(temperature=0.0),
        )
        engine.submit(request)

    submit("long", 7000)
    engine.step()
    submit("short", 100)
    start = len(model.batch_sizes)
    while not any(isinstance(each, Prefilled) for each in events):
        engine.step()

    [first] = [each.request_id for each in events if isinstance(each, Prefilled)]
    assert first == "short"
    assert len(model.batch_sizes) - start <= 2
