"""What a node's operator may watch: counts, times, and how it stands; nothing here is read from a record.

Each number is written by one thread: the node's own, or its link's. Whoever reads may be a moment behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any

from hansa.core.errors import HansaError
from hansa.core.steps import step_of
from hansa.transport.nats_link import Link
from hansa.transport.seam import Answer, Body, Questions, Refusal, Transport


@dataclass(slots=True)
class Counts:
    """Since the process began."""

    round: int = 0  # that is done, or, at a party, that was answered last
    rounds: int = 0  # of the charter
    steps: int = 0
    question_bytes: int = 0  # out of a coordinator, into a party
    answer_bytes: int = 0  # out of a party, into a coordinator
    refusals: int = 0
    connections: int = 0
    step_seconds: float = 0.0  # from a step's question to its last answer, at a party to its own


class VitalSigns:
    """One node's counts and state."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self.counts = Counts()
        self.missing: Sequence[str] = ()  # who is waited for, as last told
        self._ended = ""
        self._is_up: Callable[[], bool] = lambda: False
        self._since: datetime | None = None  # when the connection of now came up

    def follow(self, link: Link) -> None:
        """Watch a link that is not open yet."""

        def connected() -> None:
            self.counts.connections += 1
            self._since = self._clock()

        self._is_up = link.is_up
        link.on_return(connected)

    def asked(self, transport: Transport) -> Transport:
        """Return a coordinator's transport whose exchanges are counted."""
        return _Watched(transport, self)

    def answered(self, answer: Answer, rounds: int) -> Answer:
        """Return a party's answer whose calls are counted, those that give the same again among them."""
        self.counts.rounds = rounds

        def counted(step: str, question: bytes) -> bytes:
            began, body = perf_counter(), b""
            try:
                body = answer(step, question)
            except HansaError:
                self.counts.refusals += 1
                raise
            finally:
                self._step(len(question), len(body), began)
            self.counts.round = min(step_of(step).round, rounds)
            return body

        return counted

    def round_done(self, done: int, rounds: int) -> None:
        """Note how far a coordinator is."""
        self.counts.round, self.counts.rounds = done, rounds

    def waits_for(self, step: str, missing: Sequence[str]) -> None:
        """Note who has not answered a step yet; it fits a transport's `told`."""
        self.missing = tuple(missing)

    def end(self, state: str) -> None:
        """Note that the run is over: finished, ended or stopped."""
        self._ended = state

    @property
    def state(self) -> str:
        """Return one word: starts, runs, waits, disconnected, or how the run is over."""
        if self._ended:
            return self._ended
        if self.counts.connections == 0:
            return "starts"
        if not self._is_up():
            return "disconnected"
        return "waits" if self.missing else "runs"

    def health(self) -> dict[str, Any]:
        """Return what /health says."""
        since = self._since if self._is_up() else None
        return {
            "state": self.state,
            "round": self.counts.round,
            "rounds": self.counts.rounds,
            "connected_since": None if since is None else since.isoformat(timespec="seconds"),
            "missing": list(self.missing),
        }

    def _step(self, question_bytes: int, answer_bytes: int, began: float) -> None:
        counts = self.counts
        counts.steps += 1
        counts.question_bytes += question_bytes
        counts.answer_bytes += answer_bytes
        counts.step_seconds += perf_counter() - began


class _Watched:
    """A transport whose exchanges are counted."""

    def __init__(self, transport: Transport, signs: VitalSigns) -> None:
        self._transport, self._signs = transport, signs

    def exchange(
        self, step: str, questions: Mapping[str, bytes], seconds: float
    ) -> dict[str, Body | Refusal]:
        """Return what the transport below returns."""
        signs, began = self._signs, perf_counter()
        found = self._transport.exchange(step, questions, seconds)
        bodies = [one for one in found.values() if not isinstance(one, Refusal)]
        signs.counts.refusals += len(found) - len(bodies)
        signs.missing = tuple(name for name in questions if name not in found)
        signs._step(sum(map(len, questions.values())), sum(one.size for one in bodies), began)
        return found

    @contextmanager
    def asking(self, seconds: float) -> Iterator[Questions]:
        """Yield the questions of the transport below; all of them together count as one step."""
        signs, began = self._signs, perf_counter()
        with self._transport.asking(seconds) as below:
            asked = _WatchedQuestions(below, signs)
            yield asked
        signs.missing = tuple(below.missing)
        signs._step(asked.question_bytes, asked.answer_bytes, began)


class _WatchedQuestions:
    """Questions whose bytes are counted."""

    def __init__(self, below: Questions, signs: VitalSigns) -> None:
        self._below, self._signs = below, signs
        self.question_bytes = self.answer_bytes = 0

    @property
    def missing(self) -> Sequence[str]:
        """Return who has not answered."""
        return self._below.missing

    def ask(self, step: str, questions: Mapping[str, bytes]) -> None:
        """Ask."""
        self.question_bytes += sum(map(len, questions.values()))
        self._below.ask(step, questions)

    def heard(self, seconds: float) -> Sequence[tuple[str, Body | Refusal]]:
        """Return what has come."""
        came = self._below.heard(seconds)
        bodies = [one for _, one in came if not isinstance(one, Refusal)]
        self._signs.counts.refusals += len(came) - len(bodies)
        self.answer_bytes += sum(one.size for one in bodies)
        return came
