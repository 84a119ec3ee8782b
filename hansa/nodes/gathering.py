"""Sums over parties that are elsewhere, in clear, added in the order of the roster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import jax
import numpy as np
from numpy.typing import NDArray

from hansa.core import arrays, codec
from hansa.core.errors import AbortedError, MessageError
from hansa.core.framing import Leaves, frame, leaves_of
from hansa.core.messages import Ask, Terms, Totals
from hansa.nodes.asking import Asking, as_map, no_answer
from hansa.runtime.sums import ROWS, is_statistic
from hansa.transport.memory import ask_of

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
_WEIGHT = "weight"  # the name of what a party counts for, in a frame of terms
_WHOLE = np.float32(1.0)
_PIECE = 1 << 18  # numbers that are worked on at a time


class Gathering(Protocol):
    """How a coordinator gets sums."""

    def statistics(self, kind: str, numbers: int) -> tuple[Floats, Flags | None]:
        """Return (rows x numbers,) the sums of a kind of statistics; (numbers,) which of them enough have."""

    def totals(self, ask: Ask, like: Sequence[Terms], *, addressed: bool) -> Totals | Sequence[Terms]:
        """Return the sums of the answers to an ask, or these where they are addressed; like: their shapes."""

    def states(self) -> dict[str, bytes]:
        """Return what is to be kept of sums at the end of a round."""

    def has_settled(self, round_: int) -> bool:
        """Return whether it is settled whose answers count in a step of a round, which goes on from there."""


class OpenGathering:
    """Everybody's numbers as they are."""

    def __init__(self, asking: Asking) -> None:
        """Take who asks."""
        self._asking = asking

    def statistics(self, kind: str, numbers: int) -> tuple[Floats, Flags | None]:
        """Return the sums, and None: all count."""
        names, total = self._asking.names, None
        question = codec.encode({"enough": None})
        for name, body in self._asking.ask(kind, dict.fromkeys(names, question)):
            term = as_map(body, name, kind).get("sum")
            if not is_statistic(term, ROWS[kind] * numbers):
                raise no_answer(name, kind)
            total = term if total is None else total + term
        assert total is not None
        return total, None

    def totals(self, ask: Ask, like: Sequence[Terms], *, addressed: bool) -> Totals | Sequence[Terms]:
        """Return the sums, added in the order of the roster, or the terms."""
        names, kind = self._asking.names, ask.opening or "training"
        shapes = dict(zip(names, like, strict=True)) if addressed else dict.fromkeys(names, like[0])
        found = self._leaves(kind, self._asked(ask, kind), shapes)
        if addressed:
            return [_terms(shapes[name], leaves) for name, leaves in found]
        return added(like[0], found, lambda name: _WHOLE)

    def states(self) -> dict[str, bytes]:
        """Return nothing: terms in clear bind nobody to anything."""
        return {}

    def has_settled(self, round_: int) -> bool:
        """Return whether it is settled whose answers count in a step of a round."""
        return self._asking.has_settled(round_)

    def _asked(self, ask: Ask, kind: str) -> Iterator[tuple[str, bytes]]:
        questions = questions_of(self._asking.names, ask)
        return self._asking.ask(kind, questions, all_of_them=bool(ask.opening))

    def _leaves(
        self, kind: str, answers: Iterator[tuple[str, bytes]], shapes: Mapping[str, Terms]
    ) -> Iterator[tuple[str, Leaves]]:
        """Yield each party and the arrays of its terms."""
        counted = []
        for name, body in answers:
            try:
                leaves = checked(leaves_of(shapes[name], body, name), name, kind)
            except MessageError as fault:
                if self._asking.drops(name, fault):
                    continue
                raise
            counted.append(name)
            yield name, leaves
            del body, leaves  # as large as a model: they go before the next come
        self._asking.settle(counted)


def questions_of(names: Sequence[str], ask: Ask) -> dict[str, bytes]:
    """Return what each party is asked; names: of all parties, in their order."""
    if ask.addressed is None:
        return dict.fromkeys(names, frame(ask))
    return {name: frame(ask_of(ask, party)) for party, name in enumerate(names)}


def checked(leaves: Leaves, name: str, kind: str) -> Leaves:
    """Return the arrays of a party's terms, if they can be multiplied and added; raises MessageError."""
    share = leaves[_WEIGHT]
    if not (share >= 0.0 and np.isfinite(share) and all(map(_all_finite, leaves.values()))):
        raise no_answer(name, kind)
    return leaves


def added(like: Terms, found: Iterator[tuple[str, Leaves]], part: Callable[[str], np.float32]) -> Totals:
    """Return the weighted sum of terms, added as they come, so that it is the same to the bit every time.

    found: each party and its terms. part: how much of a party's values counts; its weight counts as a whole.
    One party's terms are in memory at a time, and of their products a piece.
    """
    total: dict[str, NDArray[Any]] = {}
    weight: Any = np.float32(0.0)
    for name, leaves in found:
        counts = part(name)
        share = leaves[_WEIGHT][()]  # a number of its own: a view would keep the whole message
        first = not total
        for place, leaf in leaves.items():
            if place == _WEIGHT:
                continue
            if first:
                total[place] = np.zeros(leaf.shape, np.result_type(leaf, share))
            _add(total[place].reshape(-1), leaf.reshape(-1), share * counts, first)
        weight = weight + share
        del leaves, leaf
    own = [total[name] for name in arrays.flatten(like) if name != _WEIGHT]
    values = jax.tree.unflatten(jax.tree.structure(like.values), own)
    if not all(map(_all_finite, own)):
        raise AbortedError(
            "the sum of the parties' terms left the finite numbers",
            do="lower learning_rate in [training]",
            where="training",
        )
    return Totals(values, weight)


def _terms(like: Terms, leaves: Leaves) -> Terms:
    found: Terms = arrays.restore(like, leaves)
    return found


def _add(total: NDArray[Any], leaf: NDArray[Any], share: NDArray[Any], first: bool) -> None:
    """Add (numbers,) times a share to (numbers,) a total, piece by piece."""
    for start in range(0, leaf.size, _PIECE):
        part = leaf[start : start + _PIECE] * share
        if first:
            total[start : start + _PIECE] = part
        else:
            total[start : start + _PIECE] += part


def _all_finite(leaf: NDArray[Any]) -> bool:
    flat = leaf.reshape(-1)
    return all(bool(np.isfinite(flat[start : start + _PIECE]).all()) for start in range(0, flat.size, _PIECE))
