"""The softmax of a row of logits without the division by its sum, and running sums to draw from.

Computed by csrc/sampling.c where it was built and the processor has AVX2, FMA and F16C; else by numpy, which
gives the same within rounding in three times the time (bench/LOG.md).
"""

from __future__ import annotations

import ctypes
import importlib.util

import numpy as np
import numpy.typing as npt

from galop.engine.runner import Float32Array

BLOCK = 256
"""Numbers between two running sums; the same in csrc/sampling.c. A draw searches the sums, then one block."""

Float64Array = npt.NDArray[np.float64]


def _load() -> ctypes.CDLL | None:
    spec = importlib.util.find_spec("galop.engine._sampling")
    if spec is None or spec.origin is None:
        return None
    library = ctypes.CDLL(spec.origin)
    pointer = ctypes.c_void_p
    softmax = library.galop_unscaled_softmax
    softmax.argtypes = (pointer, ctypes.c_ssize_t, ctypes.c_float, pointer, pointer)
    softmax.restype = None
    return library if library.galop_can_compute_softmax() else None


_LIBRARY = _load()
IS_COMPILED = _LIBRARY is not None


def unscaled_softmax(
    logits: Float32Array, inverse_temperature: float
) -> tuple[Float32Array, Float64Array]:
    """`exp((logits - max) * inverse_temperature)`, shape (vocab_size,), and the sums of its first 256,
    512, ... numbers; the last sum is that of all. `logits`: shape (vocab_size,), at least one of them
    finite.

    The highest logit is subtracted first, so that tiny temperatures only underflow the others to zero.
    """
    if _LIBRARY is None or not logits.flags.c_contiguous:
        return unscaled_softmax_by_numpy(logits, inverse_temperature)
    weights = np.empty_like(logits)
    sums = np.empty((len(logits) + BLOCK - 1) // BLOCK)
    _LIBRARY.galop_unscaled_softmax(
        logits.ctypes.data,
        len(logits),
        inverse_temperature,
        weights.ctypes.data,
        sums.ctypes.data,
    )
    return weights, sums


def unscaled_softmax_by_numpy(
    logits: Float32Array, inverse_temperature: float
) -> tuple[Float32Array, Float64Array]:
    """See `unscaled_softmax`."""
    with np.errstate(over="ignore", under="ignore"):
        weights = np.exp((logits - logits.max()) * np.float32(inverse_temperature))
    starts = np.arange(0, len(weights), BLOCK)
    return weights, np.cumsum(np.add.reduceat(weights, starts, dtype=np.float64))
