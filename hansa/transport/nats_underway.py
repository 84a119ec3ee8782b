"""Questions over NATS that are under way: asked, and asked again, until they are answered or dropped."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from hansa.transport.seam import Body, Refusal

logger = logging.getLogger(__name__)

_FIRST_WAIT = 1.0  # seconds until who has not answered is asked again
_SLOWER = 1.6  # times as long each time
_LONGEST_WAIT = 10.0

Told = Callable[[str, Sequence[str]], None]
"""Hears, whenever some are asked again, the step and who has not answered."""

Write = Callable[[str, Mapping[str, bytes]], dict[str, tuple[str, bytes]]]
"""Makes each party's subject and envelope of a step's questions. Raises LinkError."""

Publish = Callable[[list[tuple[str, bytes]]], None]


class Underway:
    """One question at a time to each party; the link's thread takes answers, the caller's waits for them."""

    def __init__(self, write: Write, publish: Publish, told: Told) -> None:
        """Take what writes questions and what sends them."""
        self._write, self._publish, self._told = write, publish, told
        self._steps: dict[str, str] = {}  # the step of each party that has not answered
        self._letters: dict[str, tuple[str, bytes]] = {}  # each party's subject and envelope
        self._came: queue.SimpleQueue[tuple[str, Body | Refusal]] = queue.SimpleQueue()
        self._lock = threading.Lock()  # held where a party's step changes
        self._turn = threading.Event()  # an answer that is waited for has come, or the link is back
        self._returned = False
        self._each = True  # whether every answer is told at once, or all of them together
        self._wait, self._next = _FIRST_WAIT, 0.0

    @property
    def missing(self) -> list[str]:
        """Return who has not answered."""
        return list(self._steps)

    def ask(self, step: str, questions: Mapping[str, bytes]) -> None:
        """Ask parties a step's questions. Raises LinkError where a large one cannot be put where it lies."""
        letters = self._write(step, questions)
        self._letters |= letters
        with self._lock:
            self._steps |= dict.fromkeys(letters, step)
        self._wait, self._next = _FIRST_WAIT, time.perf_counter() + _FIRST_WAIT
        self._publish(list(letters.values()))

    def heard(self, seconds: float, *, each: bool = True) -> list[tuple[str, Body | Refusal]]:
        """Return what has come: with `each` as soon as there is something, else once all have answered.

        seconds: after which it returns in any case.
        """
        ends, self._each = time.perf_counter() + seconds, each
        while self._steps and (not each or self._came.empty()):
            now = time.perf_counter()
            if now >= ends:
                break
            if now >= self._next or self._returned:
                self._ask_again(now)
            self._turn.wait(max(0.0, min(ends, self._next) - time.perf_counter()))
            self._turn.clear()
        return [self._came.get() for _ in range(self._came.qsize())]

    def awaits(self, step: str, party: str) -> bool:
        """Return whether a party's answer to a step is waited for."""
        return self._steps.get(party) == step

    def take(self, party: str, answer: Body | Refusal) -> None:
        """Take an answer, in the link's thread."""
        with self._lock:  # who hears of it, and asks the party the next step, waits until this one is over
            self._came.put((party, answer))
            self._steps.pop(party, None)
        self._turned()

    def drop(self, party: str) -> None:
        """Wait for a party no more."""
        with self._lock:
            self._steps.pop(party, None)
        self._turned()

    def _turned(self) -> None:
        if self._each or not self._steps:
            self._turn.set()

    def come_back(self) -> None:
        """Ask all again who are missing: the link was lost, and is back."""
        self._returned = True
        self._turn.set()

    def _ask_again(self, now: float) -> None:
        """Ask again who is missing; after a return as soon as at first, else later each time."""
        by_step: dict[str, list[str]] = {}
        for party, step in self._steps.copy().items():
            by_step.setdefault(step, []).append(party)
        for step, missing in by_step.items():
            logger.debug("asked again step=%s missing=%d", step, len(missing))
            self._told(step, missing)
            self._publish([self._letters[party] for party in missing])
        self._wait = _FIRST_WAIT if self._returned else min(self._wait * _SLOWER, _LONGEST_WAIT)
        self._returned, self._next = False, now + self._wait
