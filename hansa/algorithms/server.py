"""What the coordinator does with the mean change of the common weights: take it, or step along it.

momentum is FedAvgM (Hsu, Qi and Brown, 2019, section 4.3); adam and yogi are FedAdam and FedYogi (Reddi
et al., "Adaptive Federated Optimization", ICLR 2021, Algorithm 2), without bias correction as there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

_KEPT = 0.9  # beta 1: share of the former changes that is kept
_KEPT_SQUARES = 0.99  # beta 2: the same of their squares
_FLOOR = 1e-3  # tau: what is added to the root of the squares


class Memory(eqx.Module):
    """What the coordinator remembers of former changes; trees like the network, or nothing."""

    first: Any = ()
    second: Any = ()


@dataclass(frozen=True, slots=True)
class Server:
    """A step of the common weights along the mean change."""

    name: str = "mean"  # mean, momentum, adam or yogi
    rate: float = 1.0

    def start(self, network: Any) -> Memory:
        """Return the memory before the first step."""
        if self.name == "mean":
            return Memory()
        first = jax.tree.map(jnp.zeros_like, network)
        if self.name == "momentum":
            return Memory(first)
        return Memory(first, jax.tree.map(lambda leaf: jnp.full_like(leaf, _FLOOR**2), network))

    def step(self, network: Any, change: Any, memory: Memory) -> tuple[Any, Memory]:
        """Return the network after one step, and the memory; change: the parties' weighted mean."""
        if self.name == "mean":
            return self._moved(network, change), memory
        if self.name == "momentum":
            first = jax.tree.map(lambda old, new: _KEPT * old + new, memory.first, change)
            return self._moved(network, first), Memory(first)
        first = jax.tree.map(lambda old, new: _KEPT * old + (1 - _KEPT) * new, memory.first, change)
        second = jax.tree.map(self._squares, memory.second, change)
        along = jax.tree.map(lambda one, two: one / (jnp.sqrt(two) + _FLOOR), first, second)
        return self._moved(network, along), Memory(first, second)

    def _squares(self, old: jax.Array, change: jax.Array) -> jax.Array:
        square = change**2
        if self.name == "adam":
            return _KEPT_SQUARES * old + (1 - _KEPT_SQUARES) * square
        return old - (1 - _KEPT_SQUARES) * square * jnp.sign(old - square)

    def _moved(self, network: Any, along: Any) -> Any:
        return jax.tree.map(lambda old, by: old + self.rate * by, network, along)


MEAN = Server()
"""Take the mean change as it is."""
