"""The coordinator's step against Algorithm 2 of the source, number by number."""

import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from hansa.algorithms.server import Server

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


def test_a_weight_that_nobody_moves_stays() -> None:
    for name in ("mean", "momentum", "adam", "yogi"):
        server = Server(name)
        network, _ = server.step(jnp.ones(2), jnp.zeros(2), server.start(jnp.ones(2)))
        assert_allclose(network, 1.0)
