"""Whatever a sampler does, the document is whole within its budget and has no key twice."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llguidance import LLTokenizer, TokenizerWrapper

from galop.engine.constraint import TokenConstraint
from galop.grammar.factory import GrammarFactory
from galop.grammar.tokenizer import byte_vocabulary
from galop.protocol.constraints import ConstraintSpec
from galop.protocol.errors import BudgetTooSmallError
from galop.testing import ScriptedTokenizer

SPEC = ConstraintSpec(json_object=True)

WORDS = (
    b'{} {" [" [] [[ [{ }} ]} ]] }] "} "}} ": ":" "," "], "}, {"a": [{" null true '
    b'false the key name a" key": \\" \\n \\u \\\\ \\u00 ud8 \\ud83d \xf0\x9f \xf0\x9f\x98 \x98\x80 '
    b"\xc3\xa9 0.0 12 1e -1 .5 aaaa"
).split()
SPACED_WORDS = [
    b'": ',
    b'", "',
    b": ",
    b", ",
    b" the",
    b"\n  ",
    b"\n    ",
    b"  ",
    b'{\n  "',
    b"\n}",
]


class WordTokenizer:
    """The bytes, and tokens that do several things at once. Encodes as single bytes."""

    bos_token_id = None

    def __init__(self) -> None:
        self.tokens = [bytes([byte]) for byte in range(256)] + WORDS + SPACED_WORDS + [b"\xff<end>"]
        self.eos_token_id = len(self.tokens) - 1
        self.special_token_ids = [self.eos_token_id]

    def __call__(self, data: bytes) -> list[int]:
        return list(data)


def word_vocabulary() -> LLTokenizer:
    return LLTokenizer(TokenizerWrapper(WordTokenizer()))


words = WordTokenizer().tokens
factory = GrammarFactory(word_vocabulary())
byte_factory = GrammarFactory(byte_vocabulary(ScriptedTokenizer()))


SAMPLERS: dict[str, Callable[[bytes], bool]] = {
    "any": lambda token: True,
    "never closes": lambda token: not set(token) & set(b"}]"),
    "opens": lambda token: b"{" in token or b"[" in token or token in (b'"', b'": ', b'":', b"a"),
    "repeats keys": lambda token: set(token) <= set(b'{,": a') or token == b"1",
    "whitespace": lambda token: not token.strip() or token in (b"{", b"[", b'"', b'":', b"1", b","),
    "digits": lambda token: set(token) <= set(b'0123456789.eE-{"a:'),
    "escapes and half characters": lambda token: token[:1] == b"\\" or max(token) > 127,
}


def generate(
    constraint: TokenConstraint,
    tokens: Sequence[bytes],
    wanted: Callable[[bytes], bool],
    source: random.Random,
    *,
    uses_forced: bool,
) -> list[int]:
    """Samples as the engine does: any token first, then from the mask."""
    token_ids: list[int] = []
    while not constraint.is_complete:
        liked = [token_id for token_id in range(len(tokens)) if wanted(tokens[token_id])]
        token_id = source.choice(liked)
        if not constraint.try_accept(token_id):
            allowed = np.flatnonzero(constraint.allowed_mask()).tolist()
            assert allowed, f"nothing is allowed: {constraint!r}"
            token_id = source.choice([i for i in allowed if wanted(tokens[i])] or allowed)
            assert constraint.try_accept(token_id), f"{tokens[token_id]!r}: {constraint!r}"
        token_ids.append(token_id)
        if uses_forced and not constraint.is_complete:
            token_ids += constraint.forced_tokens()
    return token_ids


def without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    assert len({key for key, _ in pairs}) == len(pairs)
    return dict(pairs)


@pytest.mark.parametrize("name", SAMPLERS)
@given(
    budget=st.integers(1, 12) | st.integers(13, 150),
    seed=st.integers(0, 2**32),
    uses_forced=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_every_document_is_whole_within_its_budget(
    name: str, budget: int, seed: int, uses_forced: bool
) -> None:
    """Adversarial samplers, from the smallest budget on."""
    constraint = factory(SPEC, max_tokens=budget)
    source = random.Random(seed)
    token_ids = generate(constraint, words, SAMPLERS[name], source, uses_forced=uses_forced)
    document = b"".join(words[token_id] for token_id in token_ids)

    assert len(token_ids) <= budget
    parsed = json.loads(document.decode("utf-8"), object_pairs_hook=without_repetition)
    assert isinstance(parsed, dict)


@pytest.mark.parametrize("name", ["any", "opens"])
def test_a_vocabulary_of_bytes_works_as_well(name: str) -> None:
    """Where every space of an indentation is a token of its own."""
    tokens = [bytes([byte]) for byte in range(256)]
    for seed in range(20):
        budget = 2 + 17 * seed
        constraint = byte_factory(SPEC, max_tokens=budget)
        source = random.Random(seed)
        token_ids = generate(constraint, tokens, SAMPLERS[name], source, uses_forced=seed % 2 == 0)
        assert len(token_ids) <= budget
        assert isinstance(json.loads(bytes(token_ids).decode()), dict)


def write(constraint: TokenConstraint, text: bytes) -> bytes:
    """The text byte by byte as far as it is allowed, and what is forced after it."""
    written = bytearray()
    for byte in text:
        if not constraint.try_accept(byte):
            break
        written.append(byte)
        if forced := constraint.forced_tokens():
            return bytes(written) + b"".join(words[token_id] for token_id in forced)
    return bytes(written)


def test_a_large_budget_changes_nothing() -> None:
    """No token is refused, and nothing says that the document was closed early."""
    constraint = factory(SPEC, max_tokens=10_000)
    document = b'{"a": [1, 2, {"b": "text"}], "c": "d"}'
    assert all(constraint.try_accept(byte) for byte in document)
    assert constraint.is_complete
    assert not constraint.was_closed


def test_text_in_a_string_goes_on_to_the_end_of_the_budget() -> None:
    """Then it is closed, in as many tokens as are left, and that is told."""
    constraint = factory(SPEC, max_tokens=30)
    document = write(constraint, b'{"a": "' + b"x" * 100)

    assert document == b'{"a": "' + b"x" * 21 + b'"}'
    assert constraint.is_complete
    assert constraint.was_closed


def test_nothing_new_is_begun_when_little_is_left() -> None:
    """A member that would have to end at once is worse than none."""
    constraint = factory(SPEC, max_tokens=24)
    assert write(constraint, b'{"a": "xxxxxxxx", "b": 1}') == b'{"a": "xxxxxxxx"'
    assert constraint.was_closed
    allowed = np.flatnonzero(constraint.allowed_mask())
    assert [words[token_id] for token_id in allowed] == [b"}"]


def test_a_budget_without_room_for_any_document_is_refused() -> None:
    """One byte of two; the error has both numbers."""
    with pytest.raises(BudgetTooSmallError) as caught:
        byte_factory(SPEC, max_tokens=1)
    assert (caught.value.num_tokens_needed, caught.value.num_tokens) == (2, 1)


@pytest.mark.parametrize("key", [b"a", b"\\u0061"])
def test_a_taken_key_cannot_be_ended(key: bytes) -> None:
    """Neither by one token nor by another, and the mask says the same as the refusal."""
    constraint = factory(SPEC, max_tokens=10_000)
    for byte in b'{"a": 1, "' + key:
        assert constraint.try_accept(byte)
    mask = constraint.allowed_mask().copy()
    for token_id in (ord('"'), words.index(b'": '), words.index(b'":"')):
        assert not mask[token_id]
        assert not constraint.try_accept(token_id)
    for byte in b'b": 2}':
        assert constraint.try_accept(byte)
    assert constraint.is_complete


@given(seed=st.integers(0, 2**32), budget=st.integers(2, 40))
@settings(max_examples=10, deadline=None)
def test_the_mask_and_the_refusal_agree(seed: int, budget: int) -> None:
    """For every token, at every point of a walk: allowed by one means accepted by the other."""
    source = random.Random(seed)
    constraint, written = factory(SPEC, max_tokens=budget), list[int]()
    while not constraint.is_complete:
        allowed = set(np.flatnonzero(constraint.allowed_mask()).tolist())
        for token_id in source.sample(range(len(words)), 10):
            copy = factory(SPEC, max_tokens=budget)
            assert all(copy.try_accept(earlier) for earlier in written)
            assert copy.try_accept(token_id) == (token_id in allowed), words[token_id]
        written.append(source.choice(sorted(allowed)))
        assert constraint.try_accept(written[-1])
