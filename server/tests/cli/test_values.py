"""Values on the command line."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from galop.cli import values


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (values.key_name, "team a", "team a"),
        (values.key_name, "x" * 64, "x" * 64),
        (values.group_name, "none", "none"),
        (values.group_name, "team", "team"),
        (values.limit, "1", 1),
        (values.limit, str(2**53), 2**53),
        (values.limit, "none", "none"),
        (values.expiry, "never", "never"),
        (values.time_span, "45m", timedelta(minutes=45)),
        (values.time_span, "12h", timedelta(hours=12)),
        (values.time_span, "7d", timedelta(days=7)),
        (values.day, "2026-02-28", "2026-02-28"),
        (values.percentage, "1%", 0.01),
        (values.percentage, " 2.5 ", 0.025),
        (values.percentage, "0", 0.0),
        (values.http_url, "http://127.0.0.1:8000", "http://127.0.0.1:8000"),
    ],
)
def test_a_text_becomes_a_value(parse: Callable[[str], object], text: str, value: object) -> None:
    """Of the type that the commands work with."""
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "texts"),
    [
        (values.key_name, ["", " a", "a ", "a\nb", "a`b", "x" * 65, "none", "all"]),
        (values.group_name, ["", "all"]),
        (values.limit, ["0", "-1", "1.5", "", "many", str(2**53 + 1), "1" * 17]),
        (values.expiry, ["soon", "2020-01-01", "30", "30 d", "2026-13-01", "999999d" * 2]),
        (values.time_span, ["", "7", "d", "7w", "-1d", "1234567d"]),
        (values.day, ["monday", "2026-02-30", "20260228x"]),
        (values.percentage, ["", "little", "-1", "1001", "nan", "inf"]),
        (values.http_url, ["127.0.0.1", "ftp://x", ""]),
    ],
)
def test_any_other_text_is_refused(parse: Callable[[str], object], texts: list[str]) -> None:
    """With the text in the message, if there is any."""
    for text in texts:
        with pytest.raises(ValueError, match=".+") as caught:
            parse(text)
        assert repr(text) in str(caught.value) or f"{text} is over" in str(caught.value)


def test_an_expiry_is_in_the_future() -> None:
    """Counted from now, or at the start of a day in UTC."""
    before_s = time.time()
    expiry = values.expiry("30d")
    assert expiry != "never"
    assert before_s <= expiry - 30 * 86400 <= time.time()
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    midnight = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=UTC)
    assert values.expiry(tomorrow.isoformat()) == midnight.timestamp()
