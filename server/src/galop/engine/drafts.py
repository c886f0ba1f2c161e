"""Drafts (speculative decoding): next tokens guessed by n-gram lookup in the sequence, verified in one pass.

Prompt lookup (Saxena 2023): if the last tokens occurred before, the tokens that followed them may follow
again. That is frequent where text is copied or edited, and rare elsewhere. A draft never changes an
answer: every token is chosen from its own row of logits with its own random number, and the first one
that differs from the draft ends the pass.

Each row of a draft costs time. So its length is the one with most expected tokens per second, by the
share of recent guesses of this sequence that were right (each guess is right with the same probability,
Leviathan et al. 2023) and by the recent cost of one more row on this machine. If no length is worth its
cost, there is no draft. Only a sequence that decodes alone has drafts: rows of other sequences use the
cores as well as rows of a draft.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from galop.engine.runner import Int32Array

NGRAM_TOKENS = 3
"""Tokens that must have occurred before. Two occur again too often by chance."""

LONGEST_DRAFT = 10

LEAST_GAIN = 1.08
"""Drafts are used if the expected tokens per second with the draft, over those without, exceed this."""

_FIRST_CHANCE = 0.6
_FIRST_ROW_COST = 0.25
_MEMORY = 0.85
"""Weight of the old chance, in the moving average over verified guesses."""
_RECOVERY = 0.02
"""With each token without a draft, the estimates move by this share towards their first values, so that
drafts are tried again."""


class DraftRowCost:
    """The cost of a row of a draft, learnt from the passes of sequences that decode alone."""

    def __init__(self) -> None:
        self.share = _FIRST_ROW_COST
        """Time of one more row, over the time of a pass of one row; 0 to 1."""
        self._single_s: float | None = None

    def record(self, num_rows: int, seconds: float) -> None:
        """Learn from a pass of one decoding sequence with a draft of `num_rows` - 1 tokens."""
        if num_rows == 1:
            single_s = seconds if self._single_s is None else self._single_s
            self._single_s = single_s + 0.2 * (seconds - single_s)
            self.share += _RECOVERY * (_FIRST_ROW_COST - self.share)
        elif self._single_s:
            cost = (seconds / self._single_s - 1) / (num_rows - 1)
            self.share += 0.1 * (min(max(cost, 0.0), 1.0) - self.share)


class Drafter:
    """Drafts for one sequence."""

    def __init__(self, prompt: Int32Array, num_more: int) -> None:
        """`num_more`: the most tokens that may follow the prompt."""
        self._tokens = np.empty(len(prompt) + num_more, dtype=np.int32)
        self._tokens[: len(prompt)] = prompt
        self._num_prompt_tokens = self._size = len(prompt)
        self._chance = _FIRST_CHANCE

    def propose(self, completion: Sequence[int], most: int, row_cost: float) -> list[int]:
        """At most `most` token ids that may follow `completion`; [] if no draft is worth `row_cost`
        (`DraftRowCost.share`)."""
        length = min(most, best_length(self._chance, row_cost))
        self._chance += _RECOVERY * (_FIRST_CHANCE - self._chance)
        if length == 0:
            return []
        start = self._follower(completion)
        return [] if start is None else self._tokens[start : self._size][:length].tolist()

    def learn(self, num_proposed: int, num_accepted: int) -> None:
        """Update the chance of a right guess by the outcome of the last draft."""
        for is_right in [True] * num_accepted + [False] * (num_accepted < num_proposed):
            self._chance = _MEMORY * self._chance + (1 - _MEMORY) * is_right

    def _follower(self, completion: Sequence[int]) -> int | None:
        """Index of the token that followed the last occurrence of the last `NGRAM_TOKENS` tokens; None if
        they did not occur before."""
        size = self._num_prompt_tokens + len(completion)
        self._tokens[self._size : size] = completion[self._size - self._num_prompt_tokens :]
        self._size = size
        if size <= NGRAM_TOKENS:
            return None
        tokens = self._tokens[:size]
        is_place = tokens[NGRAM_TOKENS - 1 : -1] == tokens[-1]
        for back in range(1, NGRAM_TOKENS):
            is_place &= tokens[NGRAM_TOKENS - 1 - back : -1 - back] == tokens[-1 - back]
        places = np.flatnonzero(is_place)
        return int(places[-1]) + NGRAM_TOKENS if len(places) else None


def best_length(chance: float, row_cost: float) -> int:
    """The draft length with most expected tokens per second; 0 where `LEAST_GAIN` is not reached."""
    best, best_gain = 0, LEAST_GAIN
    expected = power = 1.0
    for length in range(1, LONGEST_DRAFT + 1):
        power *= chance
        expected += power
        gain = expected / (1 + row_cost * length)
        if gain > best_gain:
            best, best_gain = length, gain
    return best
