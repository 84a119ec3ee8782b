"""FedAvg: the weighted mean of the parties' local training; with its settings FedProx and FedOpt.

Source: McMahan et al., AISTATS 2017, Algorithm 1; eq. 3 of Llasag Rosero et al., 2024. Every party
takes part in every round; what the optimiser remembers starts afresh in each, as in the source.
`proximal` makes it FedProx (Li et al., MLSys 2020, Algorithm 2, mu); `server` FedAvgM, FedAdam or FedYogi.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from hansa.algorithms.averaging import Averaged, Local, local_change, mean, pull
from hansa.algorithms.server import MEAN, Memory, Server
from hansa.core.messages import Ask, Terms, Totals
from hansa.models.rows import Rows, Stream
from hansa.models.training import upright


class State(eqx.Module):
    """The common model, and what the coordinator's step remembers."""

    round: jax.Array  # (), int32
    network: Any
    memory: Memory


@dataclass(frozen=True, slots=True)
class FedAvg(Averaged):
    """The term is (new weights - common weights), weighted by the party's rows.

    proximal: mu, how strongly a party's weights are pulled to the common ones in every step.
    """

    proximal: float = 0.0
    server: Server = MEAN

    def start(self, network: Any) -> State:
        """Return the common model at round 1."""
        return State(jnp.int32(1), network, self.server.start(network))

    def answer(self, local: Local, rows: Rows | Stream, ask: Ask) -> tuple[Terms, Local]:
        """Return the change of the weights after the local epochs, weighted by rows."""
        lean = pull(ask.shared, self.proximal) if self.proximal else upright
        key = jax.random.fold_in(local.key, ask.round)
        change, loss = local_change(ask.shared, rows, key, self.recipe, lean)
        return Terms(change, rows.count), Local(local.key, loss)

    def absorb(self, state: State, totals: Totals | Sequence[Terms]) -> State:
        """Return the common model after the coordinator's step along the mean change."""
        assert isinstance(totals, Totals)
        return _moved(self.server, state, totals)


@partial(jax.jit, static_argnums=0)
def _moved(server: Server, state: State, totals: Totals) -> State:
    step = server.step(state.network, mean(totals.values, totals.weight), state.memory)
    moved = jax.tree.map(
        lambda old, new: jnp.where(totals.weight > 0, new, old), (state.network, state.memory), step
    )  # a server's momentum does not go on where nobody sent anything
    return State(state.round + 1, *moved)
