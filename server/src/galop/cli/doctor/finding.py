"""What a check returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    subject: str
    """What was checked, in one or two words."""
    verdict: Verdict
    """A problem keeps `galop serve` from working; a warning does not."""
    text: str
    """What was found, in one sentence without a full stop."""
    advice: str = ""
    """What to do about it; empty where nothing has to be done."""


def size_text(num_bytes: float) -> str:
    """A number of bytes for a person: `94 MB`. Units are powers of 1000."""
    for unit in ("B", "kB", "MB"):
        if num_bytes < 1000:
            return f"{num_bytes:.0f} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.1f} GB"
