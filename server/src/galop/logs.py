"""How log records are written: lines for people, or one JSON object per line for machines.

Libraries only log; the command line and the engine process call `start_logging`. Whatever a call gives
as `extra` becomes a key of the object: the request id, above all. Prompts, answers and API keys are
never given to a logger, except by the setting that asks for prompts by name.
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
        """Never raises because of a value: what JSON does not know is written as its repr."""
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
    """Send everything of at least `level` to stderr. For programs, once, at their start."""
    handler = logging.StreamHandler()
    if log_format == "json":
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler])
