"""FedNova: a party's change counts by direction, not by how many steps its local epochs took.

Parties with many rows take many steps and drag the plain mean to their own optimum. Here each change is
divided by its effective number of steps before it is averaged, and the mean is multiplied by the mean
number. Source: Wang et al., "Tackling the Objective Inconsistency Problem in Heterogeneous Federated
Optimization", NeurIPS 2020, Algorithm 1; with momentum the effective number is that of section 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from hansa.algorithms.averaging import Averaged, Common, Local, local_change, mean, scaled
from hansa.core.messages import Ask, Terms, Totals
from hansa.models.rows import Rows, Stream
from hansa.models.training import steps


class Pace(eqx.Module):
    """A party's term, and its sum over parties."""

    change: Any  # tree like the network, for one effective step
    steps: jax.Array  # (), effective


@dataclass(frozen=True, slots=True)
class FedNova(Averaged):
    """The term is the change for one effective step and their number, weighted by the party's rows."""

    def answer(self, local: Local, rows: Rows | Stream, ask: Ask) -> tuple[Terms, Local]:
        """Return the change for one effective step, and how many there were, weighted by rows."""
        key = jax.random.fold_in(local.key, ask.round)
        change, loss = local_change(ask.shared, rows, key, self.recipe)
        taken = effective(steps(rows, self.recipe), self.recipe.momentum)
        pace = Pace(scaled(change, 1.0 / jnp.maximum(taken, 1.0)), taken)
        return Terms(pace, rows.count), Local(local.key, loss)

    def absorb(self, state: Common, totals: Totals | Sequence[Terms]) -> Common:
        """Return the common model moved by the mean number of steps along their mean."""
        assert isinstance(totals, Totals)
        return _moved(state, totals)


def effective(taken: jax.Array, momentum: float) -> jax.Array:
    """Return |a|_1, how far `taken` steps along equal gradients go, in steps without momentum."""
    if not momentum:
        return taken
    return (taken - momentum * (1.0 - momentum**taken) / (1.0 - momentum)) / (1.0 - momentum)


@jax.jit
def _moved(state: Common, totals: Totals) -> Common:
    found = mean(totals.values, totals.weight)
    network = jax.tree.map(lambda old, by: old + found.steps * by, state.network, found.change)
    return Common(state.round + 1, network)
