"""Local epochs: one compiled scan over mini-batches, padded rows counting for nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from hansa.models.shuffle import shuffled


class Rows(eqx.Module):
    """What one party learns from."""

    x: jax.Array  # (rows, features)
    y: jax.Array  # (rows,), label as a share of the cap
    weight: jax.Array  # (rows,), 1, or 0 for padding, which follows all real rows
    key: jax.Array  # (rows,), int32 key under which predictions are shared; 0 where weight is 0


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one local epoch is run."""

    optimizer: str  # adam or sgd
    learning_rate: float
    batch_size: int
    local_epochs: int

    def build(self) -> optax.GradientTransformation:
        """Return the Optax optimiser."""
        return {"adam": optax.adam, "sgd": optax.sgd}[self.optimizer](self.learning_rate)


class Learner(eqx.Module):
    """A network on its way: weights and what the optimiser remembers."""

    network: Any
    memory: Any


RowLoss = Callable[[Any, Rows, Any], jax.Array]
"""(network, batch, extras of the batch) -> (batch,) losses of the rows."""


def learner(network: Any, recipe: Recipe) -> Learner:
    """Return a learner at its first step."""
    return Learner(network, recipe.build().init(network))


def train(  # noqa: PLR0913 - the state, the data, the chance and the recipe of one epoch
    start: Learner, rows: Rows, extras: Any, key: jax.Array, recipe: Recipe, loss: RowLoss
) -> tuple[Learner, jax.Array]:
    """Return the learner after its local epochs, and the mean training loss of the last epoch.

    rows: padded or not; padding changes nothing. extras: tree of arrays with a leading rows axis,
    dealt to `loss` with the batch. Every epoch has an order of its own; its last batch may be short.
    """
    optimizer = recipe.build()

    def step(carry: tuple[Learner, jax.Array], batch: Any) -> tuple[tuple[Learner, jax.Array], None]:
        current, total = carry
        value, gradient = jax.value_and_grad(_mean_loss)(current.network, batch, loss)
        counted = batch[0].weight.sum()  # ()
        updates, memory = optimizer.update(gradient, current.memory, current.network)
        moved = Learner(optax.apply_updates(current.network, updates), memory)
        kept = jax.tree.map(lambda new, old: jnp.where(counted > 0, new, old), moved, current)
        return (kept, total + value * counted), None

    def epoch(carry: tuple[Learner, jax.Array], number: jax.Array) -> tuple[tuple[Learner, jax.Array], None]:
        batches = _batches((rows, extras), rows.weight, jax.random.fold_in(key, number), recipe.batch_size)
        return jax.lax.scan(step, (carry[0], jnp.zeros(())), batches)[0], None

    (end, loss_sum), _ = jax.lax.scan(epoch, (start, jnp.zeros(())), jnp.arange(recipe.local_epochs))
    return end, loss_sum / jnp.maximum(rows.weight.sum(), 1.0)


def _batches(tree: Any, weight: jax.Array, key: jax.Array, size: int) -> Any:
    rows = weight.shape[0]
    steps = -(-rows // size)
    order = shuffled(key, rows, weight.sum())  # (rows,)
    order = jnp.pad(order, (0, steps * size - rows), constant_values=-1)  # (steps * size,)
    real = order >= 0  # (steps * size,)

    def deal(leaf: jax.Array) -> jax.Array:
        dealt = jnp.where(_to_rank(real, leaf.ndim), leaf[order], 0)  # (steps * size, ...)
        return dealt.reshape(steps, size, *leaf.shape[1:])  # (steps, size, ...)

    return jax.tree.map(deal, tree)


def _to_rank(mask: jax.Array, rank: int) -> jax.Array:
    return mask.reshape(mask.shape + (1,) * (rank - 1))


def _mean_loss(network: Any, batch: Any, loss: RowLoss) -> jax.Array:
    rows, extras = batch
    losses = loss(network, rows, extras)  # (batch,)
    return (losses * rows.weight).sum() / jnp.maximum(rows.weight.sum(), 1.0)
