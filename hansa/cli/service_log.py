"""What services log on stderr: one line an event, as text or as JSON."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

FORMS = ("text", "json")
LEVELS = ("debug", "info", "warning", "error")


def log_to_stderr(form: str = "text", level: str = "info") -> None:
    """Send the log of Hansa's own rooms to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Json() if form == "json" else _Text())
    logger = logging.getLogger("hansa")
    logger.handlers[:] = [handler]
    logger.setLevel(level.upper())


class _Text(logging.Formatter):
    """Time, level, where, what."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, whatever others' text is in it."""
        said = _said(self, record)
        return f"{_time(record)} {record.levelname} {record.name} {said}"


class _Json(logging.Formatter):
    """The same as a map."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line of JSON."""
        line = {"time": _time(record), "level": record.levelname.lower(), "where": record.name}
        return json.dumps(line | {"event": _said(self, record)}, ensure_ascii=True)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _said(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    """Return the message, and where a fault came up, as one line without control characters."""
    said = record.getMessage()
    if record.exc_info:
        said += " | " + formatter.formatException(record.exc_info).replace("\n", " | ")
    return "".join(one if one.isprintable() else "?" for one in said)
