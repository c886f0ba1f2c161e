"""Sizes for people."""

from __future__ import annotations

import pytest

from galop.cli.doctor.finding import size_text


@pytest.mark.parametrize(
    ("num_bytes", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (23_040, "23 kB"), (94_371_840, "94 MB")]
    + [(10**9, "1.0 GB"), (5 * 10**13, "50000.0 GB")],
)
def test_a_size_has_the_unit_in_which_it_is_short(num_bytes: int, text: str) -> None:
    """Units are powers of 1000."""
    assert size_text(num_bytes) == text
