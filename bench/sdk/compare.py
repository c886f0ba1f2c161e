"""This client beside the published one, openai's and bare httpx: `python bench/sdk/compare.py`.

Each package lives in an environment of its own under `.cache/bench-sdk/`, made on first use (or
named with `--python published=/path/to/python`). Rounds are interleaved: every round runs every
client once, so that whatever else the machine does hits all of them; the table shows medians, and
beside them the median over rounds of the ratio to httpx in the same round.
"""

import argparse
import json
import statistics
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CACHE = ROOT / ".cache" / "bench-sdk"

# label -> (what client_cost.py imports, what to install)
CLIENTS = {
    "httpx": ("httpx", ["httpx"]),
    "ours": ("groq", [str(ROOT / "sdk")]),
    "published groq 1.7.0": ("groq", ["groq==1.7.0"]),
    "openai": ("openai", ["openai"]),
}
UNITS = {"import": "ms", "CPU to first request": "ms", "CPU to first answer": "ms"}
UNITS["RSS to first request"] = "MB"

# (what, of whom, compared with what of whom, at most that many times as much). The goals of the
# cost of calls were set in microseconds of another machine, where the published client took the
# second number of each quotient: what carries over is the quotient.
GOALS = [
    ("CPU to first request", "ours", "CPU to first request", "published", 100 / 226),
    ("call", "ours", "call", "published", 450 / 875),
    ("long call", "ours", "long call", "httpx", 1.3),
    ("chunk", "ours", "chunk", "published", 12 / 78),
    ("chunk through .stream()", "ours", "chunk", "ours", 1.5),
]
# (what, at most), in the units of the table.
BOUNDS = [("import", 20.0), ("RSS to first request", 18.0), ("another client", 1000.0)]


def environment(label: str, packages: list[str]) -> str:
    """The interpreter of the environment for one client, made if it is not there."""
    directory = CACHE / label.split()[0]
    python = directory / "bin" / "python"
    if not python.exists():
        print(f"making {directory}", file=sys.stderr)
        venv.create(directory, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
    elif label == "ours":  # the sources may have changed since, and what they depend on
        subprocess.run([python, "-m", "pip", "uninstall", "-q", "-y", "groq"], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
    return str(python)


def run(python: str, *arguments: str) -> dict[str, float]:
    done = subprocess.run(
        [python, *arguments], check=True, capture_output=True, text=True, cwd=HERE
    )
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--python", action="append", default=[], metavar="LABEL=PYTHON")
    parser.add_argument("--only", action="append", metavar="LABEL")
    options = parser.parse_args()
    given = dict(pair.split("=", 1) for pair in options.python)
    labels = [label for label in CLIENTS if not options.only or label.split()[0] in options.only]
    pythons = {
        label: given.get(label.split()[0]) or environment(label, CLIENTS[label][1])
        for label in labels
    }
    server = subprocess.Popen(
        [sys.executable, HERE / "server.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
    rounds: list[dict[str, dict[str, float]]] = []
    try:
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
            rounds.append(
                {
                    label: run(pythons[label], "start_cost.py", CLIENTS[label][0])
                    | run(pythons[label], "client_cost.py", CLIENTS[label][0], url)
                    for label in labels
                }
            )
    finally:
        server.terminate()
    table(labels, rounds)
    if {"httpx", "ours", "published groq 1.7.0"} <= set(labels):
        goals(rounds)


def goals(rounds: list[dict[str, dict[str, float]]]) -> None:
    """Medians over rounds, with the least and the greatest, beside what was asked for."""
    by_name = [{label.split()[0]: costs for label, costs in one.items()} for one in rounds]
    rows = [
        (
            f"{case}, {who} / {other_case}, {other}",
            [one[who][case] / one[other][other_case] for one in by_name],
            limit,
        )
        for case, who, other_case, other, limit in GOALS
    ]
    rows += [
        (f"{case} ({UNITS.get(case, 'CPU µs')})", [one["ours"][case] for one in by_name], limit)
        for case, limit in BOUNDS
    ]
    print("\n| goal | at most | measured (least to greatest) | |\n|---|---|---|---|")
    for name, values, limit in rows:
        median = statistics.median(values)
        spread = f"{median:.3g} ({min(values):.3g} to {max(values):.3g})"
        print(f"| {name} | {limit:.3g} | {spread} | {'met' if median <= limit else 'missed'} |")


def table(labels: list[str], rounds: list[dict[str, dict[str, float]]]) -> None:
    cases = list(dict.fromkeys(case for one in rounds for label in labels for case in one[label]))
    print("| median of", len(rounds), "rounds |", " | ".join(labels), "|")
    print("|---|" + "---|" * len(labels))
    for case in cases:
        cells = []
        for label in labels:
            values = [one[label][case] for one in rounds if case in one[label]]
            if not values:
                cells.append("–")
                continue
            cell = f"{statistics.median(values):.1f}"
            if case in rounds[0]["httpx"]:
                ratio = statistics.median(one[label][case] / one["httpx"][case] for one in rounds)
                cell += f" ({ratio:.2f}×)"
            cells.append(cell)
        print(f"| {case} ({UNITS.get(case, 'CPU µs')}) | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
