"""The convolution against a loop by hand, and against a library's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from hansa.models.convolution import Convolution, convolution, places_left

WINDOW, SENSORS, TAPS, STRIDE = 11, 3, 4, 2


def _network(flags: int = 0, activation: str = "tanh") -> Convolution:
    rng = np.random.default_rng(2)
    made = convolution(
        rng, WINDOW * SENSORS + flags, WINDOW, (5, 4), TAPS - 1, STRIDE, (6,), activation, "linear"
    )
    biases = tuple(jnp.asarray(rng.normal(size=bias.shape), jnp.float32) for bias in made.biases)
    return Convolution(made.kernels, biases, made.top, made.window, made.taps, made.stride)


def _x(rows: int = 7, flags: int = 0) -> np.ndarray:
    drawn = np.random.default_rng(3).normal(size=(rows, WINDOW * SENSORS + flags))
    return drawn.astype(np.float32)


@pytest.mark.parametrize("flags", [0, SENSORS])
def test_it_equals_jaxs_own_convolution(flags: int) -> None:
    network, x = _network(flags), _x(flags=flags)
    seen = jnp.asarray(x[:, : WINDOW * SENSORS].reshape(-1, WINDOW, SENSORS))
    for kernel, bias in zip(network.kernels, network.biases, strict=True):
        taps = kernel.reshape(TAPS - 1, -1, kernel.shape[1])
        seen = jnp.tanh(
            jax.lax.conv_general_dilated(
                seen, taps, (STRIDE,), "VALID", dimension_numbers=("NWC", "WIO", "NWC")
            )
            + bias
        )
    flat = np.c_[np.asarray(seen).reshape(len(x), -1), x[:, WINDOW * SENSORS :]]
    hidden = np.tanh(flat @ network.top.weights[0] + network.top.biases[0])
    expected = (hidden @ network.top.weights[1] + network.top.biases[1])[:, 0]
    assert_allclose(network(jnp.asarray(x)), expected, rtol=2e-4, atol=1e-5)


def test_places_are_counted_as_they_come_out() -> None:
    network = _network()
    places = places_left(WINDOW, 2, TAPS - 1, STRIDE)
    assert network.top.weights[0].shape[0] == places * 4
    assert places_left(4, 2, 3, 2) == 0
    assert places_left(2, 1, 3, 1) == 0


def test_reach_marks_the_weights_of_each_sensor_and_flag() -> None:
    network = _network(flags=SENSORS)
    has = jnp.asarray([1.0, 0.0, 1.0] * (WINDOW + 1))
    reach = network.reach(has)
    assert_array_equal(reach.kernels[0][:, 0], [1.0, 0.0, 1.0] * (TAPS - 1))
    assert_array_equal(reach.kernels[1], 1.0)
    assert_array_equal(reach.top.weights[0][-SENSORS:, 0], [1.0, 0.0, 1.0])
    assert_array_equal(reach.top.weights[0][:-SENSORS], 1.0)
    x = _x(flags=SENSORS) * np.asarray(has)
    slope = jax.grad(lambda one: one(jnp.asarray(x)).sum())(network)
    for own, at in zip(jax.tree.leaves(reach), jax.tree.leaves(slope), strict=True):
        assert not np.asarray(at)[np.asarray(own) == 0].any()
