"""What services log: one line an event on stderr, time first, then key=value."""

from __future__ import annotations

import logging


def log_to_stderr(level: int = logging.WARNING) -> None:
    """Send the log of Hansa's own rooms to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logger = logging.getLogger("hansa")
    logger.addHandler(handler)
    logger.setLevel(level)
