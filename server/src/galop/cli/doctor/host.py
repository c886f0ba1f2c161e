"""What the operating system gives: cores, their load, open files."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator

from galop.cli.doctor.finding import Finding
from galop.host import available_cores, cpu_quota

ENOUGH_OPEN_FILES = 1024


def check_cores() -> Iterator[Finding]:
    """The usable cores, and a warning if other programs use more than half of them."""
    cores, quota = available_cores(), cpu_quota()
    limit = "" if quota is None else f", CPU quota {quota:g}"
    yield Finding("cores", "ok", f"{cores} of {os.cpu_count()} usable{limit}")
    load = os.getloadavg()[0]
    if load > cores / 2:
        yield Finding(
            "load",
            "warning",
            f"other programs keep {load:.1f} cores busy",
            "answers will be slower; stop them, or give the server fewer with --threads",
        )


def open_files_limit() -> int:
    """How many files this process may have open at once; `resource.RLIM_INFINITY` for no limit."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def check_open_files(limit: int) -> Finding:
    """Whether the limit allows for many clients."""
    if limit == resource.RLIM_INFINITY:
        return Finding("open files", "ok", "no limit")
    text = f"at most {limit}; every client takes one"
    if limit >= ENOUGH_OPEN_FILES:
        return Finding("open files", "ok", text)
    advice = "raise it: ulimit -n, or LimitNOFILE= in the systemd unit"
    return Finding("open files", "warning", text, advice)
