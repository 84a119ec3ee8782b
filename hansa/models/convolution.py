"""A causal convolution over an asset's last readings, and a perceptron on what it finds.

The rows hold a window of readings (`features = "window"`), the newest first. A convolution is a matrix
product over patches of the window, which is what a CPU does fast.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from hansa.core.charter import Network
from hansa.models.network import ACTIVATIONS, Perceptron, Shape, glorot, perceptron


class Convolution(eqx.Module):
    """Layers of patches along time, then fully connected layers on all places of the last one."""

    kernels: tuple[jax.Array, ...]  # (taps * channels before, channels) of each layer
    biases: tuple[jax.Array, ...]  # (channels,) of each layer
    top: Perceptron  # on (places * channels) inputs, and the columns beside the readings after them
    window: int = eqx.field(static=True)  # readings of a sensor
    taps: int = eqx.field(static=True)  # readings of a patch
    stride: int = eqx.field(static=True)  # readings between patches

    @property
    def activation(self) -> str:
        """Return what a hidden unit computes."""
        return self.top.activation

    @property
    def output(self) -> str:
        """Return what the last unit computes."""
        return self.top.output

    def score(self, x: jax.Array) -> jax.Array:
        """Return (rows,) the output before its last function; x: (rows, window * sensors + beside)."""
        sensors = self.kernels[0].shape[0] // self.taps
        seen = x[:, : self.window * sensors].reshape(-1, self.window, sensors)  # (rows, places, channels)
        activate = ACTIVATIONS[self.activation]
        for kernel, bias in zip(self.kernels, self.biases, strict=True):
            seen = activate(_patches(seen, self.taps, self.stride) @ kernel + bias)
        flat = seen.reshape(seen.shape[0], -1)  # (rows, places * channels)
        return self.top.score(jnp.concatenate([flat, x[:, self.window * sensors :]], axis=1))

    def __call__(self, x: jax.Array) -> jax.Array:
        """Return (rows,) predictions as a share of the cap; x: (rows, window * sensors + beside)."""
        return self.top.finish(self.score(x))

    def each(self, x: jax.Array) -> jax.Array:
        """Return (1, rows) its prediction, as its only member."""
        return self(x)[None]

    def head(self) -> tuple[jax.Array, ...]:
        """Return the weights of the last layer."""
        return self.top.head()

    def reach(self, has: jax.Array) -> Convolution:
        """Return the tree with `has` of its sensor at each weight of the first layer, 1 elsewhere.

        has: (inputs,), the same at all readings of a sensor.
        """
        ones: Convolution = jax.tree.map(jnp.ones_like, self)
        sensors = self.kernels[0].shape[0] // self.taps
        first = jnp.broadcast_to(jnp.tile(has[:sensors], self.taps)[:, None], self.kernels[0].shape)
        places = self.top.weights[0].shape[0] - (has.shape[0] - self.window * sensors)
        own = jnp.concatenate([jnp.ones(places), has[self.window * sensors :]])  # (inputs of the top,)
        return eqx.tree_at(
            lambda tree: (tree.kernels, tree.top), ones, ((first, *ones.kernels[1:]), self.top.reach(own))
        )


def convolution(rng: np.random.Generator, design: Network, shape: Shape) -> Convolution:
    """Return a network with Glorot-uniform weights and zero biases; the window must leave a place."""
    widths = (shape.sensors, *design.channels)
    kernels = tuple(glorot(rng, design.taps * before, after) for before, after in pairwise(widths))
    places = places_left(shape.readings, len(design.channels), design.taps, design.stride)
    inputs = places * widths[-1] + shape.beside
    top = perceptron(rng, inputs, design.hidden, design.activation, design.output)
    biases: Any = tuple(np.zeros(after, np.float32) for after in design.channels)
    return Convolution(kernels, biases, top, shape.readings, design.taps, design.stride)


def places_left(window: int, layers: int, taps: int, stride: int) -> int:
    """Return the places of the last layer; 0 where the window is too short."""
    for _ in range(layers):
        window = (window - taps) // stride + 1 if window >= taps else 0
    return window


def _patches(seen: jax.Array, taps: int, stride: int) -> jax.Array:
    """Return (rows, places, taps * channels); seen: (rows, places before, channels)."""
    places = (seen.shape[1] - taps) // stride + 1
    span = (places - 1) * stride + 1
    return jnp.concatenate([seen[:, tap : tap + span : stride] for tap in range(taps)], axis=2)
