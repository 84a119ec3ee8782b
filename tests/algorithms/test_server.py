"""The coordinator's step against Algorithm 2 of the source, number by number."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from hansa.algorithms.fedavg import FedAvg
from hansa.algorithms.server import MEAN, Server
from hansa.core.messages import Totals
from hansa.models.training import Recipe

CHANGES = np.random.default_rng(0).normal(size=(6, 4)) * [1.0, 0.1, 0.0, -3.0]  # (steps, weights)


def _by_hand(name: str, rate: float) -> np.ndarray:
    weights, first, second = np.zeros(4), np.zeros(4), np.full(4, 1e-6)
    for change in CHANGES:
        if name == "mean":
            weights += rate * change
            continue
        if name == "momentum":
            first = 0.9 * first + change
            weights += rate * first
            continue
        first = 0.9 * first + 0.1 * change
        if name == "adam":
            second = 0.99 * second + 0.01 * change**2
        else:
            second = second - 0.01 * change**2 * np.sign(second - change**2)
        weights += rate * first / (np.sqrt(second) + 1e-3)
    return weights


@pytest.mark.parametrize("name", ["mean", "momentum", "adam", "yogi"])
def test_six_steps_equal_the_loop_by_hand(name: str) -> None:
    server = Server(name, 0.3)
    network, memory = {"w": jnp.zeros(4)}, server.start({"w": jnp.zeros(4)})
    for change in CHANGES:
        network, memory = server.step(network, {"w": jnp.asarray(change, jnp.float32)}, memory)
    assert_allclose(network["w"], _by_hand(name, 0.3), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["momentum", "adam", "yogi"])
def test_what_is_remembered_goes_on_for_a_while(name: str) -> None:
    server = Server(name, 0.1)
    once, memory = server.step(jnp.ones(2), jnp.ones(2), server.start(jnp.ones(2)))
    again, _ = server.step(once, jnp.zeros(2), memory)
    assert (np.asarray(again) > np.asarray(once)).all()


def test_the_plain_mean_is_taken_as_it_is() -> None:
    network, memory = MEAN.step(jnp.ones(2), jnp.full(2, 0.5), MEAN.start(jnp.ones(2)))
    assert_allclose(network, 1.5)
    assert not jax.tree.leaves(memory)


@pytest.mark.parametrize("name", ["momentum", "adam", "yogi"])
def test_a_round_in_which_nobody_counts_moves_nothing(name: str) -> None:
    algorithm = FedAvg(Recipe("sgd", 0.1, 5, 1), server=Server(name, 0.1))
    state = algorithm.start(jnp.ones(2))
    state = algorithm.absorb(state, Totals(jnp.full(2, 3.0), jnp.float32(3.0)))
    still = algorithm.absorb(state, Totals(jnp.zeros(2), jnp.float32(0.0)))
    assert_allclose(still.network, state.network)
    assert int(still.round) == int(state.round) + 1
