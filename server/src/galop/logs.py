"""Formats of the log: lines for people, or one JSON object per line for programs.

The command line and the engine process call `start_logging`; other modules only log. The keys of `extra`,
such as the request id, become keys of the object. API keys are never logged; prompts and answers only
with the setting `log_prompts`.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Literal

import msgspec

LogFormat = Literal["text", "json"]

_STANDARD_KEYS = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",  # of asyncio, since Python 3.12
    "color_message",  # uvicorn's, for terminals
}


class JsonFormatter(logging.Formatter):
    """One JSON object: `time` (RFC 3339, UTC), `level`, `logger`, `message`, and every `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line. Values that JSON does not support are written as their repr."""
        fields: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields |= {key: value for key, value in vars(record).items() if key not in _STANDARD_KEYS}
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(fields, enc_hook=repr).decode()


def start_logging(level: str, log_format: LogFormat) -> None:
    """Sends records of at least `level` to stderr. To be called once per process, at its start."""
    handler = logging.StreamHandler()
    if log_format == "json":
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler])
