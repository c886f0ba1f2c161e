"""The garbage collector of a process that serves requests; restored afterwards for the other tests."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from galop.workers.garbage import run_garbage_collector_less_often


@pytest.fixture
def default_thresholds() -> Iterator[tuple[int, int, int]]:
    thresholds = gc.get_threshold()
    yield thresholds
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def test_existing_objects_are_exempt_and_thresholds_rise(
    default_thresholds: tuple[int, int, int],
) -> None:
    run_garbage_collector_less_often()
    assert gc.get_freeze_count() > 0
    assert gc.get_threshold() > default_thresholds
