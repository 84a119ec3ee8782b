"""What a party learns from: rows in memory, or a stream of blocks that memory could not hold at once.

An algorithm is written once for both: it asks for `count`, for sums over rows (`summed`) and for local
epochs (`hansa.models.training.train`), and never sees where rows lie.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray


class Rows(eqx.Module):
    """Rows in memory; also one block of a stream."""

    x: jax.Array  # (rows, features)
    y: jax.Array  # (rows,), label as a share of the cap
    weight: jax.Array  # (rows,), 1, or 0 for padding, which follows all real rows
    key: jax.Array  # (rows,), int32 key under which predictions are shared; 0 where weight is 0

    @property
    def count(self) -> jax.Array:
        """Return () the number of real rows."""
        return self.weight.sum()

    @property
    def blocks(self) -> int:
        """Return 1."""
        return 1

    def block(self, number: int | jax.Array) -> Rows:
        """Return the rows themselves."""
        del number
        return self


Read = Callable[[NDArray[np.int32]], tuple[NDArray[Any], ...]]
"""Host side of a stream: the number of a block -> its x, y, weight and key, padded to the block's size."""


_KINDS: tuple[type, ...] = (np.float32, np.float32, np.int32)  # of y, weight and key


class Stream(eqx.Module):
    """Rows on disk, read a block at a time while the compiled epoch waits; FedLabSync cannot use them."""

    lengths: jax.Array  # (blocks,), float32, real rows of each block
    size: int = eqx.field(static=True)  # rows of a block, padding included
    features: int = eqx.field(static=True)
    read: Read = eqx.field(static=True)

    @property
    def count(self) -> jax.Array:
        """Return () the number of real rows."""
        return self.lengths.sum()

    @property
    def blocks(self) -> int:
        """Return the number of blocks."""
        return self.lengths.shape[0]

    def block(self, number: int | jax.Array) -> Rows:
        """Return one block."""
        like = [((self.size, self.features), np.float32)] + [((self.size,), kind) for kind in _KINDS]
        shape = tuple(jax.ShapeDtypeStruct(*one) for one in like)  # type: ignore[no-untyped-call]
        return Rows(*jax.pure_callback(lambda place: self.read(np.asarray(place)), shape, jnp.int32(number)))


def held(rows: Rows | Stream) -> Rows:
    """Return rows that are known to lie in memory."""
    assert isinstance(rows, Rows)
    return rows


def summed(rows: Rows | Stream, each: Callable[[Rows], Any]) -> Any:
    """Return the sum of each(block), a tree of arrays, over all blocks in their order."""
    if rows.blocks == 1:
        return each(rows.block(0))
    shape = jax.eval_shape(lambda: each(rows.block(0)))
    nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shape)

    def add(number: jax.Array, total: Any) -> Any:
        return jax.tree.map(jnp.add, total, each(rows.block(number)))

    return jax.lax.fori_loop(0, rows.blocks, add, nothing)
