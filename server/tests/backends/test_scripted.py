"""The model without weights: its answers, its vocabulary, and the contract that it checks."""

from __future__ import annotations

import numpy as np
import pytest

from galop.backends.scripted import END, ScriptedModel, ScriptedTokenizer, repeat_last_user_message
from galop.engine.runner import Batch

PROMPT = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
tokenizer = ScriptedTokenizer()


def batch(token_ids: list[int], *, start: int = 0, slot: int = 0) -> Batch:
    """Rows of one slot, with logits for the last of them."""
    needs_logits = np.zeros(len(token_ids), dtype=np.int8)
    needs_logits[-1] = 1
    return Batch(
        np.asarray(token_ids, np.int32),
        np.arange(start, start + len(token_ids), dtype=np.int32),
        np.full(len(token_ids), slot, dtype=np.int32),
        needs_logits,
    )


def answer_of(model: ScriptedModel, prompt: str) -> str:
    """The most likely tokens up to the end token."""
    token_ids = tokenizer.encode(prompt)
    logits = model.forward(batch(token_ids))
    answer: list[int] = []
    while (token_id := int(logits[0].argmax())) != END:
        logits = model.forward(batch([token_id], start=len(token_ids) + len(answer)))
        answer.append(token_id)
    return tokenizer.decode(answer)


@pytest.mark.parametrize(
    ("name", "answer"), [("scripted:Hello", "Hello"), ("scripted:", "Hi"), ("scripted:é", "é")]
)
def test_the_source_names_the_answer(name: str, answer: str) -> None:
    """Without a text the last user message is repeated."""
    assert (
        answer_of(ScriptedModel.from_name(name, num_slots=1, context_window=99), PROMPT) == answer
    )


def test_the_last_user_message_is_found_among_several() -> None:
    messages = "<|im_start|>user\none<|im_end|>\n<|im_start|>user\n two <|im_end|>\n"
    assert repeat_last_user_message(messages) == "two"
    assert repeat_last_user_message("") == ""


@pytest.mark.parametrize("text", ["Hello", "é€😀", PROMPT, "<|im_end|><|unused|>"])
def test_text_survives_encoding(text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text
    plain = tokenizer.encode(text, parse_special=False)
    assert b"".join(map(tokenizer.token_bytes, plain)) == text.encode()


def test_logits_are_returned_for_the_rows_that_need_them() -> None:
    model = ScriptedModel("x")
    assert model.forward(batch([1, 2, 3])).shape == (1, model.vocab_size)
    assert model.batch_sizes == [3]


@pytest.mark.parametrize("start", [0, 1, 3])
def test_a_row_that_does_not_continue_its_slot_is_refused(start: int) -> None:
    """The slot has two tokens."""
    model = ScriptedModel("x")
    model.forward(batch([1, 2]))
    with pytest.raises(AssertionError, match=f"holds 2, row is {start}"):
        model.forward(batch([3], start=start))


def test_a_full_slot_takes_no_row() -> None:
    model = ScriptedModel("x", context_window=2)
    model.forward(batch([1, 2]))
    with pytest.raises(AssertionError, match="is full"):
        model.forward(batch([3], start=2))


def test_prefixes_are_copied_and_truncated() -> None:
    model = ScriptedModel("x", num_slots=3)
    model.forward(batch([1, 2, 3]))
    model.copy_prefix(0, [1, 2], 2)
    model.truncate(2, 1)
    assert model.slots == [[1, 2, 3], [1, 2], [1]]
