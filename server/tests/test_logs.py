"""Log records as JSON."""

from __future__ import annotations

import json
import logging
import sys

from galop.logs import JsonFormatter


def formatted(**options: object) -> dict[str, object]:
    attributes = {"name": "galop.http", "levelname": "INFO", "msg": "%s done", "args": ("req_1",)}
    record = logging.makeLogRecord({**attributes, **options})
    line = JsonFormatter().format(record)
    assert "\n" not in line
    fields: dict[str, object] = json.loads(line)
    return fields


def test_a_record_is_one_object_with_its_extras() -> None:
    """And none of logging's own bookkeeping."""
    fields = formatted(request_id="req_1", created=1.5)
    assert fields == {
        "time": "1970-01-01T00:00:01.500+00:00",
        "level": "info",
        "logger": "galop.http",
        "message": "req_1 done",
        "request_id": "req_1",
    }


def test_a_traceback_stays_on_the_line() -> None:
    """Collectors read line by line."""
    try:
        raise ValueError("two\nlines")
    except ValueError:
        fields = formatted(exc_info=sys.exc_info())
    assert "ValueError: two\nlines" in str(fields["exception"])


def test_what_json_does_not_know_is_written_all_the_same() -> None:
    """A log call never fails because of a value."""
    assert formatted(error=KeyError("x"))["error"] == "KeyError('x')"
