"""Aligned averaging: parties with different sensors train one network over the union of them.

A party fills the inputs that it does not have with 0, the federated mean. An input's weights are averaged
among the parties that have the input, by rows; all other weights among all parties. What a party learns
about its sensors reaches those that have them too, and the body everybody: the hybrid partition without
any exchange of predictions or labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from hansa.algorithms.averaging import Averaged, Common, local_change, mean
from hansa.core.messages import Ask, Terms, Totals
from hansa.models.parts import Partial
from hansa.models.rows import Rows, Stream

_A_ROW = 0.1  # rows; what sums that are rounded or masked leave of nobody's input is less


class Owned(eqx.Module):
    """A party's term, and its sum over parties."""

    change: Any  # tree like the network
    has: jax.Array  # (inputs,), 1 where the party has the input


class Local(eqx.Module):
    """What a party keeps between rounds."""

    key: jax.Array
    loss: jax.Array  # (), mean training loss of the last epoch
    has: jax.Array  # (inputs,), 1 where it has the input


@dataclass(frozen=True, slots=True)
class Aligned(Averaged):
    """The term is the change of the weights and which inputs the party has, weighted by its rows."""

    def join(self, network: Partial, rows: Rows | Stream, key: jax.Array) -> Local:
        """Return the party with what it knows of its inputs."""
        del rows
        return Local(key, jnp.zeros(()), network.has)

    def answer(self, local: Local, rows: Rows | Stream, ask: Ask) -> tuple[Terms, Local]:
        """Return the change of the weights, 0 at inputs that the party does not have."""
        key = jax.random.fold_in(local.key, ask.round)
        change, loss = local_change(ask.shared, rows, key, self.recipe)
        change = jax.tree.map(jnp.multiply, change, ask.shared.reach(local.has))  # decay moves all weights
        return Terms(Owned(change, local.has), rows.count), Local(local.key, loss, local.has)

    def absorb(self, state: Common, totals: Totals | Sequence[Terms]) -> Common:
        """Return the common model moved by each weight's mean over those that have its input."""
        assert isinstance(totals, Totals)
        return _moved(state, totals)


@jax.jit
def _moved(state: Common, totals: Totals) -> Common:
    found = mean(totals.values, totals.weight)
    share = state.network.reach(found.has)  # of the rows, whose party has the weight's input
    some = _A_ROW / jnp.maximum(totals.weight, 1.0)

    def moved(old: jax.Array, by: jax.Array, own: jax.Array) -> jax.Array:
        return old + jnp.where(own > some, by / jnp.maximum(own, some), 0.0)

    return Common(state.round + 1, jax.tree.map(moved, state.network, found.change, share))
