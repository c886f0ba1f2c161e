"""The engine with a scripted model; the tests call `step`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from galop.engine.constraint import TokenConstraint
from galop.engine.engine import Engine
from galop.engine.runner import Batch, Float32Array
from galop.protocol.constraints import ConstraintSpec
from galop.protocol.errors import ConstraintFailedError
from galop.protocol.events import EngineEvent, Failed, Finished, Prefilled, Tokens
from galop.protocol.requests import GenerationRequest, SamplingParams
from galop.testing import VOCAB_SIZE, ScriptedModel, ScriptedTokenizer

tokenizer = ScriptedTokenizer()


def prompt(text: str = "hi") -> list[int]:
    return tokenizer.encode(f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n")


def request(name: str = "r", text: str = "hi", **fields: object) -> GenerationRequest:
    values: dict[str, object] = {"max_tokens": 100, "sampling": SamplingParams(temperature=0.0)}
    return GenerationRequest(
        request_id=name,
        prompt_token_ids=prompt(text),
        **(values | fields),  # type: ignore[arg-type]  # a test's shorthand
    )


class Harness:
    """An engine whose steps and events a test controls."""

    def __init__(self, model: ScriptedModel | None = None, **options: object) -> None:
        self.model = model or ScriptedModel()
        self.events: list[EngineEvent] = []
        self.engine = Engine(self.model, self.events.extend, **options)  # type: ignore[arg-type]

    def run(self, *requests: GenerationRequest) -> None:
        for each in requests:
            self.engine.submit(each)
        for _ in range(10_000):
            self.engine.step()
            if self.engine.scheduler.is_idle:
                return
        raise AssertionError(f"still busy: {self.engine.scheduler!r}")

    def text(self, name: str = "r", choice: int = 0) -> str:
        token_ids = [
            token_id
            for event in self.events
            if isinstance(event, Tokens)
            and (event.request_id, event.choice_index) == (name, choice)
            for token_id in event.token_ids
        ]
        return tokenizer.decode(token_ids)

    def finished(self, name: str = "r") -> list[Finished]:
        return [e for e in self.events if isinstance(e, Finished) and e.request_id == name]


def test_a_reply_is_generated_to_its_end_token() -> None:
    """`Prefilled` comes first. The tokens exclude the end token, the count includes it."""
    harness = Harness()
    harness.run(request(text="hello"))

    assert isinstance(harness.events[0], Prefilled)
    assert harness.text() == "hello"
    (finished,) = harness.finished()
    assert (finished.finish_reason, finished.num_completion_tokens) == ("stop", 6)


def test_the_budget_ends_a_sequence() -> None:
    """It has max_tokens tokens and finish_reason length."""
    harness = Harness()
    harness.run(request(text="hello", max_tokens=3))

    assert harness.text() == "hel"
    assert harness.finished()[0].finish_reason == "length"


def test_the_context_window_ends_a_sequence() -> None:
    """Prompt and completion together never exceed the window."""
    size = len(prompt("abcdefgh"))
    harness = Harness(ScriptedModel(context_window=size + 4))
    harness.run(request(text="abcdefgh"))

    assert harness.text() == "abcd"
    assert harness.finished()[0].finish_reason == "length"


def test_sequences_share_batches_and_keep_their_own_answers() -> None:
    """Sixteen requests at once finish in about as many steps as one has tokens."""
    together = Harness()
    together.run(*(request(f"r{i}", f"answer {i:02}") for i in range(16)))

    for i in range(16):
        assert together.text(f"r{i}") == f"answer {i:02}"
    assert len(together.model.batch_sizes) <= len("answer 00") + 5


def test_a_common_prefix_is_computed_once() -> None:
    """Of eight requests with the same long system text, one computes it."""
    system = "You are a careful assistant. " * 10
    harness = Harness()
    texts = [f"{system}{i}" for i in range(8)]
    harness.run(*(request(f"r{i}", text, max_tokens=1) for i, text in enumerate(texts)))

    assert sum(harness.model.batch_sizes) < len(prompt(texts[0])) + 8 * 40


def test_the_next_turn_of_a_conversation_continues_its_slot() -> None:
    """The prompt begins with an earlier one; the rest of that slot is truncated."""
    harness = Harness(ScriptedModel("the answer", num_slots=1))
    first = prompt("hello there, my friend")
    second = first + tokenizer.encode("another<|im_end|>\n") + prompt("more")
    for name, token_ids in (("1", first), ("2", second)):
        harness.run(GenerationRequest(request_id=name, prompt_token_ids=token_ids, max_tokens=50))

    assert harness.text("1") == harness.text("2") == "the answer"
    prefilled = [event for event in harness.events if isinstance(event, Prefilled)]
    assert [event.num_cached_tokens for event in prefilled] == [0, len(first)]


def test_the_next_turn_finds_the_answer_in_the_cache() -> None:
    """The prompt of the next turn begins with the previous prompt and its answer."""
    harness = Harness(ScriptedModel("a long answer", num_slots=1))
    first = prompt("hello there, my friend")
    answered = first + tokenizer.encode("a long answer")
    second = answered + tokenizer.encode("<|im_end|>\n") + prompt("more")
    for name, token_ids in (("1", first), ("2", second)):
        harness.run(GenerationRequest(request_id=name, prompt_token_ids=token_ids, max_tokens=50))

    prefilled = [event for event in harness.events if isinstance(event, Prefilled)]
    assert [event.num_cached_tokens for event in prefilled] == [0, len(answered)]


COPIED = "one two three four five six seven eight nine ten eleven twelve"


def test_copied_text_takes_fewer_passes_than_tokens() -> None:
    """Drafts from the prompt give fewer passes than tokens, and the same answer."""
    harness = Harness(ScriptedModel(COPIED), clock=lambda: 0.0)  # rows cost what is assumed
    harness.run(request(text=f"repeat {COPIED}", max_tokens=100))

    assert harness.text("r") == COPIED
    assert len(harness.model.batch_sizes) < len(COPIED) / 3
    assert 0 < harness.engine.num_accepted_tokens <= harness.engine.num_draft_tokens


def test_wrong_drafts_change_no_answer() -> None:
    """The drafts from the prompt are all wrong."""
    text = " ".join(f"abcdef{i}{i}{i}{i}" for i in range(9))
    harness = Harness(ScriptedModel("abcdefghijklmnop abcdef!"))
    harness.run(request(text=text, max_tokens=100))

    assert harness.text("r") == "abcdefghijklmnop abcdef!"
    assert harness.engine.num_accepted_tokens < harness.engine.num_draft_tokens


@pytest.mark.parametrize("max_tokens", [1, 5, 13, 30])
def test_a_draft_ends_with_the_budget(max_tokens: int) -> None:
    harness = Harness(ScriptedModel(COPIED))
    harness.run(request(text=COPIED, max_tokens=max_tokens))

    assert harness.text("r") == COPIED[:max_tokens]
    assert [each.num_completion_tokens for each in harness.finished()] == [max_tokens]


def test_log_probabilities_of_drafted_tokens_are_complete_and_in_order() -> None:
    harness = Harness(ScriptedModel(COPIED))
    sampling = SamplingParams(temperature=0.0, num_logprobs=0)
    harness.run(request(text=COPIED, max_tokens=100, sampling=sampling))

    tokens = [event for event in harness.events if isinstance(event, Tokens)]
    assert any(len(event.token_ids) > 1 for event in tokens)
    for event in tokens:
        assert event.logprobs is not None
        assert [each.token_id for each in event.logprobs] == event.token_ids


def test_choices_come_from_one_prefill() -> None:
    """n choices cost one prompt, and one more row for each choice."""
    harness = Harness(ScriptedModel("yes"))
    text = "x" * 300
    harness.run(request(text=text, num_choices=4, sampling=SamplingParams(seed=5)))

    assert [harness.text(choice=i) for i in range(4)] == ["yes"] * 4
    assert sum(harness.model.batch_sizes) < len(prompt(text)) + 4 * 8
    assert sum(isinstance(event, Prefilled) for event in harness.events) == 1


class EvenModel(ScriptedModel):
    """Sixteen letters are equally likely, whatever the tokens before: the sampler alone decides."""

    def logits(self, tokens: Sequence[int]) -> Float32Array:
        row = np.full(VOCAB_SIZE, -50.0, dtype=np.float32)
        row[97:113] = 0.0
        return row


def test_choices_are_sampled_independently() -> None:
    """Two choices of one seed differ; the same choice of the same seed does not."""
    sampled = request(num_choices=2, max_tokens=24, sampling=SamplingParams(seed=9))
    first, second = Harness(EvenModel()), Harness(EvenModel())
    first.run(sampled)
    second.run(sampled)

    assert first.text(choice=0) != first.text(choice=1)
    assert first.text(choice=0) == second.text(choice=0)


def test_other_sequences_do_not_change_a_sampled_answer() -> None:
    """The draw depends on seed, choice and position, not on the rest of the batch."""
    sampled = request("same", max_tokens=24, sampling=SamplingParams(seed=1234))
    alone, crowded = Harness(EvenModel()), Harness(EvenModel())
    alone.run(sampled)
    others = [
        request(f"o{i}", max_tokens=10 + i, sampling=SamplingParams(seed=i)) for i in range(7)
    ]
    crowded.run(*others[:4], sampled, *others[4:])

    assert crowded.text("same") == alone.text("same")


def test_a_cancelled_request_is_out_of_the_next_batch() -> None:
    """After one step no sequence of it runs. No event of it follows."""
    harness = Harness()
    harness.engine.submit(request(text="a long answer"))
    harness.engine.step()
    assert len(harness.engine.scheduler.running) == 1
    harness.engine.cancel("r")
    num_events = len(harness.events)

    harness.engine.step()

    assert harness.engine.scheduler.is_idle
    assert len(harness.events) == num_events


def test_a_waiting_request_can_be_cancelled() -> None:
    """It never gets a slot."""
    harness = Harness(ScriptedModel(num_slots=1))
    harness.engine.submit(request("first"))
    harness.engine.submit(request("second"))
    harness.engine.step()
    harness.engine.cancel("second")
    harness.run()

    assert harness.finished("first")
    assert not any(event.request_id == "second" for event in harness.events)


def test_one_choice_can_be_cancelled_alone() -> None:
    """The other choices continue."""
    harness = Harness(ScriptedModel("a long answer"))
    harness.engine.submit(request(num_choices=2))
    for _ in range(3):
        harness.engine.step()
    harness.engine.cancel("r", 0)
    harness.run()

    assert [finished.choice_index for finished in harness.finished()] == [1]
    assert harness.text(choice=1) == "a long answer"


def test_logprobs_come_with_every_token() -> None:
    """With greedy sampling the chosen token is the most likely one."""
    harness = Harness()
    harness.run(request(text="ab", sampling=SamplingParams(temperature=0.0, num_logprobs=2)))

    tokens = [event for event in harness.events if isinstance(event, Tokens)]
    assert tokens[0].logprobs is not None
    entry = tokens[0].logprobs[0]
    assert entry.token_id == ord("a")
    assert len(entry.top) == 2
    assert entry.top[0][0] == ord("a")
    assert entry.top[0][1] == pytest.approx(entry.logprob)
    assert entry.constrained_logprob is None


class Spelling(TokenConstraint):
    """Allows one text only. `forces`: whether it forces the rest of the text after its first token."""

    def __init__(
        self, text: bytes, *, forces: bool = False, closed_by_budget: bool = False
    ) -> None:
        self._left = list(text)
        self._forces = forces
        self._closed_by_budget = closed_by_budget

    @property
    def closed_by_budget(self) -> bool:
        return self._closed_by_budget

    @property
    def is_complete(self) -> bool:
        return not self._left

    @property
    def can_end(self) -> bool:
        return not self._left

    def try_accept(self, token_id: int) -> bool:
        if not self._left or token_id != self._left[0]:
            return False
        self._left.pop(0)
        return True

    def allowed_mask(self) -> npt.NDArray[np.bool_]:
        mask = np.zeros(VOCAB_SIZE, dtype=np.bool_)
        mask[self._left[:1]] = True
        return mask

    def forced_tokens(self) -> list[int]:
        if not self._forces:
            return []
        forced, self._left = self._left, []
        return forced


def constrained(max_tokens: int = 100) -> GenerationRequest:
    spec = ConstraintSpec(json_object=True)
    return request(text="something else", constraint=spec, max_tokens=max_tokens)


def test_a_constraint_overrules_the_model() -> None:
    """The most likely token is refused, an allowed one is chosen, and no end token is needed."""
    harness = Harness(constraint_factory=lambda spec, *, max_tokens: Spelling(b"{}"))
    harness.run(constrained())

    assert harness.text() == "{}"
    (finished,) = harness.finished()
    assert (finished.finish_reason, finished.num_completion_tokens) == ("stop", 2)
    assert finished.is_constraint_satisfied


def test_forced_tokens_cost_no_step_of_their_own() -> None:
    """One token is sampled, the others are forced. No pass follows the last token."""
    harness = Harness(
        constraint_factory=lambda spec, *, max_tokens: Spelling(b"{abc}", forces=True)
    )
    harness.run(constrained())

    assert harness.text() == "{abc}"
    assert len(harness.model.batch_sizes) == 1


def test_a_document_that_the_budget_cuts_is_reported_as_incomplete() -> None:
    """Its finish_reason is length, is_constraint_satisfied is False."""
    harness = Harness(constraint_factory=lambda spec, *, max_tokens: Spelling(b"{abc}"))
    harness.run(constrained(max_tokens=3))

    (finished,) = harness.finished()
    assert (finished.finish_reason, finished.is_constraint_satisfied) == ("length", False)


def test_a_constraint_that_cannot_be_built_fails_its_request_alone() -> None:
    """It ends with a `Failed` event. Others are answered."""

    def refuse(spec: ConstraintSpec, *, max_tokens: int) -> TokenConstraint:
        raise ConstraintFailedError("no such grammar")

    harness = Harness(constraint_factory=refuse)
    harness.run(constrained(), request("other", "fine"))

    failed = [event for event in harness.events if isinstance(event, Failed)]
    assert [(event.kind, event.detail) for event in failed] == [("constraint", "no such grammar")]
    assert harness.text("other") == "fine"


def test_a_prompt_that_fills_the_window_fails_alone() -> None:
    """Other rooms check the window first, but the engine continues if they do not."""
    harness = Harness(ScriptedModel(context_window=64))
    harness.run(request("long", "x" * 64), request("other", "fine"))

    assert [e.request_id for e in harness.events if isinstance(e, Failed)] == ["long"]
    assert harness.text("other") == "fine"


class BrokenOnce(ScriptedModel):
    """Its second forward pass raises."""

    def forward(self, batch: Batch) -> Float32Array:
        if len(self.batch_sizes) == 1:
            self.batch_sizes.append(0)
            raise RuntimeError("the kernels gave up")
        return super().forward(batch)


def test_a_failed_forward_pass_fails_its_requests_and_not_the_engine() -> None:
    """Requests in the batch fail. The next request is answered."""
    harness = Harness(BrokenOnce())
    harness.run(request("lost"))
    harness.run(request("next", "fine"))

    assert [e.request_id for e in harness.events if isinstance(e, Failed)] == ["lost"]
    assert harness.text("next") == "fine"


def test_a_document_that_the_budget_closes_has_finish_reason_length() -> None:
    """The model did not end it. The document is complete all the same."""
    harness = Harness(
        constraint_factory=lambda spec, *, max_tokens: Spelling(b"{}", closed_by_budget=True)
    )
    harness.run(constrained())

    (finished,) = harness.finished()
    assert (finished.finish_reason, finished.is_constraint_satisfied) == ("length", True)


def test_forced_tokens_beyond_the_budget_are_cut() -> None:
    """The budget is not exceeded, and the constraint is not satisfied."""
    harness = Harness(
        constraint_factory=lambda spec, *, max_tokens: Spelling(b"{abc}", forces=True)
    )
    harness.run(constrained(max_tokens=3))

    assert harness.text() == "{ab"
    (finished,) = harness.finished()
    assert (finished.finish_reason, finished.num_completion_tokens) == ("length", 3)
    assert not finished.is_constraint_satisfied


def test_forced_tokens_have_the_models_own_log_probabilities() -> None:
    """Probable under the constraint and improbable for the model: both are reported."""
    harness = Harness(
        constraint_factory=lambda spec, *, max_tokens: Spelling(b"{abc}", forces=True)
    )
    sampling = SamplingParams(temperature=0.0, num_logprobs=0)
    spec = ConstraintSpec(json_object=True)
    harness.run(request(text="something else", constraint=spec, sampling=sampling))

    entries = [e.logprobs[0] for e in harness.events if isinstance(e, Tokens) and e.logprobs]
    assert [entry.token_id for entry in entries] == list(b"{abc}")
    assert all(entry.logprob < -10 for entry in entries)
    assert all(entry.constrained_logprob == 0.0 for entry in entries)
