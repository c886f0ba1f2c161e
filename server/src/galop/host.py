"""Cores, memory and CPU features that this process may use, from /proc and cgroups.

On systems other than Linux: what the standard library knows, or None.
Sources: cgroups(7), proc(5), the kernel's Documentation/admin-guide/cgroup-v2.rst.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

ROOT = Path("/")


def available_cores(root: Path = ROOT) -> int:
    """Cores that this process may use: at most the CPU quota of its control group, rounded up.

    A container with a quota of 2 CPUs on a host of 64 cores sees all 64; the quota would stop 64 threads
    most of the time.
    """
    allowed = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    quota = cpu_quota(root)
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))


def cpu_quota(root: Path = ROOT) -> float | None:
    """CPUs that the control group may use on average; None for no limit."""
    quota, period = (_words(root / "sys/fs/cgroup/cpu.max") + ["", ""])[:2]
    if not quota:  # version 1
        quota = " ".join(_words(root / "sys/fs/cgroup/cpu/cpu.cfs_quota_us"))
        period = " ".join(_words(root / "sys/fs/cgroup/cpu/cpu.cfs_period_us"))
    if not quota.isdecimal() or not period.isdecimal():
        return None  # "max" and -1 mean no limit
    return int(quota) / int(period)


def available_memory(root: Path = ROOT) -> int | None:
    """Bytes available without swapping, within the control group's limit; None if unknown."""
    known = [
        size for size in (_free_in_machine(root), _free_in_control_group(root)) if size is not None
    ]
    return min(known, default=None)


def cpu_features(root: Path = ROOT) -> frozenset[str]:
    """CPU features by their names in /proc/cpuinfo, such as avx2; empty if unknown."""
    for line in _lines(root / "proc/cpuinfo"):
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return frozenset(value.split())
    return frozenset()


def _free_in_machine(root: Path) -> int | None:
    for line in _lines(root / "proc/meminfo"):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _free_in_control_group(root: Path) -> int | None:
    limit = _words(root / "sys/fs/cgroup/memory.max")
    used = _words(root / "sys/fs/cgroup/memory.current")
    if not limit or not limit[0].isdecimal() or not used:
        return None
    return max(0, int(limit[0]) - int(used[0]))


def _words(path: Path) -> list[str]:
    return " ".join(_lines(path)).split()


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
