"""What lies at the places of a block, put on the device once: rows, networks, keys, what is predicted on.

`device_put` throughout: `jnp.asarray` compiles a program for each shape, and a start waits for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np
from numpy.typing import NDArray

from hansa.models.rows import Rows, Stream
from hansa.runtime.party import Member
from hansa.simulation.blocks import Block, capacity


class Table(eqx.Module):
    """The parties of a block, stacked; empty places hold zeros."""

    rows: Rows | Stream  # stacked over places, or the one stream
    count: jax.Array  # (), int32, places that are taken
    places: tuple[int, ...] = eqx.field(static=True)  # the shape of their axis


def table(block: Block, members: Sequence[Member]) -> Table:
    """Return a block's table."""
    own = [members[party].rows for party in block.parties]
    stream = isinstance(own[0], Stream)
    return Table(
        own[0] if stream else filled([_padded(one, block.rows) for one in own], block),
        jax.device_put(np.int32(len(block.parties))),
        (block.places,),
    )


class Sight(eqx.Module):
    """What some places of a block predict on, all the same."""

    x: jax.Array  # (capacity, features)
    rows: int = eqx.field(static=True)  # real ones, which come first
    parties: tuple[int, ...] = eqx.field(static=True)  # members, by number
    places: tuple[int, ...] = eqx.field(static=True)  # of these members


def sights(block: Block, seen: Sequence[NDArray[np.float32]], bank: dict[int, jax.Array]) -> list[Sight]:
    """Return what a block's members see; members that see one array share it, in `bank` by its id.

    Rows are padded to a capacity, so that tests of other lengths find their program compiled.
    """
    places: dict[int, list[int]] = {}
    for place, party in enumerate(block.parties):
        places.setdefault(id(seen[party]), []).append(place)
    found = []
    for sight, own in places.items():
        x = seen[block.parties[own[0]]]
        if sight not in bank:
            bank[sight] = jax.device_put(_pad(np.asarray(x, np.float32), capacity(len(x))))
        found.append(Sight(bank[sight], len(x), tuple(block.parties[place] for place in own), tuple(own)))
    return found


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
        return jax.device_put(_pad(taken, block.places))  # (places, ...)

    return jax.tree.map(stack, *trees)


def _padded(rows: Any, capacity: int) -> Any:
    return jax.tree.map(lambda leaf: _pad(np.asarray(leaf), capacity), rows)


def _pad(leaf: np.ndarray, length: int) -> np.ndarray:
    return np.pad(leaf, [(0, length - leaf.shape[0])] + [(0, 0)] * (leaf.ndim - 1))
