"""Settings of the cyclic garbage collector for processes that serve requests."""

from __future__ import annotations

import gc

_THRESHOLDS = (7000, 20, 20)
"""CPython's defaults were (700, 10, 10) until version 3.12. A request leaves few reference cycles."""


def run_garbage_collector_less_often() -> None:
    """Exempt all objects that exist now from garbage collection, and raise the thresholds for new ones.

    Call once, when the objects that live as long as the process have been loaded. Only reference cycles are
    freed later because of it: reference counting frees everything else at once, as before.
    """
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
