"""Prediction sharing by key: three methods in one.

Every row has an integer key. A party's term is, for each key, the mean of its predictions on the
rows of that key and whether it has any. Each party then trains against the mean of its own and its
partners' predictions (eqs. 7 to 9).

- key = row id: synchronous vertical learning (Llasag Rosero et al., 2024, Algorithm 1).
- key = label: LabSync-Mean, equal in expectation to FedLabSync (Algorithms 2 and 3 there), because a
  synchronised partner is a sample that shares nothing but the label.
- key = row id where parties share an asset, else the label: the mixed partition.

Where a key needs a cohort, parties first send which keys they have; what too few have stays 0 from then on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from hansa.core.messages import Ask, Terms, Totals
from hansa.models.losses import Partners, SharedLoss
from hansa.models.rows import Rows, Stream, summed
from hansa.models.training import Learner, Recipe, learner, train


class Curve(eqx.Module):
    """Predictions by key; a party's term, and their sum over parties."""

    prediction: jax.Array  # (keys,), mean over the party's rows of the key; 0 where it has none
    support: jax.Array  # (keys,), 1 where the party has the key


class State(eqx.Module):
    """The sums of the last exchange."""

    round: jax.Array  # (), int32
    total: Curve
    opening: str = eqx.field(static=True)
    enough: Any = ()  # (keys,), 1 where as many parties as a cohort have the key; () where all keys count


class Local(eqx.Module):
    """One party's network, and what it needs to know its partners without itself."""

    learner: Learner
    key: jax.Array
    sent: Curve  # its term of the last exchange
    partners: jax.Array  # (keys,), damped mean of the partners' predictions
    loss: jax.Array  # (), mean training loss of the last epoch
    trained: jax.Array  # (), whether it has trained yet
    enough: Any = ()  # (keys,), as in State


@dataclass(frozen=True, slots=True)
class PredictionSharing:
    """Synchronous exchange of predictions by key.

    keys: size of the key space. damping: share of the old partners' mean that is kept in each round;
    0 is the paper. The simultaneous exchange of eq. 8 has gain -(J - 1) / (J + 1) between rounds and
    oscillates when J is large; damping 0.5 brings the gain near 0.
    """

    recipe: Recipe
    loss: SharedLoss
    keys: int
    damping: float = 0.0
    cohort: int = 1  # parties that a key needs to be summed
    judged: bool = False  # whether sums are weighed by a rule, so that no party can take its own term off
    preludes: ClassVar[tuple[str, ...]] = ()
    addressed: ClassVar[bool] = False

    @property
    def openings(self) -> tuple[str, ...]:
        """Return the exchanges before round 1: who has which key, where that matters; predictions."""
        return ("support", "predictions") if self.cohort > 1 else ("predictions",)

    def start(self, network: Any) -> State:
        """Return empty sums; the coordinator has no model."""
        del network
        enough = jnp.zeros(self.keys) if self.cohort > 1 else ()
        return State(jnp.int32(0), _nothing(self.keys), self.openings[0], enough)

    def ask(self, state: State) -> Ask:
        """Return the sums of the last exchange; which keys enough parties have, before there are any."""
        shared = {"support": (), "predictions": state.enough}.get(state.opening, state.total)
        return Ask(state.round, shared, opening=state.opening)

    def join(self, network: Any, rows: Rows | Stream, key: jax.Array) -> Local:
        """Return the party's own network, untrained."""
        del rows
        nothing = _nothing(self.keys)
        first = learner(network, self.recipe)
        enough = nothing.support if self.cohort > 1 else ()
        return Local(first, key, nothing, nothing.prediction, jnp.zeros(()), jnp.zeros((), bool), enough)

    def answer(self, local: Local, rows: Rows | Stream, ask: Ask) -> tuple[Terms, Local]:
        """Return the party's curve after its local epochs against the partners' last curve."""
        current, partners, loss = local.learner, local.partners, local.loss
        trained, enough = local.trained, local.enough
        if ask.opening == "support":
            return Terms(_curve(current.network, rows, self.keys).support, jnp.ones(())), local
        if ask.opening:
            enough = ask.shared
        if not ask.opening:
            others = _minus(ask.shared, local.sent)
            newest = self._mean(ask.shared, others)  # (keys,)
            kept = jnp.where(local.trained, self.damping, 0.0)
            partners = kept * partners + (1.0 - kept) * newest  # (keys,)
            support, network = jnp.maximum(others.support, 0.0), current.network

            def beside(block: Rows) -> Partners:
                count = support[block.key]  # (rows,)
                return Partners(partners[block.key] * count, count, network(block.x))

            key = jax.random.fold_in(local.key, ask.round)
            current, loss = train(current, rows, beside, key, self.recipe, self.loss)
            trained = jnp.ones((), bool)
        sent = _curve(current.network, rows, self.keys)
        if self.cohort > 1:
            sent = jax.tree.map(lambda leaf: leaf * enough, sent)
        return Terms(sent, jnp.ones(())), Local(current, local.key, sent, partners, loss, trained, enough)

    def _mean(self, total: Curve, others: Curve) -> jax.Array:
        """Return (keys,) what partners predict; where a rule has weighed the sums, what all parties do."""
        if self.judged:
            weight = jnp.where(total.support > 0, total.support, 1.0)  # (keys,)
            return total.prediction / weight
        return others.prediction / jnp.maximum(others.support, 1.0)

    def absorb(self, state: State, totals: Totals | Sequence[Terms]) -> State:
        """Return the new sums; before there are any, which keys enough parties have."""
        assert isinstance(totals, Totals)
        if state.opening == "support":
            enough = (totals.values > self.cohort - 0.5).astype(jnp.float32)  # (keys,)
            return State(state.round, state.total, "predictions", enough)
        return State(state.round + 1, totals.values, "", state.enough)

    def network(self, local: Local, ask: Ask) -> Any:
        """Return the party's own network."""
        del ask
        return local.learner.network


def _nothing(keys: int) -> Curve:
    return Curve(jnp.zeros(keys), jnp.zeros(keys))


def _minus(total: Curve, own: Curve) -> Curve:
    return jax.tree.map(jnp.subtract, total, own)


def _curve(network: Any, rows: Rows | Stream, keys: int) -> Curve:
    def sums(block: Rows) -> tuple[jax.Array, jax.Array]:
        count = jax.ops.segment_sum(block.weight, block.key, num_segments=keys)  # (keys,)
        predictions = network(block.x) * block.weight  # (rows,)
        return count, jax.ops.segment_sum(predictions, block.key, num_segments=keys)  # (keys,) each

    count, total = summed(rows, sums)
    return Curve(total / jnp.maximum(count, 1.0), (count > 0).astype(jnp.float32))
