"""The convolution against a loop by hand, and against a library's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from hansa.core.charter import Network
from hansa.models.convolution import Convolution, convolution, places_left
from hansa.models.network import Shape

WINDOW, SENSORS, TAPS, STRIDE = 11, 3, 3, 2
DESIGN = Network((6,), "tanh", "linear", "convolution", (5, 4), TAPS, STRIDE)


def _network(beside: int = 0) -> Convolution:
    rng = np.random.default_rng(2)
    made = convolution(rng, DESIGN, Shape(SENSORS, WINDOW, beside))
    biases = tuple(jnp.asarray(rng.normal(size=bias.shape), jnp.float32) for bias in made.biases)
    return Convolution(made.kernels, biases, made.top, made.window, made.taps, made.stride)


def _x(rows: int = 7, beside: int = 0) -> np.ndarray:
    drawn = np.random.default_rng(3).normal(size=(rows, WINDOW * SENSORS + beside))
    return drawn.astype(np.float32)


@pytest.mark.parametrize("beside", [0, 1, SENSORS + 1, WINDOW * SENSORS])
def test_it_equals_jaxs_own_convolution(beside: int) -> None:
    network, x = _network(beside), _x(beside=beside)
    seen = jnp.asarray(x[:, : WINDOW * SENSORS].reshape(-1, WINDOW, SENSORS))
    for kernel, bias in zip(network.kernels, network.biases, strict=True):
        taps = kernel.reshape(TAPS, -1, kernel.shape[1])
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
    assert_array_equal(network.each(jnp.asarray(x)), network(jnp.asarray(x))[None])


def test_places_are_counted_as_they_come_out() -> None:
    network = _network()
    places = places_left(WINDOW, 2, TAPS, STRIDE)
    assert network.top.weights[0].shape[0] == places * 4
    assert places_left(4, 2, 3, 2) == 0
    assert places_left(2, 1, 3, 1) == 0


def test_reach_marks_the_weights_of_each_sensor_and_flag() -> None:
    network = _network(beside=SENSORS + 1)  # flags and age
    has = jnp.asarray([1.0, 0.0, 1.0] * (WINDOW + 1) + [1.0])
    reach = network.reach(has)
    assert_array_equal(reach.kernels[0][:, 0], [1.0, 0.0, 1.0] * TAPS)
    assert_array_equal(reach.kernels[1], 1.0)
    assert_array_equal(reach.top.weights[0][-SENSORS - 1 :, 0], [1.0, 0.0, 1.0, 1.0])
    assert_array_equal(reach.top.weights[0][: -SENSORS - 1], 1.0)
    x = _x(beside=SENSORS + 1) * np.asarray(has)
    slope = jax.grad(lambda one: one(jnp.asarray(x)).sum())(network)
    for own, at in zip(jax.tree.leaves(reach), jax.tree.leaves(slope), strict=True):
        assert not np.asarray(at)[np.asarray(own) == 0].any()
