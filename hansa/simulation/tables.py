"""What lies at the places of a block, put on the device once: rows, seats, keys, what is predicted on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from hansa.models.rows import Rows, Stream
from hansa.runtime.party import Member
from hansa.simulation.blocks import Block


class Table(eqx.Module):
    """The parties of a block, stacked; empty places hold zeros."""

    rows: Rows | Stream  # stacked over places, or the one stream
    seats: jax.Array  # (places,), int32, the federation of each
    count: jax.Array  # (), int32, places that are taken
    bank: jax.Array  # (different, rows, features), what is predicted on
    sees: jax.Array  # (places,), int32, which of the bank


def table(block: Block, members: Sequence[Member], seen: Sequence[Any], seats: Sequence[int]) -> Table:
    """Return a block's table; members that see the same array share it."""
    own = [members[party].rows for party in block.parties]
    bank: dict[int, tuple[int, Any]] = {}
    for party in block.parties:
        bank.setdefault(id(seen[party]), (len(bank), seen[party]))
    return Table(
        own[0] if isinstance(own[0], Stream) else filled([_padded(one, block.rows) for one in own], block),
        filled([np.int32(seats[party]) for party in block.parties], block),
        jnp.int32(len(block.parties)),
        jnp.asarray(np.stack([np.asarray(x) for _, x in bank.values()])),
        filled([np.int32(bank[id(seen[party])][0]) for party in block.parties], block),
    )


def networks(block: Block, members: Sequence[Member]) -> Any:
    """Return the members' freshly drawn networks, stacked over places."""
    return filled([members[party].network for party in block.parties], block)


def keys(block: Block, members: Sequence[Member]) -> jax.Array:
    """Return (places,) the members' streams of chance."""
    data = [jax.random.key_data(members[party].key) for party in block.parties]
    return jax.random.wrap_key_data(filled(data, block))


def filled(trees: Sequence[Any], block: Block) -> Any:
    """Return the trees of a block's parties stacked over its places."""

    def stack(*leaves: Any) -> jax.Array:
        taken = np.stack([np.asarray(leaf) for leaf in leaves])  # (parties, ...)
        return jnp.asarray(_pad(taken, block.places))  # (places, ...)

    return jax.tree.map(stack, *trees)


def _padded(rows: Any, capacity: int) -> Any:
    return jax.tree.map(lambda leaf: _pad(np.asarray(leaf), capacity), rows)


def _pad(leaf: np.ndarray, length: int) -> np.ndarray:
    return np.pad(leaf, [(0, length - leaf.shape[0])] + [(0, 0)] * (leaf.ndim - 1))
