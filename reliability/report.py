"""A table for people, the same figures as JSON for machines, and an exit code for CI."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reliability.service import machine_load

Cell = str | int | float


@dataclass
class Report:
    """One program's table, and what is wrong with what it found."""

    title: str
    columns: Sequence[str]
    rows: list[Mapping[str, Cell]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    load_at_start: Sequence[float] = ()
    started: str = ""

    def add(self, row: Mapping[str, Cell], problems: Sequence[str] = ()) -> None:
        """A finished row, shown at once to whoever waits."""
        self.rows.append(row)
        self.problems += problems
        print(", ".join(f"{name}: {value}" for name, value in row.items()), file=sys.stderr)
        for each in problems:
            print(f"  problem: {each}", file=sys.stderr)

    def markdown(self) -> str:
        """The whole report."""
        lines = [f"## {self.title}", "", _line(self.columns), _line(["---"] * len(self.columns))]
        lines += [_line([row.get(column, "") for column in self.columns]) for row in self.rows]
        lines += ["", *(f"{note}\n" for note in self.notes)]
        loads = f"{self.load_at_start} at the start, {machine_load()} at the end"
        lines += [f"{self.started}; load averages {loads}.", ""]
        lines += [f"PROBLEM: {each}" for each in self.problems] or ["No problems."]
        return "\n".join(lines)


def new_report(title: str, columns: Sequence[str]) -> Report:
    """An empty one, dated."""
    started = time.strftime("%Y-%m-%d %H:%M")
    return Report(title, columns, load_at_start=machine_load(), started=started)


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options that all programs have."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    return made


def finish(report: Report, file: Path | None) -> None:
    """Print, write, and end with the exit code: 1 if there are problems."""
    print(report.markdown())
    if file is not None:
        file.write_text(
            json.dumps(
                {
                    "title": report.title,
                    "started": report.started,
                    "rows": report.rows,
                    "notes": report.notes,
                    "problems": report.problems,
                },
                indent=2,
            )
        )
    sys.exit(1 if report.problems else 0)


def _line(cells: Sequence[Cell]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"
