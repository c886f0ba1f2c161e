"""Looks the versions of constraints.txt up in the database of known vulnerabilities, with pip-audit.

Ends with 1 if one is known. Where the database cannot be reached it says so and ends with 0: without a
network `make check` still checks everything else.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

CONSTRAINTS = Path(__file__).parent.parent / "constraints.txt"
TIMEOUT_S = 120


def verdict(output: str) -> tuple[int, list[str]]:
    """Exit code and lines to print, from what `pip-audit --format json` wrote."""
    try:
        dependencies = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return 0, ["audit: the database cannot be reached from here: nothing was looked up"]
    looked_up = [each for each in dependencies if "skip_reason" not in each]
    lines = [
        f"audit: {each['name']} {each['version']}: {vulnerability['id']}, fixed in "
        f"{', '.join(vulnerability['fix_versions']) or 'no version yet'}"
        for each in looked_up
        for vulnerability in each["vulns"]
    ]
    if not looked_up:
        return 0, ["audit: the database cannot be reached from here: nothing was looked up"]
    num_skipped = len(dependencies) - len(looked_up)
    summary = f"audit: {len(looked_up)} packages looked up, {len(lines)} known vulnerabilities"
    if num_skipped:
        summary += f"; {num_skipped} could not be looked up"
    return (1 if lines else 0), [*lines, summary]


def main() -> int:
    """Run pip-audit; print its verdict."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"]
    command += ["--no-deps", "--disable-pip", "--requirement", str(CONSTRAINTS)]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
        output = result.stdout
    except subprocess.TimeoutExpired:
        output = ""
    code, lines = verdict(output)
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main())
