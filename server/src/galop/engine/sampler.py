"""Chooses a token id from a row of logits. Pure functions on numpy arrays.

The order is: logit_bias and penalties, the constraint's mask, temperature, top_p, one draw by inverse
transform sampling. Penalties follow the OpenAI API reference: the count of a token in the completion so
far times frequency_penalty, plus presence_penalty once.

Random numbers are a function without state, `uniform(seed, choice, position, draw)`. So the tokens of a
seed do not depend on other requests.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from galop.engine.runner import Float32Array
from galop.engine.softmax import BLOCK, Float64Array, unscaled_softmax
from galop.protocol.requests import SamplingParams

_MASK64 = (1 << 64) - 1
_LEAST_TEMPERATURE = 1e-8

_FLOORS = (1e-1, 1e-2, 1e-3)
"""Lower bounds of the unscaled softmax, which is 1 at the most likely token. The nucleus is sought among the
tokens above the first bound that leaves enough of them."""


def uniform(seed: int, choice_index: int, position: int, draw: int = 0) -> float:
    """A random number in [0, 1), determined by the arguments.

    SplitMix64's finaliser (Steele, Lea, Flood 2014) as a keyed hash, applied once per argument.
    """
    state = _mix64(seed)
    state = _mix64(state ^ (choice_index + 1))
    state = _mix64(state ^ (position + 1))
    state = _mix64(state ^ (draw + 1))
    return (state >> 11) * 2.0**-53


def _mix64(value: int) -> int:
    value = (value + 0x9E3779B97F4A7C15) & _MASK64
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK64
    return value ^ (value >> 31)


def adjust(
    logits: Float32Array, params: SamplingParams, completion_counts: Mapping[int, int]
) -> Float32Array:
    """`logits` with bias and penalties; a copy if there are any, else the same array."""
    has_penalty = completion_counts and (params.frequency_penalty or params.presence_penalty)
    if not params.logit_bias and not has_penalty:
        return logits
    adjusted = logits.copy()
    for token_id, bias in params.logit_bias.items():
        adjusted[token_id] += bias
    if has_penalty:
        token_ids = np.fromiter(completion_counts.keys(), dtype=np.int64)
        counts = np.fromiter(completion_counts.values(), dtype=np.float32)
        adjusted[token_ids] -= counts * params.frequency_penalty + params.presence_penalty
    return adjusted


def masked(logits: Float32Array, mask: npt.NDArray[np.bool_]) -> Float32Array:
    """`logits` with -inf where `mask` is False."""
    return np.where(mask, logits, np.float32(-np.inf))


def choose(logits: Float32Array, params: SamplingParams, random: float) -> int:
    """Draw a token id. `logits`: shape (vocab_size,), at least one finite. `random`: in [0, 1).

    Temperature 0 takes the most likely token, and the lowest id among equals.
    """
    if params.temperature <= 0.0 or params.top_p <= 0.0:
        return int(logits.argmax())
    weights, sums = unscaled_softmax(logits, 1.0 / max(params.temperature, _LEAST_TEMPERATURE))
    if params.top_p < 1.0:
        return _choose_in_nucleus(weights, float(sums[-1]), params.top_p, random)
    return _invert(weights, sums, random)


def _invert(weights: Float32Array, sums: Float64Array, random: float) -> int:
    """The first index at which the running sum of `weights` exceeds the share `random` of the total."""
    threshold = random * sums[-1]
    block = min(int(sums.searchsorted(threshold, side="right")), len(sums) - 1)
    before = sums[block - 1] if block else 0.0
    inside = weights[block * BLOCK : (block + 1) * BLOCK]
    running = np.cumsum(inside, dtype=np.float64) + before
    offset = int(running.searchsorted(threshold, side="right"))
    if offset == len(running):  # rounding: the block's own sum came out a little lower
        offset = int(np.flatnonzero(inside)[-1])
    return block * BLOCK + offset


def _choose_in_nucleus(weights: Float32Array, total: float, top_p: float, random: float) -> int:
    """Draw from the smallest set of most likely tokens whose share is at least `top_p`.

    Only the tokens above a floor are sorted, the highest floor that leaves enough of them: sorting all of
    a flat distribution takes 1.5 ms. The tokens below the last floor together have less than the share 1
    - `top_p`.
    """
    needed = top_p * total
    for floor in (*_FLOORS, (total - needed) / len(weights)):
        token_ids = np.flatnonzero(weights >= floor)
        if float(weights[token_ids].sum(dtype=np.float64)) > needed:
            break
    token_ids = token_ids[np.argsort(-weights[token_ids], kind="stable")]
    running = np.cumsum(weights[token_ids], dtype=np.float64)
    last = min(int(np.searchsorted(running, needed, side="left")), len(running) - 1)
    chosen = int(np.searchsorted(running[: last + 1], random * running[last], side="right"))
    return int(token_ids[min(chosen, last)])


def _most_likely(values: Float32Array, count: int) -> npt.NDArray[np.intp]:
    """Indices of the `count` highest values, highest first, the lower index first among equals."""
    if count >= len(values):
        return np.argsort(-values, kind="stable")
    indices = np.argpartition(values, len(values) - count)[len(values) - count :]
    indices.sort()
    return indices[np.argsort(-values[indices], kind="stable")]


def log_probabilities(
    logits: Float32Array, token_id: int, num_top: int
) -> tuple[float, list[tuple[int, float]]]:
    """Natural log probability of `token_id`, and of the `num_top` most likely tokens."""
    highest = float(logits.max())
    with np.errstate(under="ignore"):
        total = float(np.exp(logits - np.float32(highest)).sum(dtype=np.float64))
    log_total = highest + math.log(total)
    top = _most_likely(logits, num_top) if num_top else ()
    return float(logits[token_id]) - log_total, [
        (int(i), float(logits[i]) - log_total) for i in top
    ]
