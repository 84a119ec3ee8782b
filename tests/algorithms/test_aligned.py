"""Aligned averaging: the battery, and means over those that have an input."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from hansa.algorithms.aligned import Aligned, Owned
from hansa.algorithms.fedavg import FedAvg
from hansa.core.messages import Terms, Totals
from hansa.models.rows import Rows
from tests.batteries.algorithm import AlgorithmBattery
from tests.batteries.roster import ALIKE, HAS, RECIPE, SOME, leaves, opened, played


class TestAligned(AlgorithmBattery):
    algorithm = Aligned(RECIPE)
    seats = SOME

    def test_every_party_learns(self, run: Any) -> None:
        fresh = opened(self.algorithm, self.seats).state.network
        assert not np.allclose(leaves(run.state.network)[0], leaves(fresh)[0])
        assert all(np.isfinite(float(member.local.loss)) for member in run.members)


def test_a_party_sends_nothing_about_inputs_that_it_does_not_have() -> None:
    algorithm = Aligned(RECIPE)
    start = opened(algorithm, SOME)
    terms = start.members[0].answer(algorithm.ask(start.state))
    assert isinstance(terms, Terms)
    assert not np.asarray(terms.values.change.weights[0][2]).any()
    assert np.asarray(terms.values.change.weights[0][:2]).all()


def test_a_party_sends_nothing_about_them_where_they_are_filled_or_decay() -> None:
    algorithm = Aligned(replace(RECIPE, weight_decay=0.5))
    start = opened(algorithm, SOME)
    for member in start.members:
        rows = member.rows
        assert isinstance(rows, Rows)
        member.rows = replace(rows, x=rows.x + 1.0)  # what it lacks reads something, too
        terms = member.answer(algorithm.ask(start.state))
        assert isinstance(terms, Terms)
        own = np.asarray(HAS[member.name]) > 0
        first = np.asarray(terms.values.change.weights[0])
        assert first[own].any(axis=1).all()
        assert not first[~own].any()


def test_an_inputs_weights_move_by_the_mean_over_those_that_have_it() -> None:
    algorithm = Aligned(RECIPE)
    state = opened(algorithm, SOME).state
    ones = jnp.ones_like(state.network.weights[0])
    rows, has = jnp.asarray([12.0, 7.0, 12.0]), jnp.asarray([HAS[name] for name in "abc"])
    change = type(state.network)(
        ((rows[:, None] * has).sum(0)[:, None] * ones, 31.0 * jnp.ones_like(state.network.weights[1])),
        tuple(31.0 * jnp.ones_like(bias) for bias in state.network.biases),
        state.network.activation,
        state.network.output,
    )  # everybody who has a weight moves it by 1
    moved = algorithm.absorb(state, Totals(Owned(change, (rows[:, None] * has).sum(0)), rows.sum()))
    for old, new in zip(leaves(state.network), leaves(moved.network), strict=True):
        assert_allclose(new, old + 1.0, rtol=1e-5)


def test_an_input_that_nobody_has_stays() -> None:
    algorithm = Aligned(RECIPE)
    state = opened(algorithm, SOME).state
    nothing = Owned(FedAvg(RECIPE).start(state.network).network, jnp.zeros(3))
    moved = algorithm.absorb(state, Totals(nothing, jnp.float32(0.0)))
    assert all(np.isfinite(leaf).all() for leaf in leaves(moved))


def test_with_all_inputs_everywhere_it_is_fedavg() -> None:
    whole = [replace(seat, has=(1.0, 1.0, 1.0)) for seat in ALIKE]
    one, other = played(Aligned(RECIPE), whole), played(FedAvg(RECIPE), whole)
    for a, b in zip(leaves(one.state.network), leaves(other.state.network), strict=True):
        assert_allclose(a, b, atol=1e-6)
    assert_array_equal(one.state.round, other.state.round)


def test_what_rounding_leaves_at_an_input_that_nobody_has_does_not_move_it() -> None:
    algorithm = Aligned(RECIPE)
    state = opened(algorithm, SOME).state
    residue = jax.tree.map(lambda leaf: jnp.full_like(leaf, 1e-5), state.network)
    moved = algorithm.absorb(state, Totals(Owned(residue, jnp.full(3, 1e-6)), jnp.float32(31.0)))
    assert_allclose(moved.network.weights[0], state.network.weights[0], atol=1e-5)
