"""Who is computed with whom: parties of like shape in few blocks, so that few programs are compiled.

A bucket is one shape of network and one capacity of rows; its parties are dealt to blocks of equal
size. Capacities and block sizes come from coarse scales: a party that joins, leaves or grows a little
finds its program compiled. The split depends on the parties alone, never on the machine, because sums
are added in its order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from hansa.models.rows import Stream, held
from hansa.runtime.party import Member

_BLOCKS = 4  # of a bucket, while they stay small: blocks run side by side on the cores
_PLACES = 64  # of a block, at most
_FULL = 0.4  # how much of its capacity a party of a bucket fills, at least
_CALL = 1 << 11  # rows of a block below which calling it costs as much as running it
_STEP = 1 << 21  # operations of a training step below which calling it costs more than running it
_WIDTH = 4  # parties in one step, at most
_BATCH = 128  # rows of a typical batch


@dataclass(frozen=True, slots=True)
class Block:
    """Parties that are computed by one call of one compiled program."""

    parties: tuple[int, ...]  # members by number; places after them are empty
    places: int  # a multiple of width
    width: int  # parties in one step: small networks wait for each other rather than for the machine
    rows: int  # capacity of each place; 0: the one party streams its rows


def blocks_of(members: Sequence[Member]) -> list[Block]:
    """Return the blocks of all members; members of one block have like networks and features."""
    alike: dict[Any, list[int]] = {}
    streamed = []
    for party, member in enumerate(members):
        if isinstance(member.rows, Stream):
            streamed.append(Block((party,), 1, 1, 0))
            continue
        leaves, structure = jax.tree.flatten(member.network)
        shapes = tuple((leaf.shape, str(leaf.dtype)) for leaf in leaves)
        alike.setdefault((structure, shapes, member.rows.x.shape[1]), []).append(party)
    found = []
    for parties in alike.values():
        lengths = [held(members[party].rows).y.shape[0] for party in parties]
        width = _width(members[parties[0]].network)
        for bucket, rows in _buckets(parties, lengths):
            found += _dealt(bucket, rows, width)
    return found + streamed


def _width(network: Any) -> int:
    weights = sum(leaf.size for leaf in jax.tree.leaves(network))
    # Forward, and backward to weights and inputs. A kernel counts once, not at each of its places: small
    # convolutions too are faster two and more together.
    operations = 6 * _BATCH * weights
    return min(_WIDTH, _power(max(1, _STEP // operations)))


def _buckets(parties: Sequence[int], lengths: Sequence[int]) -> list[tuple[list[int], int]]:
    """Return the parties of each bucket, longest first, and its capacity."""
    found: list[tuple[list[int], int]] = []
    for place in np.argsort(-np.asarray(lengths), kind="stable"):
        if not found or lengths[place] < _FULL * found[-1][1]:
            found.append(([], capacity(lengths[place])))
        found[-1][0].append(parties[place])
    return found


def capacity(rows: int) -> int:
    """Return the next of 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, ...: four steps between powers of two."""
    step = max(1, _power(max(1, rows - 1)) // 4)
    return max(4, -(-rows // step) * step)


def _dealt(parties: Sequence[int], rows: int, width: int) -> list[Block]:
    """Return blocks of equal size: neighbours in length share a step, and every block gets long ones."""
    width = min(width, _power(-(-len(parties) // 2)))  # two blocks at least, for two cores
    steps = -(-len(parties) // width)
    fewest = _power(max(1, _CALL // (rows * width)))
    places = min(max(_power(2 * -(-steps // _BLOCKS) - 1), fewest), _PLACES // width)  # steps of a block
    blocks = -(-steps // places)
    together = [parties[place : place + width] for place in range(0, len(parties), width)]
    return [
        Block(tuple(party for step in together[block::blocks] for party in step), places * width, width, rows)
        for block in range(blocks)
    ]


def _power(number: int) -> int:
    """Return the largest power of two that is not above the number."""
    return 1 << (number.bit_length() - 1)
