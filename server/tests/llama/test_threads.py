"""How many threads a batch gets."""

from __future__ import annotations

import pytest

from galop.llama.runner import threads_for


@pytest.mark.parametrize(("rows", "threads"), [(1, 1), (2, 2), (4, 4), (5, 4), (512, 4)])
def test_without_a_table_there_are_never_more_threads_than_rows(rows: int, threads: int) -> None:
    """A thread without a row only waits."""
    assert threads_for(rows, {}, 4) == threads


@pytest.mark.parametrize(
    ("rows", "threads"), [(1, 2), (2, 1), (3, 1), (4, 2), (7, 2), (8, 8), (9, 8), (128, 8)]
)
def test_the_table_decides_up_to_its_last_entry(rows: int, threads: int) -> None:
    """The entry for the most rows that are not more; beyond it, all threads."""
    assert threads_for(rows, {1: 2, 2: 1, 4: 2, 8: 8}, 8) == threads


def test_the_number_of_threads_bounds_the_table() -> None:
    """A table measured with more threads asks for more than there are."""
    assert threads_for(8, {8: 64}, 2) == 2


def test_below_the_first_entry_one_thread_is_used() -> None:
    """Tables begin at one row; a foreign one may not."""
    assert threads_for(1, {2: 2}, 4) == 1
