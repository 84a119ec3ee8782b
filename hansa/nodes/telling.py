"""What a member's node tells its operator while it runs: which round is answered, and that nothing comes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from hansa.core.steps import step_of
from hansa.transport.seam import Answer

logger = logging.getLogger(__name__)

_SAID_EVERY_S = 2.0
_SILENT_S = 5.0  # without a question after which that is said, once


class Telling:
    """The rounds of one run, as one member hears of them."""

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds
        self._round = 0  # of the last question
        self._said_at = -_SAID_EVERY_S
        self._heard_at, self._is_silent = time.monotonic(), False

    def answered(self, answer: Answer) -> Answer:
        """Return an answer that tells each round that is over, or of quick ones some, and the last."""

        def told(step: str, question: bytes) -> bytes:
            self._begins(step_of(step).round)
            try:
                return answer(step, question)
            finally:
                self._heard_at, self._is_silent = time.monotonic(), False

        return told

    def while_waiting(self, until: Callable[[], bool]) -> Callable[[], bool]:
        """Return what asks `until`, and tells once when no question has come for some seconds."""

        def looked() -> bool:
            if not self._is_silent and time.monotonic() - self._heard_at >= _SILENT_S:
                self._is_silent = True
                logger.info("waits for the coordinator")
            return until()

        return looked

    def _begins(self, round_: int) -> None:
        """Take the round of a question: those before it are over."""
        before, self._round = self._round, max(self._round, round_)
        now, done = time.monotonic(), self._round - 1
        if self._round == before or not 0 < done <= self._rounds:
            return
        if now - self._said_at >= _SAID_EVERY_S or done == self._rounds:
            self._said_at = now
            logger.info("round %d of %d answered", done, self._rounds)
