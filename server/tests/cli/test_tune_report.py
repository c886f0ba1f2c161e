"""What `galop tune` shows."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from galop.cli.tune_report import print_outcome, progress_report
from galop.tuning.choice import DECODE_ROWS, Candidate, Speed
from galop.tuning.tuner import TuningOutcome


def candidate(name: str, seconds: float, *, is_deterministic: bool = True) -> Candidate:
    return Candidate(
        name=name,
        size_bytes=100_000_000,
        perplexity=10 + seconds,
        is_deterministic=is_deterministic,
        speeds=[Speed(prefill_s=seconds, step_s=dict.fromkeys(DECODE_ROWS, seconds))],
    )


def test_the_table_compares_every_format_with_the_file_as_shipped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The chosen one is marked; refused ones say why."""
    shipped, fast = candidate("as shipped", 2.0), candidate("Q8_0", 1.0)
    outcome = TuningOutcome(
        shipped_format="Q4_1",
        candidates=[shipped, fast, candidate("Q4_0", 0.5, is_deterministic=False)],
        chosen=fast,
        refusals={"Q4_0": "other bits in other batches"},
        threads_by_rows={1: 2, 4: 2},
        record_path=Path("/cache/record.json"),
    )
    print_outcome(outcome)
    lines = capsys.readouterr().out.splitlines()
    (row,) = [line for line in lines if "> Q8_0" in line]
    cells = [cell.strip() for cell in row.strip("| ").split("|")]
    assert cells == ["> Q8_0", "100", *["2.00"] * 6, "-8.3%", "yes"]
    assert "  Q4_0: other bits in other batches" in lines
    assert "Threads by rows of a batch: 1: 2, 4: 2; more rows use all." in lines
    assert "Stored in /cache/record.json" in lines


def test_progress_is_a_line_per_step_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Logs keep no bars."""
    with progress_report(Console(file=io.StringIO())) as report:
        report("Q8_0: converting", 1, 9)
    assert capsys.readouterr().out == "[1/9] Q8_0: converting\n"


def test_progress_is_a_bar_on_a_terminal() -> None:
    """With the description beside it."""
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with progress_report(console) as report:
        report("Q8_0: converting", 1, 9)
    assert isinstance(console.file, io.StringIO)
    assert "Q8_0: converting" in console.file.getvalue()
