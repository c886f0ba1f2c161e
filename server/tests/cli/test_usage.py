"""`galop usage`, on SQLite."""

from __future__ import annotations

import csv
import io
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from galop.accounts.keys import ApiKey
from galop.accounts.usage import UsageCounts, UsageKey
from galop.cli.store import open_store
from galop.config.settings import Settings

if TYPE_CHECKING:
    from server.tests.cli.conftest import Galop

TODAY = datetime.now(UTC).date()
OLD_DAY = (TODAY - timedelta(days=31)).isoformat()


@pytest.fixture
def _used() -> None:
    """Bob used two models today and one 31 days ago; Eve used one today."""
    with closing(open_store(Settings())) as store:
        bob, eve = (
            store.create_key(ApiKey(id="", name=name, prefix="", digest=b"", created_s=0))[1]
            for name in ("bob", "eve")
        )
        counts = UsageCounts(
            num_requests=2,
            num_prompt_tokens=1000,
            num_cached_tokens=300,
            num_completion_tokens=40,
        )
        today = TODAY.isoformat()
        store.add_usage(
            {
                UsageKey(bob.id, "m1", today): counts,
                UsageKey(bob.id, "m2", today): counts,
                UsageKey(bob.id, "m1", OLD_DAY): counts,
                UsageKey(eve.id, "m1", today): counts,
            }
        )


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_nothing_used_is_one_line(galop: Galop) -> None:
    """With the day from which it was looked for."""
    since = (TODAY - timedelta(days=30)).isoformat()
    assert galop("usage").stdout == f"Nothing was used since {since}.\n"
    assert galop("usage", "--since", "2020-01-01").stdout == "Nothing was used since 2020-01-01.\n"


@pytest.mark.usefixtures("_used")
def test_the_table_adds_up(galop: Galop) -> None:
    """The last line is the total, with thousands marked."""
    lines = galop("usage").stdout.splitlines()
    assert " ".join(lines[0].split()) == (
        "day key model requests prompt tokens cached tokens completion tokens"
    )
    assert len(lines) == 5
    assert lines[-1].split() == ["total", "6", "3,000", "900", "120"]


@pytest.mark.usefixtures("_used")
def test_csv_is_plain_numbers_by_key_model_and_day(galop: Galop) -> None:
    """For programs; no total."""
    found = rows(galop("usage", "--csv", "--key", "eve").stdout)
    assert found == [
        {
            "day": TODAY.isoformat(),
            "key": "eve",
            "model": "m1",
            "requests": "2",
            "prompt_tokens": "1000",
            "cached_tokens": "300",
            "completion_tokens": "40",
        }
    ]


@pytest.mark.usefixtures("_used")
def test_days_are_inclusive(galop: Galop) -> None:
    """From the first to the last."""
    found = rows(galop("usage", "--csv", "--since", OLD_DAY, "--until", OLD_DAY).stdout)
    assert [(row["day"], row["key"]) for row in found] == [(OLD_DAY, "bob")]
    assert len(rows(galop("usage", "--csv", "--since", OLD_DAY).stdout)) == 4


@pytest.mark.parametrize("flag", ["--since", "--until"])
def test_a_day_that_is_none_is_wrong_usage(galop: Galop, flag: str) -> None:
    """The message shows the form."""
    result = galop("usage", flag, "monday")
    assert result.exit_code == 2
    assert f"Invalid value for '{flag}': 'monday' is no day: YYYY-MM-DD" in result.stderr
