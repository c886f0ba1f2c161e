"""JSON mode's grammar, byte by byte: what it lets through, every strict parser accepts."""

from __future__ import annotations

import base64
import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from galop.engine.constraint import TokenConstraint
from galop.grammar.factory import GrammarFactory
from galop.grammar.json_object import MAX_DEPTH
from galop.grammar.tokenizer import byte_vocabulary
from galop.protocol.constraints import ConstraintSpec
from galop.testing import END, ScriptedTokenizer

DATA = Path(__file__).parents[4] / "shared" / "data" / "jsontestsuite.jsonl.gz"
factory = GrammarFactory(byte_vocabulary(ScriptedTokenizer()))


def constraint() -> TokenConstraint:
    return factory(ConstraintSpec(json_object=True), max_tokens=10_000)


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


def test_depth_is_bounded() -> None:
    """The deepest container closes; one level more cannot be opened."""
    assert accepts(b'{"a":' + b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1) + b"}")
    assert not accepts(b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}")


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
            assert state.try_accept(byte)
            document.append(byte)
        if state.is_complete:
            finished += 1
            assert isinstance(json.loads(document.decode("utf-8")), dict)
    assert finished > 0
