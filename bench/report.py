"""What was measured, as JSON, as a table and as a picture. Pure but for `write`."""

from __future__ import annotations

import html
import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.machine import Noise
from bench.rows import Goal
from galop.benchmark.statistics import Estimate, estimate

MOST = 100.0
"""Stands for every larger ratio; of a server that got nothing done it would be infinite."""


@dataclass(frozen=True)
class Line:
    """One metric of one row."""

    row: str
    setting: str
    metric: str
    unit: str
    goal: str
    ours: float | None = None
    """Medians over the blocks."""
    theirs: float | None = None
    opponent: str = ""
    ratio: Estimate | None = None
    """Ours over theirs, of pairs."""
    is_met: bool | None = None
    load: float = 0.0
    steal: float = 0.0
    skipped: str = ""
    """Why there are no figures."""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.row, self.setting, self.metric

    @property
    def summary(self) -> str:
        """For a terminal."""
        return _table_line(self).strip().replace("**", "")


def compared(
    row: str,
    setting: str,
    goal: Goal,
    values: tuple[Sequence[float], Sequence[float]],
    opponent: str,
    noise: Noise | None = None,
) -> Line:
    """A line of paired values, ours and theirs."""
    ours, theirs = values
    ratios = [
        min(MOST, a / b) if b > 0 else MOST if a > 0 else 1.0
        for a, b in zip(ours, theirs, strict=True)
    ]
    ratio = estimate(ratios)
    judged = statistics.median(ours) if goal.of_ours else ratio.median
    return Line(
        row=row,
        setting=setting,
        metric=goal.metric,
        unit=goal.unit,
        goal=str(goal),
        ours=statistics.median(ours),
        theirs=statistics.median(theirs) if goal.has_theirs else None,
        opponent=opponent,
        ratio=None if goal.of_ours else ratio,
        is_met=goal.is_met(judged) if goal.is_set else None,
        load=noise.load if noise else 0.0,
        steal=noise.steal if noise else 0.0,
    )


def of_ours(row: str, setting: str, goal: Goal, value: float, noise: Noise | None = None) -> Line:
    """A line with a value of ours alone."""
    return Line(
        row,
        setting,
        goal.metric,
        goal.unit,
        str(goal),
        ours=value,
        is_met=goal.is_met(value) if goal.is_set else None,
        load=noise.load if noise else 0.0,
        steal=noise.steal if noise else 0.0,
    )


def skipped(row: str, setting: str, goal: Goal, reason: str) -> Line:
    """A line without figures."""
    words = [word.rpartition("/")[2] if word.startswith("/") else word for word in reason.split()]
    text = " ".join(words)[-200:].replace("|", "/")
    return Line(row, setting, goal.metric, goal.unit, str(goal), skipped=text)


@dataclass(frozen=True)
class Report:
    """A whole run."""

    date: str
    machine: str
    command: str
    servers: dict[str, str]
    """Name -> command line."""
    lines: Sequence[Line]


def read_lines(path: Path) -> list[Line]:
    """Those of an earlier run; [] where there is none."""
    if not path.exists():
        return []
    return [_line(each) for each in json.loads(path.read_text())["lines"]]


def _line(fields: dict[str, object]) -> Line:
    ratio = fields.pop("ratio")
    estimate = Estimate(**ratio) if isinstance(ratio, dict) else None
    return Line(**fields, ratio=estimate)  # type: ignore[arg-type]  # our own JSON


def write(report: Report, directory: Path) -> None:
    """results.json, results.md and results.svg."""
    directory.mkdir(parents=True, exist_ok=True)
    texts = {
        "results.json": json.dumps(asdict(report), indent=1) + "\n",
        "results.md": table(report),
        "results.svg": picture(report.lines),
    }
    for name, text in texts.items():
        (directory / name).write_text(text)


def table(report: Report) -> str:
    """Markdown."""
    head = f"{report.date}, {report.machine}. Made by `{report.command}`.\n\n"
    columns = "| row | setting | metric | ours | theirs | ours / theirs (95 %) | pairs | goal | met | load | steal |\n"
    rule = "|---|---|---|---:|---:|---:|---:|---|---|---:|---:|\n"
    commands = "".join(f"- {name}: `{command}`\n" for name, command in report.servers.items())
    return head + columns + rule + "".join(map(_table_line, report.lines)) + "\n" + commands


def _table_line(line: Line) -> str:
    if line.skipped:
        figures = ["", "", f"skipped: {line.skipped}", ""]
    else:
        ratio = line.ratio
        figures = [
            _number(line.ours),
            _number(line.theirs),
            f"**{ratio.median:.2f}** [{ratio.low:.2f}, {ratio.high:.2f}]" if ratio else "",
            str(ratio.num_values) if ratio else "",
        ]
    met = {True: "yes", False: "no", None: ""}[line.is_met]
    metric = f"{line.metric}, {line.unit}" if line.unit not in ("", line.metric) else line.metric
    cells = [
        line.row,
        line.setting,
        metric,
        *figures,
        line.goal,
        met,
        f"{line.load:.1f}",
        f"{line.steal:.0%}",
    ]
    return "| " + " | ".join(cells) + " |\n"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


_ROW_HEIGHT, _LEFT, _WIDTH = 24, 430, 900


def picture(lines: Sequence[Line]) -> str:
    """Ratios with their intervals on a logarithmic axis, better to the right, as SVG.

    Where less is better (times, bytes) the reciprocal is drawn. A diamond is the goal.
    """
    drawn = [line for line in lines if line.ratio is not None and line.ratio.low > 0]
    height = _ROW_HEIGHT * (len(drawn) + 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
    ]
    for tick in (0.5, 1, 2, 4, 8):
        x = _x(tick)
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_ROW_HEIGHT}" y2="{height}" stroke="#ccc"/>'
            f'<text x="{x:.1f}" y="16" text-anchor="middle">{tick:g}x</text>'
        )
    for index, line in enumerate(drawn):
        parts += _drawn_line(line, _ROW_HEIGHT * (index + 1.5))
    return "\n".join([*parts, "</svg>", ""])


def _drawn_line(line: Line, y: float) -> list[str]:
    assert line.ratio is not None
    is_less_better = line.goal.startswith("<=")
    values = [line.ratio.low, line.ratio.median, line.ratio.high]
    low, middle, high = sorted(1 / value if is_less_better else value for value in values)
    color = {True: "#1a7f37", False: "#cf222e", None: "#57606a"}[line.is_met]
    label = html.escape(f"{line.row} ({line.setting}): {line.metric}")
    drawn = [
        f'<text x="{_LEFT - 10}" y="{y + 4}" text-anchor="end">{label}</text>',
        f'<line x1="{_x(low):.1f}" x2="{_x(high):.1f}" y1="{y}" y2="{y}" stroke="{color}" '
        'stroke-width="3"/>',
        f'<circle cx="{_x(middle):.1f}" cy="{y}" r="5" fill="{color}"/>',
    ]
    if line.goal[:2] in (">=", "<="):
        goal = float(line.goal[2:])
        x = _x(1 / goal if is_less_better else goal)
        drawn.append(f'<path d="M{x:.1f} {y - 6}l5 6l-5 6l-5 -6z" fill="none" stroke="#000"/>')
    return drawn


def _x(ratio: float) -> float:
    """0.25 to 16, the axis' ends; what lies outside is drawn at them."""
    share = (math.log2(min(16.0, max(0.25, ratio))) + 2) / 6
    return _LEFT + share * (_WIDTH - _LEFT - 20)
