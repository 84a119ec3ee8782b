"""The multilayer perceptron that every party can run; parties may differ in width and inputs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

ACTIVATIONS = {"sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh, "relu": jax.nn.relu}
OUTPUTS = {"linear": lambda z: z, "relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid}


class Perceptron(eqx.Module):
    """Fully connected layers with one output, a share of the label cap."""

    weights: tuple[jax.Array, ...]  # (inputs, outputs) of each layer
    biases: tuple[jax.Array, ...]  # (outputs,) of each layer
    activation: str = eqx.field(static=True)
    output: str = eqx.field(static=True)

    def score(self, x: jax.Array) -> jax.Array:
        """Return (rows,) the output before its last function; x: (rows, features)."""
        activate = ACTIVATIONS[self.activation]
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = activate(x @ weight + bias)  # (rows, outputs)
        return (x @ self.weights[-1] + self.biases[-1])[:, 0]  # (rows,)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Return (rows,) predictions as a share of the cap; x: (rows, features)."""
        return OUTPUTS[self.output](self.score(x))


def perceptron(
    rng: np.random.Generator, features: int, hidden: Sequence[int], activation: str, output: str
) -> Perceptron:
    """Return a network with Glorot-uniform weights and zero biases.

    Source: Glorot and Bengio, AISTATS 2010, eq. 16.
    """
    sizes = [features, *hidden, 1]
    weights: list[Any] = []  # NumPy's: a block of parties goes to the device as one
    for fan_in, fan_out in pairwise(sizes):
        bound = (6.0 / (fan_in + fan_out)) ** 0.5
        drawn = rng.uniform(-bound, bound, size=(fan_in, fan_out))  # (fan_in, fan_out)
        weights.append(drawn.astype(np.float32))
    biases: Any = tuple(np.zeros(size, np.float32) for size in sizes[1:])
    return Perceptron(tuple(weights), biases, activation, output)
