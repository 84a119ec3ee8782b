"""FedAvg, then each party alone: after the common rounds everybody goes on training what is common.

The baseline that methods of personalisation have to beat (for instance Yu, Bagdasaryan and Shmatikov,
"Salvaging Federated Learning by Local Adaptation", 2020, section 3.1). The last rounds send nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from hansa.algorithms.averaging import Averaged, local_change
from hansa.core.messages import Ask, Terms
from hansa.models.rows import Rows, Stream


class Local(eqx.Module):
    """What a party keeps between rounds."""

    key: jax.Array
    loss: jax.Array  # (), mean training loss of the last epoch
    change: Any  # tree like the network: its own model less the common one, from the last common round on


@dataclass(frozen=True, slots=True)
class FineTuned(Averaged):
    """The term is FedAvg's for `common_rounds`, and nothing afterwards."""

    common_rounds: int

    def join(self, network: Any, rows: Rows | Stream, key: jax.Array) -> Local:
        """Return the party without a change of its own."""
        del rows
        return Local(key, jnp.zeros(()), jax.tree.map(jnp.zeros_like, network))

    def answer(self, local: Local, rows: Rows | Stream, ask: Ask) -> tuple[Terms, Local]:
        """Return the change of the weights in a common round; in a later one keep it."""
        alone = ask.round > self.common_rounds
        start = self.network(local, ask)
        step, loss = local_change(start, rows, jax.random.fold_in(local.key, ask.round), self.recipe)
        kept = jax.tree.map(lambda old, new: jnp.where(alone, old + new, 0.0), local.change, step)
        sent = jax.tree.map(lambda leaf: jnp.where(alone, 0.0, leaf), step)
        return Terms(sent, jnp.where(alone, 0.0, rows.count)), Local(local.key, loss, kept)

    def network(self, local: Local, ask: Ask) -> Any:
        """Return the common model, with the party's own change once it trains alone."""
        return jax.tree.map(jnp.add, ask.shared, local.change)
