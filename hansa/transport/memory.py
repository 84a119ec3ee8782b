"""Parties in the same process, one after the other, over the bytes that a network would carry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np

from hansa.core import arrays, codec
from hansa.core.errors import HansaError
from hansa.core.messages import Ask, Terms, Totals
from hansa.transport import seam
from hansa.transport.bodies import Inside

Answer = Callable[[Ask], Terms]


class Memory:
    """A transport over parties in this process: it asks one after the other, and waits for nobody."""

    def __init__(self, parties: Mapping[str, seam.Answer]) -> None:
        """Take each party's answer by its name; who has none is absent."""
        self._parties = dict(parties)

    def exchange(
        self, step: str, questions: Mapping[str, bytes], seconds: float
    ) -> dict[str, seam.Body | seam.Refusal]:
        """Return the answers of those who are there, in the order of the questions."""
        there = {name: question for name, question in questions.items() if name in self._parties}
        return {name: _answered(self._parties[name], step, question) for name, question in there.items()}

    @contextmanager
    def asking(self, seconds: float) -> Iterator[seam.Questions]:
        """Yield questions that are answered when they are asked."""
        yield _Asked(self, seconds)


class _Asked:
    """Questions that all are answered who are there."""

    def __init__(self, memory: Memory, seconds: float) -> None:
        self._memory, self._seconds = memory, seconds
        self._came: list[tuple[str, seam.Body | seam.Refusal]] = []

    @property
    def missing(self) -> Sequence[str]:
        """Return nobody: who is absent is not waited for."""
        return ()

    def ask(self, step: str, questions: Mapping[str, bytes]) -> None:
        """Ask, and take the answers."""
        self._came += self._memory.exchange(step, questions, self._seconds).items()

    def heard(self, seconds: float) -> Sequence[tuple[str, seam.Body | seam.Refusal]]:
        """Return what has come."""
        del seconds
        came, self._came = self._came, []
        return came


def _answered(answer: seam.Answer, step: str, question: bytes) -> seam.Body | seam.Refusal:
    try:
        return Inside(answer(step, question))
    except HansaError as refusal:
        return seam.Refusal(str(refusal))


class MemoryTransport:
    """An exchange over parties in roster order; every message is encoded and decoded."""

    def __init__(self, parties: Sequence[Answer], *, addressed: bool) -> None:
        """Take each party's answer; addressed: whether terms are handed on one by one."""
        self._parties = parties
        self._addressed = addressed

    def __call__(self, ask: Ask) -> Totals | Sequence[Terms]:
        """Return the weighted sum of all parties' terms, added in roster order."""
        terms = [answer(travelled(ask_of(ask, party))) for party, answer in enumerate(self._parties)]
        arrived = [travelled(term) for term in terms]
        if self._addressed:
            return arrived
        weights = [term.weight for term in arrived]
        values = arrays.weighted_sum([term.values for term in arrived], weights)
        return Totals(values, sum(weights[1:], weights[0]))


def ask_of(ask: Ask, party: int) -> Ask:
    """Return what one party gets: the shared part, and what is addressed to it."""
    if ask.addressed is None:
        return ask
    return Ask(ask.round, ask.shared, ask.addressed[party], ask.opening)


def travelled(message: Any) -> Any:
    """Return the message as it comes out at the other end."""
    flat = codec.decode(frame(message))["arrays"]
    return arrays.restore(message, flat)


def frame(message: Ask | Terms) -> bytes:
    """Return the bytes of one message: its kind, what it opens, and its arrays by name."""
    head = {"kind": type(message).__name__.lower(), "opening": getattr(message, "opening", "")}
    return codec.encode(head | {"arrays": arrays.flatten(message)})


def frame_bytes(message: Ask | Terms) -> int:
    """Return len(frame(message)) from shapes alone: a frame's size never depends on values."""
    return len(frame(jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), message)))
