"""Sums over parties that are elsewhere: in clear, added in the order of the roster, or under masks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import jax
import numpy as np
from numpy.typing import NDArray

from hansa.core import codec
from hansa.core.framing import frame, framed
from hansa.core.messages import Ask, Terms, Totals
from hansa.protection import packing
from hansa.protection.enrolment import Channels
from hansa.runtime.asking import Asking, as_map, no_answer
from hansa.runtime.masked_exchange import masked_sum
from hansa.runtime.sums import ROWS, Sums, is_statistic
from hansa.transport.memory import ask_of

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Gathering(Protocol):
    """How a coordinator gets sums."""

    def statistics(self, kind: str, numbers: int) -> tuple[Floats, Flags | None]:
        """Return (rows x numbers,) the sums of a kind of statistics; (numbers,) which of them enough have."""

    def totals(self, ask: Ask, like: Sequence[Terms], *, addressed: bool) -> Totals | Sequence[Terms]:
        """Return the sums of the answers to an ask, or these where they are addressed; like: their shapes."""


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
        terms = self._terms(ask, like, addressed)
        return list(terms) if addressed else _added(terms)

    def _terms(self, ask: Ask, like: Sequence[Terms], addressed: bool) -> Iterator[Terms]:
        names = self._asking.names
        if ask.addressed is None:
            questions = dict.fromkeys(names, frame(ask))
        else:
            questions = {name: frame(ask_of(ask, party)) for party, name in enumerate(names)}
        own = like if addressed else [like[0]] * len(names)
        shapes, kind = dict(zip(names, own, strict=True)), ask.opening or "training"
        for name, body in self._asking.ask(kind, questions, all_of_them=bool(ask.opening)):
            terms = framed(shapes[name], body, name)
            if not _are_numbers(terms):
                raise no_answer(name, kind)
            yield terms


class MaskedGathering:
    """Numbers under masks that cancel in the sum."""

    def __init__(self, asking: Asking, sums: Sums, channels: Channels) -> None:
        """Take who asks, and what the coordinator shares with each party."""
        self._asking, self._sums, self._channels = asking, sums, channels

    def statistics(self, kind: str, numbers: int) -> tuple[Floats, Flags | None]:
        """Return the sums of cells that enough parties have, and (numbers,) which these are."""
        support = f"support of {kind}"
        found = self._sum(self._sums.of_statistic(support, ""), numbers, codec.encode({"enough": None}))
        enough = found > self._sums.charter.protection.cohort - 0.5  # (numbers,)
        rows = ROWS[kind]
        question = codec.encode({"enough": enough})
        return self._sum(self._sums.of_statistic(kind, support), rows * numbers, question), enough

    def totals(self, ask: Ask, like: Sequence[Terms], *, addressed: bool) -> Totals | Sequence[Terms]:
        """Return the sums."""
        assert not addressed  # the charter's rules ask for open secrecy
        size = 1 + packing.size(like[0])
        return packing.totals(self._sum(self._sums.of_ask(ask), size, frame(ask)), self._sums.most, like[0])

    def _sum(self, why: Mapping[str, Any], numbers: int, question: bytes) -> Floats:
        form = self._sums.form_of(why)
        size = numbers * form.words
        occasion = self._sums.occasion(self._channels.roster.digest, why, self._asking.number, size)

        def ask(stage: str, questions: Mapping[str, bytes]) -> Mapping[str, bytes]:
            kind = f"{why['kind']}/{stage}"
            return dict(self._asking.ask(kind, questions, all_of_them=not why["model"]))

        words = masked_sum(self._channels, occasion, dict.fromkeys(self._asking.names, question), ask)
        return form.decoded(words)


def _are_numbers(terms: Terms) -> bool:
    """Return whether terms and their weight can be multiplied and added."""
    share = np.asarray(terms.weight)
    with np.errstate(over="ignore", invalid="ignore"):  # what comes out tells
        parts = [np.asarray(leaf) * share for leaf in jax.tree.leaves(terms.values)]
    return bool(share >= 0.0) and all(bool(np.isfinite(part).all()) for part in [share, *parts])


def _added(terms: Iterable[Terms]) -> Totals:
    """Return the weighted sum of terms, added as they come, so that it is the same to the bit every time."""
    total: list[NDArray[Any]] = []
    weight: Any = np.float32(0.0)
    structure = None
    for own in terms:
        leaves, structure = jax.tree.flatten(own.values)
        share = np.asarray(own.weight)
        parts = [np.asarray(leaf) * share for leaf in leaves]
        total = [one + other for one, other in zip(total, parts, strict=True)] if total else parts
        weight = weight + share
    return Totals(jax.tree.unflatten(structure, total), weight)
