"""Cores and memory as a control group leaves them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from galop.host import available_cores, available_memory, cpu_features, cpu_quota


def write(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.mark.parametrize(
    ("text", "quota"), [("max 100000", None), ("150000 100000", 1.5), ("", None)]
)
def test_the_quota_of_a_control_group_is_read(
    tmp_path: Path, text: str, quota: float | None
) -> None:
    """Microseconds of CPU time in a period of so many."""
    write(tmp_path, "sys/fs/cgroup/cpu.max", text)
    assert cpu_quota(tmp_path) == quota


def test_the_quota_of_version_1_is_read(tmp_path: Path) -> None:
    """Two files instead of one, and -1 for no limit."""
    write(tmp_path, "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000")
    write(tmp_path, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1")
    assert cpu_quota(tmp_path) is None
    write(tmp_path, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000")
    assert cpu_quota(tmp_path) == 2


def test_threads_follow_the_quota(tmp_path: Path) -> None:
    """A container limited to half a CPU gets one core, whatever the host has."""
    assert available_cores(tmp_path) == len(os.sched_getaffinity(0))
    write(tmp_path, "sys/fs/cgroup/cpu.max", "50000 100000")
    assert available_cores(tmp_path) == 1


def test_memory_is_what_machine_and_control_group_both_have(tmp_path: Path) -> None:
    """The smaller of the two."""
    assert available_memory(tmp_path) is None
    write(tmp_path, "proc/meminfo", "MemTotal: 9000 kB\nMemAvailable:    4000 kB\n")
    assert available_memory(tmp_path) == 4000 * 1024
    write(tmp_path, "sys/fs/cgroup/memory.max", "3000000")
    write(tmp_path, "sys/fs/cgroup/memory.current", "1000000")
    assert available_memory(tmp_path) == 2_000_000


def test_cpu_features_are_those_of_the_kernel(tmp_path: Path) -> None:
    """x86 calls them flags, Arm calls them Features."""
    assert cpu_features(tmp_path) == frozenset()
    write(tmp_path, "proc/cpuinfo", "processor : 0\nFeatures\t: fp asimd\n\n")
    assert cpu_features(tmp_path) == {"fp", "asimd"}
