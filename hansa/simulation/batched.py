"""All parties at once: blocks of parties, each block one call of one compiled program.

In a block parties follow one another, or a few small networks together (`vmap`): what a step touches
then stays in the core's cache, and padding is not computed. Blocks run side by side. Several
federations (the seeds of a study) may share blocks, each with an ask and sums of its own. The
algorithm is the one that a deployed party runs, and so are the numbers, to float tolerance.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hansa.algorithms.contract import Algorithm
from hansa.core import arrays
from hansa.core.messages import Ask, Terms, Totals
from hansa.models.rows import Stream
from hansa.runtime.party import Member
from hansa.simulation import machine
from hansa.simulation.blocks import Block, blocks_of
from hansa.simulation.tables import Table, filled, keys, networks, table


class BatchedParties:
    """An exchange over all members at once."""

    def __init__(
        self,
        algorithm: Algorithm,
        members: Sequence[Member],
        seen: Sequence[Any],
        seats: Sequence[int] | None = None,
    ) -> None:
        """Take the members in roster order, and each one's (rows, features) inputs to predict on.

        seats: the federation of each member, counted from 0, in ascending order; None: all in one.
        """
        self._algorithm = algorithm
        self._seats = [0] * len(members) if seats is None else list(seats)
        self._compiled: set[str] = set()  # kinds of asks
        self._blocks = blocks_of(members, seen)
        self._tables = [table(block, members, seen, self._seats) for block in self._blocks]
        self._memories = [
            _join(algorithm, networks(block, members), own.rows, keys(block, members))
            for block, own in zip(self._blocks, self._tables, strict=True)
        ]

    def __call__(self, ask: Ask) -> Totals | Sequence[Terms]:
        """Return the weighted sums of all members' terms, or the terms where totals are addressed."""
        return self.exchange([ask])[0]

    def exchange(self, asks: Sequence[Ask]) -> list[Any]:
        """Return for each federation what `__call__` returns; one ask a federation, all of one kind."""
        opening, shared = asks[0].opening, [Ask(ask.round, ask.shared) for ask in asks]

        def answer(place: int) -> tuple[Terms, Any]:
            block = self._blocks[place]
            addressed = self._addressed(block, asks)
            own = self._tables[place]
            return _answer(
                self._algorithm, (block.width, opening), self._memories[place], own, shared, addressed
            )

        places = range(len(self._blocks))
        if opening in self._compiled:
            found = machine.side_by_side(answer, places)
        else:  # threads that meet a new program would each compile it
            found = [answer(place) for place in places]
            self._compiled.add(opening)
        answered, self._memories = [terms for terms, _ in found], [memory for _, memory in found]
        return self._apart(answered) if self._algorithm.addressed else _totals(answered)

    def _addressed(self, block: Block, asks: Sequence[Ask]) -> Any:
        """Return what is addressed to each place of a block, stacked."""
        if asks[0].addressed is None:
            return None
        own = []
        for party in block.parties:
            seat = self._seats[party]
            own.append(asks[seat].addressed[party - self._seats.index(seat)])
        return filled(own, block)

    def _apart(self, answered: Sequence[Terms]) -> list[list[Terms]]:
        """Return each federation's terms, party by party."""
        terms = self._by_party(answered)
        seats = range(max(self._seats) + 1)
        return [[one for one, own in zip(terms, self._seats, strict=True) if own == seat] for seat in seats]

    def _by_party(self, stacked: Sequence[Any]) -> list[Any]:
        """Return each party's tree out of the trees of all blocks."""
        found: dict[int, Any] = {}
        for block, tree in zip(self._blocks, stacked, strict=True):
            found |= {party: arrays.take(tree, place) for place, party in enumerate(block.parties)}
        return [found[party] for party in sorted(found)]

    @property
    def memories(self) -> list[Any]:
        """Return what members remember, stacked by block; the next exchange takes it away."""
        return self._memories

    @memories.setter
    def memories(self, value: list[Any]) -> None:
        self._memories = value

    def each(self) -> list[Any]:
        """Return each member's Local, in roster order."""
        return self._by_party(self._memories)

    def losses(self) -> NDArray[np.float64]:
        """Return (members,) each one's mean training loss of its last epoch."""
        found = np.zeros(len(self._seats))
        for block, local in zip(self._blocks, self._memories, strict=True):
            found[list(block.parties)] = np.asarray(local.loss)[: len(block.parties)]
        return found

    def predict(self, asks: Sequence[Ask], *, common: bool = False) -> list[jax.Array]:
        """Return each member's (rows,) predictions on what it sees; one ask a federation.

        common: all members of a federation predict with one model, so that those who see the same
        share one prediction.
        """
        shared: list[Ask] = [Ask(ask.round, ask.shared) for ask in asks]
        found: dict[int, jax.Array] = {}
        for block, own, memory in zip(self._blocks, self._tables, self._memories, strict=True):
            seats, sees = np.asarray(own.seats), np.asarray(own.sees)
            same = list(zip(seats, sees, strict=True)) if common else list(range(block.places))
            first = {key: place for place, key in reversed(list(enumerate(same)))}
            shown = {key: number for number, key in enumerate(first)}
            made = _predict(self._algorithm, memory, own, shared, np.asarray(list(first.values())))
            found |= {party: made[shown[same[place]]] for place, party in enumerate(block.parties)}
        return [found[party] for party in sorted(found)]


def _stacked(asks: Sequence[Ask]) -> Ask:
    """Return asks stacked over federations."""
    return _one(asks[0]) if len(asks) == 1 else arrays.stack(asks)


def _one(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf[None], tree)


@partial(jax.jit, static_argnums=(0, 1), donate_argnums=2)
def _answer(  # noqa: PLR0913 - what is computed, how, of whom, and what is asked
    algorithm: Algorithm,
    how: tuple[int, str],
    memories: Any,
    own: Table,
    asks: Sequence[Ask],
    addressed: Any,
) -> tuple[Terms, Any]:
    """Return a block's sums by federation (its terms by place where addressed), and its memories.

    how: parties in one step, and what the ask opens. asks: what each federation shares. addressed:
    what is sent to each place, stacked.
    """
    width, opening = how
    ask = _stacked(asks)
    streamed = isinstance(own.rows, Stream)

    @jax.jit  # traced once, for the shape of what it returns and for the loop
    def answer(local: Any, rows: Any, seat: jax.Array, addressed: Any) -> tuple[Terms, Any]:
        asked = Ask(ask.round[seat], arrays.take(ask.shared, seat), addressed, opening)
        return algorithm.answer(local, own.rows if streamed else rows, asked)

    def there(memories: Any) -> Any:
        return memories, () if streamed else own.rows, own.seats, addressed

    def step(number: jax.Array, carry: tuple[Terms, Any]) -> tuple[Terms, Any]:
        kept, memories = carry
        first = number * width
        if width == 1:  # no axis at all: a matrix product with a batch of one is slower
            terms, after = _one(answer(*arrays.take(there(memories), first)))
        else:
            cut = jax.tree.map(partial(_slice, first, width), there(memories))
            terms, after = jax.vmap(answer)(*cut)
        put = partial(_put, first)
        memories = jax.tree.map(put, memories, after)
        if algorithm.addressed:
            return jax.tree.map(put, kept, terms), memories
        for place in range(width):
            real = first + place < own.count
            kept = _added(kept, arrays.take(terms, place), own.seats[first + place], real)
        return kept, memories

    axis = (own.seats if algorithm.addressed else ask.round).shape[0]
    one = jax.eval_shape(lambda: answer(*arrays.take(there(memories), 0))[0])
    nothing = jax.tree.map(lambda leaf: jnp.zeros((axis, *leaf.shape), leaf.dtype), one)
    steps = -(-own.count // width)
    return jax.lax.fori_loop(0, steps, step, (nothing, memories))


def _added(sums: Terms, terms: Terms, seat: jax.Array, real: jax.Array) -> Terms:
    """Return the federations' sums with one party's terms; real: whether there is a party."""
    weight = jnp.where(real, terms.weight, 0.0)
    values = jax.tree.map(lambda total, own: total.at[seat].add(weight * own), sums.values, terms.values)
    return Terms(values, sums.weight.at[seat].add(weight))


def _slice(first: jax.Array, width: int, leaf: jax.Array) -> jax.Array:
    return jax.lax.dynamic_slice_in_dim(leaf, first, width)


def _put(first: jax.Array, leaf: jax.Array, new: jax.Array) -> jax.Array:
    return jax.lax.dynamic_update_slice_in_dim(leaf, new, first, 0)


@jax.jit
def _totals(blocks: Sequence[Terms]) -> list[Totals]:
    """Return each federation's sums over blocks, added in their order."""
    total = blocks[0]
    for other in blocks[1:]:
        total = jax.tree.map(jnp.add, total, other)
    values, weight = total.values, total.weight  # by federation
    return [Totals(arrays.take(values, seat), weight[seat]) for seat in range(weight.shape[0])]


@partial(jax.jit, static_argnums=0)
def _predict(algorithm: Algorithm, memories: Any, own: Table, asks: Sequence[Ask], places: Any) -> jax.Array:
    """Return (places, rows) predictions of some places."""
    ask = _stacked(asks)

    def one(place: jax.Array) -> jax.Array:
        seat = own.seats[place]
        shared = Ask(ask.round[seat], arrays.take(ask.shared, seat))
        return algorithm.network(arrays.take(memories, place), shared)(own.bank[own.sees[place]])

    return jax.lax.map(one, places)


@partial(jax.jit, static_argnums=0)
def _join(algorithm: Algorithm, networks: Any, rows: Any, keys: jax.Array) -> Any:
    if isinstance(rows, Stream):
        return _one(algorithm.join(arrays.take(networks, 0), rows, keys[0]))
    return jax.vmap(algorithm.join)(networks, rows, keys)
