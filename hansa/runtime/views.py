"""What of a scenario's terms is compared between parties: changes of weights, or predictions by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hansa.core.messages import Ask
from hansa.core.methods import METHODS

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The numbers of some parties' terms; what a party lacks counts for nothing."""

    numbers: Floats  # (parties, dim), what is compared and added up; predictions within their range
    beside: Floats  # (parties, kept), what says who has what, 0 or 1; nothing where all have all
    has: NDArray[np.bool_] | None  # (parties, dim), whether the party has the number; None: all have all

    def of(self, places: Sequence[int]) -> View:
        """Return the view of some of the parties."""
        has = None if self.has is None else self.has[places]
        return View(self.numbers[places], self.beside[places], has)

    def filled(self) -> Floats:
        """Return (parties, dim) numbers; where a party lacks one, the median of those that have it.

        What a single party has is compared with no change, and not with itself.
        """
        if self.has is None:
            return self.numbers
        some = np.flatnonzero(~self.has.all(axis=0) & (self.has.sum(axis=0) > 1))
        filled = np.where(self.has, self.numbers, np.float32(0.0))  # (parties, dim)
        known = np.where(self.has[:, some], self.numbers[:, some], np.float32(np.nan))  # (parties, some)
        if len(some):
            filled[:, some] = np.where(self.has[:, some], known, np.nanmedian(known, axis=0))
        return filled

    def summed(self, weights: NDArray[np.float64], common: Floats | None = None) -> Floats:
        """Return (dim + kept,) the weighted sums over parties; common: (dim,) what stands for everybody."""
        factors = weights.astype(np.float32)  # (parties,)
        beside = factors @ self.beside  # (kept,)
        if common is None:
            numbers = self.numbers if self.has is None else np.where(self.has, self.numbers, np.float32(0.0))
            return np.concatenate([factors @ numbers, beside])
        support = factors.sum() if self.has is None else factors @ self.has.astype(np.float32)
        return np.concatenate([common * support, beside])


def view_of(scenario: str, ask: Ask, like: Any, values: Floats) -> View:
    """Return the view of (parties, numbers) values, flat in the order of a term's tree; like: such a tree."""
    method = METHODS[scenario]
    if method.exchanges == "predictions":
        keys = values.shape[1] // 2
        beside = (values[:, keys:] > 0.5).astype(np.float32)  # (parties, keys)
        return View(np.clip(values[:, :keys], 0.0, 1.0), beside, beside > 0)
    if method.framed:
        inputs = like.has.size
        beside = (values[:, -inputs:] > 0.5).astype(np.float32)  # (parties, inputs)
        return View(values[:, :-inputs], beside, np.stack([_reach(ask.shared, own) for own in beside]))
    return View(values, values[:, :0], None)


def _reach(network: Any, has: Floats) -> NDArray[np.bool_]:
    """Return (dim,) which weights of a network a party with some inputs has."""
    leaves = jax.tree.leaves(network.reach(jnp.asarray(has)))
    return np.concatenate([np.asarray(leaf).reshape(-1) > 0.5 for leaf in leaves])
