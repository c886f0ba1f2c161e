"""What a benchmark must know of the machine: who else uses it, and what processes cost. Linux's /proc.

proc(5): /proc/stat counts hundredths of a second; PSS shares pages among those that map them.
"""

from __future__ import annotations

import os
import platform
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Noise:
    """What disturbed a row."""

    load: float
    """Load average over the last minute, our own work included."""
    steal: float
    """The share of CPU time that the hypervisor gave to others, 0 to 1."""


class NoiseMeter:
    """From its construction to `read`."""

    def __init__(self) -> None:
        self._start = _cpu_times()

    def read(self) -> Noise:
        spent = [now - then for now, then in zip(_cpu_times(), self._start, strict=True)]
        return Noise(os.getloadavg()[0], spent[7] / max(1, sum(spent[:8])))


def _cpu_times() -> list[int]:
    return [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]


def describe() -> str:
    """One line for a report's head."""
    names = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{len(names)} cores of {names[0]}, {memory:.0f} GiB, Linux {platform.release()}"


def memory_bytes(pid: int) -> int:
    """Proportional resident memory (PSS) of a process and its descendants."""
    return sum(_pss(each) for each in _family(pid))


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"/proc/{pid}/smaps_rollup has no Pss")


def _family(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += _family(int(child))
    return found


def cpu_s(pid: int) -> float:
    """CPU time of this process alone, threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def read_bandwidth(num_threads: int, *, num_bytes: int = 1 << 29) -> float:
    """Bytes per second that `num_threads` threads can read from memory: the best of 5 passes."""
    arrays = [np.ones(num_bytes // 8 // num_threads, dtype=np.int64) for _ in range(num_threads)]
    best_s = float("inf")
    for _ in range(5):
        threads = [threading.Thread(target=np.bitwise_or.reduce, args=(each,)) for each in arrays]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        best_s = min(best_s, time.perf_counter() - started)
    return sum(each.nbytes for each in arrays) / best_s
