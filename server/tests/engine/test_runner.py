"""What is shared by runners: batches and linear costs."""

from __future__ import annotations

import numpy as np

from galop.engine.runner import Batch, LinearCosts


def test_a_batch_has_a_row_per_token() -> None:
    token_ids = np.arange(3, dtype=np.int32)
    assert Batch(token_ids, token_ids, token_ids, np.ones(3, np.int8)).num_rows == 3


def test_linear_costs_depend_on_the_number_of_rows_alone() -> None:
    """However they are spread over slots."""
    costs = LinearCosts(pass_cost_rows=4.0)
    assert costs.cost([(0, 3)]) == costs.cost([(7, 1), (2, 2)]) == 7.0
    assert costs.distance(5, [0, 1]) == costs.distance(0, []) == 0
