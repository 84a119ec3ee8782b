"""FSVRG: local steps whose gradient is everybody's, corrected by what the party's own rows say has changed.

Source: Konecny, McMahan, Ramage and Richtarik, "Federated Optimization: Distributed Machine Learning for
On-Device Intelligence", 2016, Algorithm 4. A round has two exchanges: the gradient of all rows at the common
weights w, then local steps along g_B(v) - g_B(w) + g(w), with g_B of a batch and g of all rows. A step's
length is inverse to a party's number of steps, so that all go equally far. The source's S_k and A scale
features that few rows have; sensors are on every row, where both are the identity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from hansa.algorithms.averaging import Averaged, Local, inner, mean, minus, scaled
from hansa.core.messages import Ask, Terms, Totals
from hansa.models.rows import Rows, Stream, summed
from hansa.models.training import RowLoss, learner, no_extras, steps, train


class Course(eqx.Module):
    """What a round goes by: the common model, and once it is known the way ahead of it."""

    network: Any
    gradient: Any = ()  # tree like the network, of the mean loss of all rows
    steps: Any = ()  # (), the parties' mean number


class Ahead(eqx.Module):
    """A party's term of the first exchange."""

    gradient: Any  # tree like the network, of the mean loss of its rows
    steps: jax.Array  # (), that its local epochs will take


class State(eqx.Module):
    """Where the federation stands."""

    round: jax.Array  # (), int32
    course: Course
    opening: str = eqx.field(static=True)


@dataclass(frozen=True, slots=True)
class Fsvrg(Averaged):
    """The terms are a party's gradient, then the change of its weights, both weighted by its rows."""

    preludes: ClassVar[tuple[str, ...]] = ("gradient",)

    def start(self, network: Any) -> State:
        """Return the common model before the first gradient."""
        return State(jnp.int32(1), Course(network), "gradient")

    def ask(self, state: State) -> Ask:
        """Return the common model, and with it the gradient of all rows once it is known."""
        return Ask(state.round, state.course, opening=state.opening)

    def answer(self, local: Local, rows: Rows | Stream, ask: Ask) -> tuple[Terms, Local]:
        """Return the gradient of the party's rows; then how its corrected steps change the weights."""
        taken = steps(rows, self.recipe)
        if ask.opening:
            return Terms(Ahead(self._gradient(ask.shared.network, rows), taken), rows.count), local
        common = ask.shared
        pace = common.steps / jnp.maximum(taken, 1.0)
        key = jax.random.fold_in(local.key, ask.round)

        def along(network: Any) -> jax.Array:
            value = pace * inner(common.gradient, network)
            return value - jax.lax.stop_gradient(value)

        trained, loss = train(
            learner(common.network, self.recipe),
            rows,
            no_extras,
            key,
            self.recipe,
            _corrected(self.recipe.own_loss, common.network, pace),
            along,
        )
        return Terms(minus(trained.network, common.network), rows.count), Local(local.key, loss)

    def absorb(self, state: State, totals: Totals | Sequence[Terms]) -> State:
        """Return the common model with the gradient of all rows; then moved by the mean change."""
        assert isinstance(totals, Totals)
        if state.opening:
            found = mean(totals.values, totals.weight)
            return State(state.round, Course(state.course.network, found.gradient, found.steps), "")
        return _moved(state, totals)

    def network(self, local: Local, ask: Ask) -> Any:
        """Return the common model."""
        del local
        return ask.shared.network

    def _gradient(self, network: Any, rows: Rows | Stream) -> Any:
        """Return the gradient of what the party's steps lower without a correction, over all its rows."""

        def total(block: Rows) -> Any:
            weight = self.recipe.counts(block.y) * block.weight  # (rows,)
            return jax.grad(lambda at: (self.recipe.own_loss(at, block, ()) * weight).sum())(network)

        return scaled(summed(rows, total), 1.0 / jnp.maximum(rows.count, 1.0))


def _corrected(plain: RowLoss, anchor: Any, pace: jax.Array) -> RowLoss:
    """Return a loss with the gradient pace * (at the network - at the anchor)."""

    def loss(network: Any, rows: Rows, extras: Any) -> jax.Array:
        own = plain(network, rows, extras)  # (batch,)
        slope = pace * (own - _there(plain, anchor, network, rows, extras))
        return jax.lax.stop_gradient(own - slope) + slope

    return loss


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _there(plain: RowLoss, anchor: Any, network: Any, rows: Rows, extras: Any) -> jax.Array:
    """Return (batch,) 0, whose gradient by the network is the loss's at the anchor, wherever the network is.

    It asks for gradients alone: networks of other libraries have no derivatives along a direction.
    """
    del plain, anchor, network, extras
    return jnp.zeros(rows.y.shape)


def _there_forward(plain: RowLoss, anchor: Any, network: Any, rows: Rows, extras: Any) -> tuple[Any, Any]:
    return _there(plain, anchor, network, rows, extras), (anchor, rows, extras)


def _there_backward(plain: RowLoss, kept: Any, slopes: jax.Array) -> Any:
    anchor, rows, extras = kept
    _, back = jax.vjp(lambda at: plain(at, rows, extras), anchor)
    return None, *back(slopes), None, None


_there.defvjp(_there_forward, _there_backward)


@jax.jit
def _moved(state: State, totals: Totals) -> State:
    change = mean(totals.values, totals.weight)
    network = jax.tree.map(jnp.add, state.course.network, change)
    return State(state.round + 1, Course(network), "gradient")
