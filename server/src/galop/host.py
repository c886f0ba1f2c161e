"""What this machine gives to this process: cores, memory, CPU features. Reads /proc and cgroups.

Other systems than Linux answer with what the standard library knows, or with None.
Sources: cgroups(7), proc(5), the kernel's Documentation/admin-guide/cgroup-v2.rst.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

ROOT = Path("/")


def available_cores(root: Path = ROOT) -> int:
    """Cores this process may run on, fewer where its control group has a smaller CPU quota.

    A container limited to 2 CPUs on a host of 64 sees all 64; 64 threads would then be stopped by
    the quota most of the time. A quota of 1.5 counts as 2.
    """
    allowed = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    quota = cpu_quota(root)
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))


def cpu_quota(root: Path = ROOT) -> float | None:
    """CPUs that the control group may use at once, None where there is no limit."""
    quota, period = (_words(root / "sys/fs/cgroup/cpu.max") + ["", ""])[:2]
    if not quota:  # version 1
        quota = " ".join(_words(root / "sys/fs/cgroup/cpu/cpu.cfs_quota_us"))
        period = " ".join(_words(root / "sys/fs/cgroup/cpu/cpu.cfs_period_us"))
    if not quota.isdecimal() or not period.isdecimal():
        return None  # "max" and -1 mean no limit
    return int(quota) / int(period)


def available_memory(root: Path = ROOT) -> int | None:
    """Bytes that can be had without swapping, within the control group's limit."""
    known = [
        size for size in (_free_in_machine(root), _free_in_control_group(root)) if size is not None
    ]
    return min(known, default=None)


def cpu_features(root: Path = ROOT) -> frozenset[str]:
    """The names of /proc/cpuinfo, such as avx2; empty where unknown."""
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
