"""FedAvg: the weighted mean of the parties' local training.

Source: McMahan et al., AISTATS 2017, Algorithm 1; eq. 3 of Llasag Rosero et al., 2024. Every party
takes part in every round; what the optimiser remembers starts afresh in each, as in the source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from hansa.core.messages import Ask, Terms, Totals
from hansa.models.losses import squared_error
from hansa.models.rows import Rows, Stream
from hansa.models.training import Recipe, learner, no_extras, train


class State(eqx.Module):
    """The common model."""

    round: jax.Array  # (), int32
    network: Any


class Local(eqx.Module):
    """What a party keeps between rounds: its stream of chance, and its last loss."""

    key: jax.Array
    loss: jax.Array  # (), mean training loss of the last epoch


@dataclass(frozen=True, slots=True)
class FedAvg:
    """The term is (new weights - common weights), weighted by the party's rows."""

    recipe: Recipe
    openings: ClassVar[tuple[str, ...]] = ()
    addressed: ClassVar[bool] = False

    def start(self, network: Any) -> State:
        """Return the common model at round 1."""
        return State(jnp.int32(1), network)

    def ask(self, state: State) -> Ask:
        """Return the common model."""
        return Ask(state.round, state.network)

    def join(self, network: Any, rows: Rows | Stream, key: jax.Array) -> Local:
        """Return the party's stream; every party starts from the common model."""
        del network, rows
        return Local(key, jnp.zeros(()))

    def answer(self, local: Local, rows: Rows | Stream, ask: Ask) -> tuple[Terms, Local]:
        """Return the change of the weights after the local epochs, weighted by rows."""
        key = jax.random.fold_in(local.key, ask.round)
        start = learner(ask.shared, self.recipe)
        trained, loss = train(start, rows, no_extras, key, self.recipe, squared_error)
        change = jax.tree.map(jnp.subtract, trained.network, ask.shared)
        return Terms(change, rows.count), Local(local.key, loss)

    def absorb(self, state: State, totals: Totals | Sequence[Terms]) -> State:
        """Return the common model moved by the mean change."""
        assert isinstance(totals, Totals)
        return _moved(state, totals)

    def network(self, local: Local, ask: Ask) -> Any:
        """Return the common model."""
        del local
        return ask.shared


@jax.jit
def _moved(state: State, totals: Totals) -> State:
    network = jax.tree.map(lambda old, change: old + change / totals.weight, state.network, totals.values)
    return State(state.round + 1, network)
