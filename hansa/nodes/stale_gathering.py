"""Sums that go on without who is late, and to which its answer is added in a later round.

Who is late is asked nothing new before it has answered: it is asked again for what it has, and who has
nothing, since it was away, gets the newest question. What counted in a round, and who owes an answer to
which, is kept before the round counts, so that a coordinator that is killed adds up the same again.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

from hansa.core import codec
from hansa.core.charter import Charter
from hansa.core.errors import LinkError, MessageError
from hansa.core.framing import Leaves, frame, leaves_of
from hansa.core.messages import Ask, Terms, Totals
from hansa.core.steps import Step
from hansa.nodes.asking import Asking
from hansa.nodes.gathering import OpenGathering, added, checked
from hansa.registry.node_store import NodeStore
from hansa.transport.seam import Body, Questions, Refusal, Transport

logger = logging.getLogger(__name__)

GRACE = 0.5
"""How much longer a round waits once enough have answered, as a share of the time that this took."""

_BOOK = "stale"  # the name of what is kept
_WHAT_YOU_HAVE = b""  # the question to who is late


def part_of(age: int) -> np.float32:
    """Return how much of a change counts that comes so many rounds late: 1 / sqrt(1 + age).

    The common model moves by the sum of these parts over the weights as a whole, so that what is late is
    lessened even where nothing else came. Source: Nguyen et al., "Federated Learning with Buffered
    Asynchronous Aggregation", AISTATS 2022, Algorithm 1 and its scaling of stale updates; the same as the
    polynomial of Xie, Koyejo and Gupta, "Asynchronous Federated Optimization", 2019, with exponent 1/2.
    """
    return np.float32(1.0 / math.sqrt(1.0 + age))


@dataclass(slots=True)
class _Round:
    """One round at work."""

    step: Step
    question: bytes = field(repr=False)
    due: dict[str, int]  # the round whose answer is asked of each party
    counted: list[tuple[str, int]] = field(default_factory=list)  # parties, and the rounds that they answered
    refused: dict[str, Refusal] = field(default_factory=dict)
    unsound: set[str] = field(default_factory=set)  # whose answers are none

    def ask(self, asked: Questions, names: Sequence[str]) -> None:
        """Ask parties for their answers: of this round, or what they have of an earlier one."""
        by_round: dict[int, list[str]] = {}
        for name in names:
            by_round.setdefault(self.due[name], []).append(name)
        for round_, those in by_round.items():
            question = self.question if round_ == self.step.round else _WHAT_YOU_HAVE
            step = Step(round_, self.step.number, self.step.kind)
            asked.ask(step.text, dict.fromkeys(those, question))

    @property
    def owed(self) -> dict[str, int]:
        """Return who has not answered yet, and which round's question."""
        over = {name for name, _ in self.counted} | self.refused.keys() | self.unsound
        return {name: round_ for name, round_ in self.due.items() if name not in over}


class StaleGathering(OpenGathering):
    """Everybody's numbers as they are, in the order in which they come."""

    def __init__(self, asking: Asking, charter: Charter, transport: Transport, store: NodeStore) -> None:
        """Take who asks, over what; store: where it is kept what counted."""
        super().__init__(asking)
        self._late, self._transport, self._store = charter.lateness, transport, store
        kept = store.state(_BOOK)
        book: dict[str, Any] = {} if kept is None else codec.decode(kept)
        self._settled: str = book.get("step", "")
        self._counted = [(name, round_) for name, round_ in book.get("counted", [])]
        self._owed: dict[str, int] = book.get("owed", {})

    def totals(self, ask: Ask, like: Sequence[Terms], *, addressed: bool) -> Totals | Sequence[Terms]:
        """Return the sums."""
        assert not (addressed or ask.opening)  # the charter's rules ask for changes of weights
        step, question = self._asking.step("training"), frame(ask)
        here = {name for name, _ in self._counted} <= set(self._asking.names)
        if step.text == self._settled and here:  # else one has left since, and the round is begun anew
            now = _Round(step, question, dict(self._counted))
            return added(like[0], self._again(now, like[0]), partial(self._part, now))
        now = _Round(step, question, self._due(step.round))
        return added(like[0], self._first(now, like[0]), partial(self._part, now))

    def has_settled(self, round_: int) -> bool:
        """Return whether it is settled whose answers count in a round."""
        return self._settled.startswith(f"{round_}.")

    def _due(self, round_: int) -> dict[str, int]:
        """Return the round whose answer is asked of each party: one that it owes, unless that is too old."""
        owed = {name: self._owed.get(name, round_) for name in self._asking.names}
        return {name: one if round_ - one <= self._late.oldest else round_ for name, one in owed.items()}

    def _first(self, now: _Round, like: Terms) -> Iterator[tuple[str, Leaves]]:
        """Yield answers as they come, until enough did; then keep which."""
        began, enough_s = perf_counter(), math.inf
        with self._transport.asking(self._late.seconds) as asked:
            now.ask(asked, list(now.due))
            while True:
                if len(now.counted) >= self._asking.needed:
                    enough_s = min(enough_s, perf_counter() - began)
                left = began + min(self._late.seconds, enough_s * (1.0 + GRACE)) - perf_counter()
                came = asked.heard(max(0.0, left))
                if not came and (left <= 0.0 or not asked.missing):
                    break
                for name, answer in came:
                    leaves = self._taken(now, asked, like, name, answer)
                    if leaves is None:
                        continue
                    now.counted.append((name, now.due[name]))
                    yield name, leaves
                    del leaves  # as large as a model: it goes before the next comes
        self._settle(now)

    def _again(self, now: _Round, like: Terms) -> Iterator[tuple[str, Leaves]]:
        """Yield the answers that counted before, in the same order."""
        found: dict[str, Body | Refusal] = {}
        ends = perf_counter() + self._late.seconds
        with self._transport.asking(self._late.seconds) as asked:
            now.ask(asked, list(now.due))
            while len(found) < len(now.due):
                came = asked.heard(max(0.0, ends - perf_counter()))
                if not came:
                    break
                found |= came
        now.refused |= {name: one for name, one in found.items() if isinstance(one, Refusal)}
        gone = self._asking.expelled() if len(found) < len(now.due) else ()
        now.due = {name: one for name, one in now.due.items() if name in found or name not in gone}
        if len(found) < max(1, len(now.due)) or now.refused:
            raise self._asking.lacking(now.step, dict.fromkeys(now.due, b""), found, now.refused)
        for name in now.due:
            yield name, _sound(like, name, found.pop(name))

    def _taken(
        self, now: _Round, asked: Questions, like: Terms, name: str, answer: Body | Refusal
    ) -> Leaves | None:
        """Return a party's arrays; None where it has none, and is asked anew or left out."""
        is_new = now.due[name] == now.step.round
        try:
            if not isinstance(answer, Refusal) and (is_new or answer.size):
                return _sound(like, name, answer)
        except LinkError as fault:
            logger.warning("counted as late party=%s why=%s", name, fault)
            return None
        except MessageError as fault:
            logger.warning("left out party=%s why=%s", name, fault)
            now.unsound.add(name)
            return None
        if not is_new:
            now.due[name] = now.step.round
            now.ask(asked, [name])
        elif isinstance(answer, Refusal):
            logger.warning("refused step=%s party=%s why=%s", now.step.text, name, answer.why)
            now.refused[name] = answer
        return None

    def _part(self, now: _Round, name: str) -> np.float32:
        age = now.step.round - now.due[name]
        if age:
            logger.info("late answer counts round=%d party=%s age=%d", now.step.round, name, age)
        return part_of(age)

    def _settle(self, now: _Round) -> None:
        """Keep what counted, and who owes what. Raises what `Asking` does where too few gave an answer."""
        if len(now.counted) < self._asking.needed:
            found: Mapping[str, Any] = dict.fromkeys(now.due.keys() - now.owed.keys(), b"")
            if now.refused or now.owed:
                raise self._asking.lacking(now.step, dict.fromkeys(now.due, b""), found, now.refused)
            raise self._asking.too_few(now.step, len(now.counted), self._asking.needed)
        self._settled, self._counted, self._owed = now.step.text, now.counted, now.owed
        counted = [[name, round_] for name, round_ in now.counted]
        book = {"step": self._settled, "counted": counted, "owed": self._owed}
        self._store.keep({_BOOK: codec.encode(book)})


def _sound(like: Terms, name: str, answer: Body | Refusal) -> Leaves:
    """Return the arrays of an answer. Raises MessageError for what is none, and LinkError."""
    assert not isinstance(answer, Refusal)
    return checked(leaves_of(like, answer.read(), name), name, "training")
