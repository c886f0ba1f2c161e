"""JSON mode: what it lets through every strict parser accepts, and it ends within its budget."""

from __future__ import annotations

import base64
import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llguidance import LLTokenizer, TokenizerWrapper

from galop.engine.constraint import TokenConstraint
from galop.grammar.document import DocumentConstraint
from galop.grammar.factory import GrammarFactory
from galop.grammar.tokenizer import byte_vocabulary
from galop.grammar.vocabulary import Vocabulary
from galop.protocol.constraints import ConstraintSpec
from galop.protocol.errors import BudgetTooSmallError
from galop.testing import END, ScriptedTokenizer
from server.tests.grammar.adversary import BUDGETS, KINDS, Adversary

STYLES: tuple[dict[str, Any], ...] = ({}, {"separators": (",", ":")}, {"indent": 2}, {"indent": 4})
DATA = Path(__file__).parents[4] / "shared" / "data" / "jsontestsuite.jsonl.gz"
factory = GrammarFactory(byte_vocabulary(ScriptedTokenizer()))


SPEC = ConstraintSpec(json_object=True)


def constraint() -> TokenConstraint:
    return factory(SPEC, max_tokens=10_000)


def accepts(document: bytes) -> bool:
    """True if every byte is allowed and the document may end there."""
    state = constraint()
    return all(state.try_accept(byte) for byte in document) and state.can_end


@pytest.mark.parametrize(
    "document",
    [
        "{}",
        '{"a":1,"b":[1,2,{"c":null}]}',
        '{"a": 1, "b": [1, 2, {"c": null}]}',
        '{\n  "a": 1,\n  "b": [\n    1,\n    2\n  ],\n  "c": {\n    "d": true\n  }\n}',
        '{\n    "a": {},\n    "b": [1, 2]\n}',
        '{\n  "a": [{"b": 1}, {"c": [2, 3]}],\n  "d": [\n    {"e": []}\n  ]\n}',
        '{"é": "日本 🎉 \\u00e9 \\ud83c\\udf89 \\n"}',
        '{"n": -0.5e+10}',
    ],
)
def test_the_usual_styles_are_accepted(document: str) -> None:
    """As models write JSON; and json.loads agrees."""
    assert accepts(document.encode())
    json.loads(document)


@pytest.mark.parametrize(
    "document",
    [
        "",
        "[]",
        '"text"',
        " {}",
        "{} ",
        '{"a":  1}',
        '{\n\n"a": 1}',
        '{"a": 1,"b": 2}',
        '{"a": NaN}',
        '{"a": 01}',
        '{"a": 1e999}',
        '{"a": ' + "9" * 19 + "}",
        '{"a": "\\ud800"}',
        '{"a": "\\udc00\\ud800"}',
        '{"a": "\n"}',
        '{"a": 1,}',
        "{'a': 1}",
        "```json\n{}",
        '{\n  "a": {"b":1}\n}',
        '{\n  "a": 1,\n    "b": 2\n}',
    ],
)
def test_what_is_no_json_object_or_could_run_away_is_refused(document: str) -> None:
    """Other roots, text around, free whitespace, endless digits, lone surrogates."""
    assert not accepts(document.encode())


@pytest.mark.parametrize("style", STYLES)
def test_containers_lie_deep_inside_each_other(style: dict[str, Any]) -> None:
    """At least 32 levels, in every style; and no deeper than Python's json reads them."""
    value: Any = []
    for _ in range(30):
        value = [value]
    assert accepts(json.dumps({"a": value}, **style).encode())
    state = constraint()
    beginning = b'{"a":' + b"[" * 2_000
    taken = next(i for i, byte in enumerate(beginning) if not state.try_accept(byte))
    json.loads(beginning[:taken] + b"]" * (taken - len(b'{"a":')) + b"}")


def test_nothing_may_follow_the_end() -> None:
    """The document is complete with its last brace, and the constraint says so."""
    state = constraint()
    seen = []
    for byte in b"{}":
        assert state.try_accept(byte)
        seen.append((state.is_complete, state.can_end))
    assert seen == [(False, False), (True, True)]
    assert not state.try_accept(ord(" "))


def test_a_refused_token_changes_nothing() -> None:
    """Ask, be refused, go on."""
    state = constraint()
    assert not state.try_accept(ord("["))
    assert state.try_accept(ord("{"))
    assert not state.try_accept(END)
    assert state.try_accept(ord('"'))


def test_whitespace_of_a_pretty_document_is_forced() -> None:
    """After the first line the indentation costs no decision."""
    state = constraint()
    for byte in b'{\n  "a": 1,':
        assert state.try_accept(byte)
    assert bytes(state.forced_tokens()) == b'\n  "'


@pytest.mark.skipif(not DATA.exists(), reason="the public JSONTestSuite is not beside the project")
def test_nothing_that_json_test_suite_rejects_is_accepted() -> None:
    """All `n_` files of nst/JSONTestSuite."""
    with gzip.open(DATA, "rt") as file:
        cases = [json.loads(line) for line in file]
    rejected = [case for case in cases if case["expect"] == "reject"]
    assert len(rejected) > 150
    wrong = [case["name"] for case in rejected if accepts(base64.b64decode(case["base64"]))]
    assert wrong == []


def _any(choices: list[int], source: random.Random) -> int:
    return source.choice(choices)


def _structural(choices: list[int], source: random.Random) -> int:
    """Opens and closes a lot, so that documents end and nest."""
    liked = [byte for byte in choices if byte in b'{}[]",:\n ']
    return source.choice(liked or choices)


def _digits(choices: list[int], source: random.Random) -> int:
    liked = [byte for byte in choices if byte in b"0123456789.eE-"]
    return source.choice(liked or choices)


@pytest.mark.parametrize("walk", [_any, _structural, _digits])
def test_every_walk_to_the_end_is_a_json_object(
    walk: Callable[[list[int], random.Random], int],
) -> None:
    """Random samplers over the mask: whatever ends, strict json.loads accepts as a dict."""
    finished = 0
    for seed in range(150):
        source = random.Random(seed)
        state, document = constraint(), bytearray()
        while not state.is_complete and len(document) < 300:
            choices = np.flatnonzero(state.allowed_mask()).tolist()
            assert choices, f"nothing allowed after {bytes(document)!r}"
            byte = walk(choices, source)
            if state.try_accept(byte):  # else it is in the next mask no more
                document.append(byte)
        if state.is_complete:
            finished += 1
            assert isinstance(json.loads(document.decode("utf-8")), dict)
    assert finished > 0


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


words = WordTokenizer()
vocabulary = Vocabulary(LLTokenizer(TokenizerWrapper(words)))
words_factory = GrammarFactory(vocabulary.tokenizer)
single_bytes = Vocabulary(byte_vocabulary(ScriptedTokenizer()))


def without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    assert len({key for key, _ in pairs}) == len(pairs)
    return dict(pairs)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(budget=st.integers(1, 150) | st.sampled_from(BUDGETS), seed=st.integers(0, 2**32))
def test_every_document_is_whole_within_its_budget(kind: str, budget: int, seed: int) -> None:
    """Adversarial samplers, from the smallest budget on; no name comes twice."""
    state = words_factory(SPEC, max_tokens=budget)
    assert isinstance(state, DocumentConstraint)
    end_ids = frozenset([words.eos_token_id])
    token_ids = Adversary(vocabulary, seed).document(state, kind, budget, end_ids)
    document = b"".join(words.tokens[token_id] for token_id in token_ids)
    assert len(token_ids) <= budget
    parsed = json.loads(document.decode("utf-8"), object_pairs_hook=without_repetition)
    assert isinstance(parsed, dict)


@pytest.mark.parametrize("kind", ["random", "never closes", "repeats names"])
def test_a_vocabulary_of_bytes_works_as_well(kind: str) -> None:
    """Where every space of an indentation is a token of its own."""
    for seed in range(20):
        budget = 2 + 17 * seed
        state = factory(SPEC, max_tokens=budget)
        assert isinstance(state, DocumentConstraint)
        adversary = Adversary(single_bytes, seed)
        token_ids = adversary.document(state, kind, budget, frozenset([END]))
        assert len(token_ids) <= budget
        parsed = json.loads(bytes(token_ids), object_pairs_hook=without_repetition)
        assert isinstance(parsed, dict)


def write(state: TokenConstraint, text: bytes) -> bytes:
    """The text byte by byte as far as it is allowed, and what is forced after it."""
    written = bytearray()
    for byte in text:
        if not state.try_accept(byte):
            break
        written.append(byte)
        written += b"".join(words.tokens[token_id] for token_id in state.forced_tokens())
    return bytes(written)


def test_a_large_budget_changes_nothing() -> None:
    """No token is refused, and nothing says that the document was closed early."""
    state = words_factory(SPEC, max_tokens=10_000)
    assert all(map(state.try_accept, b'{"a": [1, 2, {"b": "text"}], "c": "d"}'))
    assert state.is_complete
    assert not state.closed_by_budget


def test_text_in_a_string_goes_on_to_the_end_of_the_budget() -> None:
    """Then it is closed, in as many tokens as are left, and that is told."""
    state = words_factory(SPEC, max_tokens=30)
    document = write(state, b'{"a": "' + b"x" * 100)
    assert len(document) in (30, 31)  # the last two bytes are one token
    assert document == b'{"a": "' + b"x" * (len(document) - 9) + b'"}'
    assert state.is_complete
    assert state.closed_by_budget


def test_nothing_new_is_begun_when_little_is_left() -> None:
    """A member that would have to end at once is worse than none."""
    state = words_factory(SPEC, max_tokens=24)
    assert write(state, b'{"a": "xxxxxxxx", "b": 1}') == b'{"a": "xxxxxxxx"'
    assert state.closed_by_budget
    while not state.try_accept(token_id := int(np.flatnonzero(state.allowed_mask())[-1])):
        pass
    assert words.tokens[token_id] in (b"}", b"\n}")


@pytest.mark.parametrize("max_tokens", [1, 2, 3, 4, 5])
def test_an_empty_object_for_lack_of_room_says_so(max_tokens: int) -> None:
    """The sampler wants a member; what it gets is the budget's doing."""
    state = words_factory(SPEC, max_tokens=max_tokens)
    assert not state.try_accept(words.tokens.index(b'{"'))
    assert state.closed_by_budget


def test_a_budget_without_room_for_any_document_is_refused() -> None:
    """One byte of two; the error has both numbers."""
    with pytest.raises(BudgetTooSmallError) as caught:
        factory(SPEC, max_tokens=1)
    assert (caught.value.num_tokens_needed, caught.value.num_tokens) == (2, 1)


@pytest.mark.parametrize("key", [b"a", b"\\u0061"])
def test_a_taken_key_cannot_be_ended(key: bytes) -> None:
    """Neither by one token nor by another; the mask leaves out what was refused."""
    state = words_factory(SPEC, max_tokens=10_000)
    assert all(map(state.try_accept, b'{"a": 1, "' + key))
    for token_id in (ord('"'), words.tokens.index(b'": '), words.tokens.index(b'":"')):
        assert not state.try_accept(token_id)
        assert not state.allowed_mask()[token_id]
    assert not state.closed_by_budget
    assert all(map(state.try_accept, b'b": 2}'))
    assert state.is_complete


def test_what_ends_a_document_early_does_not_pretend_to_be_a_value() -> None:
    """Among words of one token."""
    state = words_factory(SPEC, max_tokens=100)
    assert isinstance(state, DocumentConstraint)
    assert all(map(state.try_accept, b'{\n  "a": ['))
    assert state.try_accept(ord("1"))
    assert state.try_accept(ord(","))
    assert state.ending() == b" null]\n}"
