"""The seam where bad parties act on updates: everybody's terms go in, and theirs come out changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import jax
import numpy as np
from numpy.typing import NDArray

from hansa.core import seeds
from hansa.core.charter import Charter
from hansa.core.defences import DEFENCES
from hansa.core.messages import Ask, Terms
from hansa.judging import defence
from hansa.judging.judge import Judge
from hansa.judging.table import table_of
from hansa.protection import packing
from hansa.runtime.views import View, view_of
from hansa.simulation.bad_updates import Floats, Scene, Send

_ATTACKED = ("", "predictions")  # training, and the exchange of predictions before it

Numbers = NDArray[np.float32]


class Wrongdoers:
    """The bad parties of one run, who act together."""

    def __init__(self, charter: Charter, scenario: str, bad: Sequence[str], send: Send, name: str) -> None:
        """Take who is bad and what they send; name: of the attack, for its own chance."""
        self._charter, self._scenario, self._bad, self._send = charter, scenario, frozenset(bad), send
        self._judge = Judge(charter.defence, ())
        self._rng = seeds.generator(charter.seed, "attack", name)
        self._direction: Floats | None = None
        self._first: Floats | None = None
        self._last: Floats | None = None

    def __call__(self, ask: Ask, terms: Mapping[str, Terms]) -> Mapping[str, Terms]:
        """Return the terms that are sent; those of who is not bad are as they were."""
        names = [name for name in terms if name in self._bad]
        if ask.opening not in _ATTACKED or not names:
            return terms
        like = next(iter(terms.values()))
        view = view_of(self._scenario, ask, like.values, np.stack([_flat(one) for one in terms.values()]))
        places = {name: place for place, name in enumerate(terms)}
        bad = [places[name] for name in names]
        with np.errstate(all="ignore"):  # what is no number any more is what some of them want
            made = self._made(ask, terms, view.filled().astype(np.float64), bad)
            sent = {name: _with(view, places[name], own) for name, own in zip(names, made, strict=True)}
        changed = {
            name: Terms(packing.shaped(numbers.astype(np.float64), like.values), terms[name].weight)
            for name, numbers in sent.items()
        }
        return {name: changed.get(name, own) for name, own in terms.items()}

    def _made(self, ask: Ask, terms: Mapping[str, Terms], updates: Floats, bad: list[int]) -> Floats:
        """Return (bad, dim) what the bad parties send; updates: (parties, dim), all of them honest."""
        good = [place for place in range(len(updates)) if place not in bad]
        if self._direction is None:
            drawn = self._rng.normal(size=updates.shape[1])  # (dim,)
            self._direction = np.asarray(drawn / np.linalg.norm(drawn))
        self._first = updates[bad] if self._first is None else self._first
        stated = {name: float(one.weight) for name, one in terms.items()}
        middle = updates[good].mean(axis=0)  # (dim,)

        def damage(made: Floats) -> float:
            found = self._aggregate(int(ask.round), stated, _put(updates, bad, made))
            return float(np.linalg.norm(found - middle))

        last = np.zeros_like(middle) if self._last is None else self._last
        scene = Scene(updates[good], updates[bad], self._first, last, self._direction, damage, self._rng)
        made = self._send(scene)
        self._last = self._aggregate(int(ask.round), stated, _put(updates, bad, made))
        return made

    def _aggregate(self, round_: int, stated: Mapping[str, float], updates: Floats) -> Floats:
        """Return (dim,) what the coordinator makes of (parties, dim) updates, as far as bad parties know."""
        rule, names = self._charter.defence, list(stated)
        if rule.rule == "none":
            return np.average(updates, axis=0, weights=list(stated.values()))  # (dim,)
        if not np.isfinite(updates).all():
            return np.zeros(updates.shape[1])
        table = table_of(updates.astype(np.float32))
        judged = self._judge.judged(round_, stated, table, {}, None)
        good = [names.index(name) for name in judged.weights]
        if not good:
            return np.zeros(updates.shape[1])
        if DEFENCES[rule.rule].needs == "updates":
            shown = np.asarray(judged.once @ updates[good], np.float32)  # (sources, dim)
            return np.asarray(defence.aggregate(rule.rule, rule.before, shown, judged.bad), np.float64)
        return np.array(list(judged.weights.values())) @ updates[good]  # (dim,)


def _flat(terms: Terms) -> Numbers:
    """Return (numbers,) a term's values in the order of its tree."""
    return np.concatenate(
        [np.asarray(leaf, np.float32).reshape(-1) for leaf in jax.tree.leaves(terms.values)]
    )


def _put(updates: Floats, places: list[int], made: Floats) -> Floats:
    """Return (parties, dim) updates with others at some places."""
    found = updates.copy()
    found[places] = made
    return found


def _with(view: View, place: int, made: Floats) -> Numbers:
    """Return (numbers,) one party's values with (dim,) others where it has any; who has what stays."""
    numbers = made.astype(np.float32) if view.has is None else np.where(view.has[place], made, 0.0)
    return np.concatenate([numbers.astype(np.float32), view.beside[place]])
