"""The C code and numpy compute the same softmax."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from galop.engine.softmax import (
    BLOCK,
    IS_COMPILED,
    unscaled_softmax,
    unscaled_softmax_by_numpy,
)

rows = st_numpy.arrays(
    np.float32,
    st.integers(1, 3 * BLOCK),
    elements=st.floats(-100, 100, width=32) | st.just(-np.inf),
).filter(lambda row: bool(np.isfinite(row).any()))


@pytest.mark.skipif(not IS_COMPILED, reason="galop was installed without a C compiler, or no AVX2")
@settings(deadline=None)
@given(row=rows, inverse_temperature=st.sampled_from([0.5, 1.0, 3.7, 1e8]))
def test_both_ways_give_the_same_softmax(
    row: npt.NDArray[np.float32], inverse_temperature: float
) -> None:
    """Within the rounding of 32 bits, for rows of any length, with masked tokens."""
    weights, sums = unscaled_softmax(row, inverse_temperature)
    expected, expected_sums = unscaled_softmax_by_numpy(row, inverse_temperature)
    np.testing.assert_allclose(weights, expected, rtol=1e-5, atol=1e-37)
    np.testing.assert_allclose(sums, expected_sums, rtol=1e-6, atol=1e-30)
    assert weights[np.isneginf(row)].sum() == 0


def test_a_column_of_a_matrix_is_computed_as_its_copy() -> None:
    """A column is not contiguous in memory."""
    matrix = np.random.default_rng(1).normal(size=(300, 3)).astype(np.float32)
    for part in (matrix[:, 1], matrix.ravel()[1:600]):
        weights, sums = unscaled_softmax(part, 1.0)
        expected, expected_sums = unscaled_softmax(part.copy(), 1.0)
        np.testing.assert_allclose(weights, expected, rtol=1e-5)
        np.testing.assert_allclose(sums, expected_sums, rtol=1e-6)
