"""The multilayer perceptron that every party can run; parties may differ in width and inputs.

Every network keeps one small contract: `net(x)`, `score` before the last function, `each` member's prediction
(a plain network is one member), `head`, and `reach`, what each weight gets from its input.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

ACTIVATIONS = {"sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh, "relu": jax.nn.relu}
OUTPUTS = {"linear": lambda z: z, "relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid}


class Shape(NamedTuple):
    """What a row of inputs consists of, in this order."""

    sensors: int
    readings: int  # of each sensor; a row holds the first reading of all sensors, then the second
    beside: int = 0  # columns after them: flags of missing cells, and the asset's age
    lookups: tuple[tuple[int, int], ...] = ()  # first input and number of values of each category looked up

    @property
    def plain(self) -> list[Any]:
        """Return it as one plain value."""
        return [self.sensors, self.readings, self.beside, [list(one) for one in self.lookups]]

    @property
    def inputs(self) -> int:
        """Return how many inputs a row has."""
        return self.sensors * self.readings + self.beside


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
        return self.finish(self.score(x))

    def each(self, x: jax.Array) -> jax.Array:
        """Return (1, rows) its prediction, as its only member."""
        return self(x)[None]

    def finish(self, score: jax.Array) -> jax.Array:
        """Return (rows,) predictions from the output before its last function."""
        return OUTPUTS[self.output](score)

    def head(self) -> tuple[jax.Array, ...]:
        """Return the weights of the last layer."""
        return self.weights[-1], self.biases[-1]

    def reach(self, has: jax.Array) -> Perceptron:
        """Return the tree with `has` of its input at each weight of the first layer, 1 elsewhere."""
        first = jnp.broadcast_to(has[:, None], self.weights[0].shape)  # (inputs, outputs)
        ones = jax.tree.map(jnp.ones_like, self)
        return Perceptron((first, *ones.weights[1:]), ones.biases, self.activation, self.output)


def perceptron(
    rng: np.random.Generator, features: int, hidden: Sequence[int], activation: str, output: str
) -> Perceptron:
    """Return a network with Glorot-uniform weights and zero biases.

    Its arrays are NumPy's: the networks of a block of parties go to the device as one.
    """
    sizes = [features, *hidden, 1]
    weights = tuple(glorot(rng, fan_in, fan_out) for fan_in, fan_out in pairwise(sizes))
    biases: Any = tuple(np.zeros(size, np.float32) for size in sizes[1:])
    return Perceptron(weights, biases, activation, output)


def glorot(rng: np.random.Generator, fan_in: int, fan_out: int) -> jax.Array:
    """Return (fan_in, fan_out) uniform weights.

    Source: Glorot and Bengio, AISTATS 2010, eq. 16.
    """
    bound = (6.0 / (fan_in + fan_out)) ** 0.5
    drawn: Any = rng.uniform(-bound, bound, size=(fan_in, fan_out)).astype(np.float32)
    return drawn
