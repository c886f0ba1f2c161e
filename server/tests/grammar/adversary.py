"""Samplers that want no valid document, and the loop that an engine runs around a constraint."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from galop.engine.constraint import TokenConstraint
from galop.engine.engine import MAX_REFUSALS
from galop.grammar.document import DocumentConstraint
from galop.grammar.vocabulary import Vocabulary

SCHEMAS = Path(__file__).parents[4] / "shared" / "data" / "maskbench-dev.jsonl.gz"
"""Public schemas beside the project; absent elsewhere."""

BUDGETS = (8, 16, 40, 150, 600, 4_096, 1 << 20)
"""In tokens, from the smallest documents to more than any context window: no limit was given."""
MOST_WRITTEN = 300
"""Tokens after which a sampler gives up, where the budget would let it go on."""
KINDS = (
    "random",
    "never closes",
    "text",
    "whitespace",
    "digits",
    "escapes and half characters",
    "repeats names",
)


class SchemaCase(NamedTuple):
    """A public schema and instances of which it is known whether they satisfy it."""

    name: str
    schema: Mapping[str, Any]
    tests: list[Mapping[str, Any]]


def public_schemas() -> list[SchemaCase]:
    """All of `SCHEMAS`."""
    with gzip.open(SCHEMAS, "rt") as lines:
        rows = map(json.loads, lines)
        return [SchemaCase(row["name"], row["schema"], row["tests"]) for row in rows]


class Adversary:
    """Draws logits that favour one kind of token by far."""

    def __init__(self, vocabulary: Vocabulary, seed: int) -> None:
        self.random = random.Random(seed)
        self._normal = np.random.default_rng(seed)
        tokens = vocabulary.token_bytes
        self._size = vocabulary.size
        self._vocabulary = vocabulary
        self._favoured = {
            "never closes": _select(tokens, lambda token: set(token) <= set(b'{["\\ ,:\n')),
            "text": _select(tokens, bytes.isalpha),
            "whitespace": _select(tokens, lambda token: not token.strip()),
            "escapes and half characters": _select(
                tokens, lambda token: token[:1] == b"\\" or max(token) > 127
            ),
            "repeats names": _select(tokens, lambda token: set(token) <= set(b'{,": a')),
            "digits": _select(tokens, bytes.isdigit),
        }

    def logits(self, kind: str) -> npt.NDArray[np.float32]:
        """Shape (vocab_size,)."""
        found = self._normal.normal(scale=2, size=self._size).astype(np.float32)
        if kind in self._favoured:
            found[self._favoured[kind]] += 8
        return found

    def document(
        self, constraint: DocumentConstraint, kind: str, budget: int, end_ids: frozenset[int]
    ) -> list[int]:
        """The tokens of a whole document; it is ended for the sampler where that takes too long."""
        token_ids = self.write(constraint, kind, min(budget, MOST_WRITTEN), end_ids)
        if constraint.can_end:
            return token_ids
        ending = constraint.ending()
        assert ending is not None
        return token_ids + self._vocabulary.segment_shortest(ending)

    def write(
        self, constraint: TokenConstraint, kind: str, budget: int, end_ids: frozenset[int]
    ) -> list[int]:
        """Token ids, at most `budget`, as an engine that samples by `logits` would make them."""
        token_ids: list[int] = []
        while len(token_ids) < budget and not constraint.is_complete:
            token_ids += constraint.forced_tokens()
            if constraint.is_complete or len(token_ids) >= budget:
                break
            logits = self.logits(kind)
            token_id = int(np.argmax(logits))
            for _ in range(MAX_REFUSALS + 1):
                if token_id in end_ids and constraint.can_end:
                    return token_ids
                if token_id not in end_ids and constraint.try_accept(token_id):
                    break
                mask = constraint.allowed_mask().copy()
                mask[list(end_ids)] |= constraint.can_end
                assert mask.any(), "no token is allowed"
                token_id = int(np.argmax(np.where(mask, logits, -np.inf)))
            else:
                raise AssertionError(f"{MAX_REFUSALS} tokens were refused at one place")
            token_ids.append(token_id)
        return token_ids


def _select(tokens: list[bytes], is_one: Any) -> npt.NDArray[np.int64]:
    return np.flatnonzero([bool(token) and is_one(token) for token in tokens])
