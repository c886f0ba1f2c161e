"""A short run of `make reliability`: the same programs, fewer inputs."""

from __future__ import annotations

import pytest

from reliability import faults, fuzz, load


@pytest.mark.model
async def test_faults_lose_nothing() -> None:
    """Those that no other test has; all of them are in docs/reliability.md."""
    names = ["queue", "hang", "sigterm", "sigterm2", "slow", "half-open", "disk"]
    report = await faults.run(names, 0)
    assert not report.problems
    assert len(report.rows) == len(names)


@pytest.mark.slow
async def test_strange_inputs_break_nothing() -> None:
    """Every target of the fuzzer, with a fiftieth of the inputs."""
    report = await fuzz.run(1000, seed=20, only=[])
    assert not report.problems
    assert sum(int(row["inputs"]) for row in report.rows) >= 1000


@pytest.mark.model
async def test_overload_is_told_and_nothing_is_lost() -> None:
    """What it costs in goodput is measured where nothing else runs, not here."""
    report = load.load_report()
    await load.overload(report, 3, "--max-waiting", "8", rounds=1)
    assert [row["lost"] for row in report.rows] == [0, 0]
    assert str(report.rows[1]["refused"]).endswith(" x 503")
    assert not [each for each in report.problems if "goodput" not in each]
