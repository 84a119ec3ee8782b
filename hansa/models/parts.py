"""Parts of a network: its head, a normaliser before it, and the weights that belong to each input."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import numpy as np


class Normalised(eqx.Module):
    """A network whose inputs are scaled and shifted first, so that a party can do so on its own."""

    inner: Any
    gain: jax.Array  # (inputs,)
    shift: jax.Array  # (inputs,)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Return (rows,) predictions as a share of the cap; x: (rows, inputs)."""
        return self.inner(x * self.gain + self.shift)

    def each(self, x: jax.Array) -> jax.Array:
        """Return (members, rows) the members' predictions."""
        return self.inner.each(x * self.gain + self.shift)

    def head(self) -> tuple[jax.Array, ...]:
        """Return the weights of the last layer."""
        return self.inner.head()


class Partial(eqx.Module):
    """A network over all inputs at a party that has some of them."""

    network: Any
    has: jax.Array  # (inputs,), 1 where the party has the input


def normalised(network: Any, inputs: int) -> Normalised:
    """Return the network behind a normaliser that changes nothing yet."""
    gain: Any = np.ones(inputs, np.float32)  # NumPy's, as the network's own arrays
    shift: Any = np.zeros(inputs, np.float32)
    return Normalised(network, gain, shift)


def marked(network: Any, part: str) -> Any:
    """Return the network's tree with True at the leaves of a part, head or normaliser, else False."""
    nothing = jax.tree.map(lambda _: False, network)

    def leaves(tree: Any) -> Any:
        return (tree.gain, tree.shift) if part == "normaliser" else tree.head()

    return eqx.tree_at(leaves, nothing, replace_fn=lambda _: True)
