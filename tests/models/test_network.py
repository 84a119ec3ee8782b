"""The perceptron: its shape, its start, and its sum of layers against a plain loop."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from hansa.models.network import Perceptron, perceptron

BEND = {"sigmoid": lambda z: 1 / (1 + np.exp(-z)), "tanh": np.tanh, "relu": lambda z: np.maximum(z, 0)}


def _drawn(seed: int = 1, **changes: object) -> Perceptron:
    settings = {"features": 3, "hidden": (5, 4), "activation": "sigmoid", "output": "linear"} | changes
    return perceptron(np.random.default_rng(seed), **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
@pytest.mark.parametrize("output", ["linear", "relu", "sigmoid"])
def test_predictions_equal_a_loop_over_layers(activation: str, output: str) -> None:
    network = _drawn(activation=activation, output=output)
    x = np.random.default_rng(2).normal(size=(6, 3))
    layer = x
    for weight, bias in zip(network.weights[:-1], network.biases[:-1], strict=True):
        layer = BEND[activation](layer @ np.asarray(weight, float) + np.asarray(bias, float))
    score = (layer @ np.asarray(network.weights[-1], float) + np.asarray(network.biases[-1], float))[:, 0]
    expected = score if output == "linear" else BEND[output](score)
    assert_allclose(network.score(jnp.asarray(x, jnp.float32)), score, atol=1e-5)
    assert_allclose(network(jnp.asarray(x, jnp.float32)), expected, atol=1e-5)
    assert_allclose(network.each(jnp.asarray(x, jnp.float32)), expected[None], atol=1e-5)


def test_a_network_without_hidden_layers_is_a_line() -> None:
    network = _drawn(hidden=())
    assert [weight.shape for weight in network.weights] == [(3, 1)]
    assert network(jnp.ones((2, 3))).shape == (2,)


def test_weights_start_within_the_glorot_bound_and_biases_at_zero() -> None:
    network = _drawn(features=60, hidden=(40,))
    bound = np.sqrt(6 / 100)
    first = np.asarray(network.weights[0])
    assert first.dtype == np.float32
    assert 0.95 * bound < np.abs(first).max() <= bound
    assert abs(first.mean()) < 0.1 * bound
    assert all(not np.asarray(bias).any() for bias in network.biases)


def test_the_same_chance_draws_the_same_network_and_other_chance_another() -> None:
    one, same, other = (_drawn(seed).weights[0] for seed in (1, 1, 2))
    assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_networks_of_one_design_share_their_tree() -> None:
    assert jax.tree.structure(_drawn(1)) == jax.tree.structure(_drawn(2))
    assert jax.tree.structure(_drawn(1)) != jax.tree.structure(_drawn(1, output="relu"))
