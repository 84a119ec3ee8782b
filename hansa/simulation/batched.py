"""All parties at once: blocks of parties, each block one call of one compiled program.

In a block parties follow one another, or a few small networks together (`vmap`): what a step touches
then stays in the core's cache, and padding is not computed. Blocks run side by side, those of several
federations (the seeds of a study) too. The algorithm is the one that a deployed party runs, and so are
the numbers, to float tolerance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
from hansa.simulation.blocks import blocks_of
from hansa.simulation.tables import Sight, Table, filled, keys, networks, sights, table

Arrived = NDArray[np.bool_] | None
"""(members,) who answers in an asynchronous round; None where everybody does."""

Sees = list[list[Sight]]
"""What members predict on, by block."""

Sums = Callable[[Ask, Mapping[str, Terms]], Totals]
"""Returns the weighted sums of the terms of those who answer an ask."""


class BatchedParties:
    """An exchange over all members at once."""

    def __init__(
        self,
        algorithm: Algorithm,
        members: Sequence[Member],
        seen: Sequence[NDArray[np.float32]],
        sums: Sums | None = None,
    ) -> None:
        """Take the members in roster order, and each one's (rows, features) inputs to predict on.

        sums: what adds up the members' terms, by their names; None: the blocks do, in the clear.
        """
        self._algorithm = algorithm
        self._names = [member.name for member in members]
        self._sums = sums
        self._apart = algorithm.addressed or sums is not None  # whether terms leave a block one by one
        self.met: set[str] = set()  # kinds of asks whose programs are compiled
        self._blocks = blocks_of(members)
        self._tables = [table(block, members) for block in self._blocks]
        self._sights = self.sees(seen)
        self.memories: list[Any] = [  # what members remember, stacked by block; an exchange takes it away
            _join(algorithm, networks(block, members), own.rows, keys(block, members))
            for block, own in zip(self._blocks, self._tables, strict=True)
        ]

    def __call__(self, ask: Ask) -> Totals | Sequence[Terms]:
        """Return the weighted sums of all members' terms, or the terms where totals are addressed."""
        return exchange_together([self], [ask], [None])[0]

    def sees(self, seen: Sequence[NDArray[np.float32]]) -> Sees:
        """Return (rows, features) inputs of each member as `predict` takes them."""
        bank: dict[int, jax.Array] = {}
        return [sights(block, seen, bank) for block in self._blocks]

    @property
    def blocks(self) -> range:
        """Return the numbers of the blocks."""
        return range(len(self._blocks))

    def answer(self, number: int, ask: Ask, arrived: Arrived = None) -> Terms:
        """Return one block's sums, or its terms by place where they go out one by one."""
        block = self._blocks[number]
        present = None if arrived is None else filled(list(arrived[list(block.parties)]), block)
        terms, self.memories[number] = _answer(
            self._algorithm,
            (block.width, self._apart),
            self.memories[number],
            self._tables[number],
            present,
            Ask(ask.round, ask.shared, self._addressed(number, ask), ask.opening),
        )
        return terms

    def _addressed(self, number: int, ask: Ask) -> Any:
        """Return what is addressed to the members of a block, stacked over its places."""
        if ask.addressed is None:
            return None
        block = self._blocks[number]
        return filled([ask.addressed[party] for party in block.parties], block)

    def total(self, ask: Ask, answered: list[Terms], arrived: Arrived = None) -> Totals | Sequence[Terms]:
        """Return what `__call__` returns, out of all blocks' answers."""
        if not self._apart:
            return _total(answered)
        terms = self._by_party(answered)
        if self._sums is None:
            return terms
        here = range(len(terms)) if arrived is None else np.flatnonzero(arrived)
        return self._sums(ask, {self._names[party]: terms[party] for party in here})

    def each(self) -> list[Any]:
        """Return each member's Local, in roster order; copies, as the next exchange takes memories away."""
        return [jax.tree.map(_copied, local) for local in self._by_party(self.memories)]

    def first(self) -> Any:
        """Return the Local of the first member."""
        number = next(number for number in self.blocks if 0 in self._blocks[number].parties)
        return arrays.take(self.memories[number], self._blocks[number].parties.index(0))

    def _by_party(self, stacked: Sequence[Any]) -> list[Any]:
        """Return each party's tree out of the trees of all blocks."""
        found: dict[int, Any] = {}
        for block, tree in zip(self._blocks, stacked, strict=True):
            leaves, structure = jax.tree.flatten(tree)
            here = [_on_host(leaf) for leaf in leaves]  # slicing one on the device takes 0.1 ms a place
            for place, party in enumerate(block.parties):
                found[party] = jax.tree.unflatten(structure, [leaf[place] for leaf in here])
        return [found[party] for party in sorted(found)]

    def losses(self) -> NDArray[np.float64]:
        """Return (members,) each one's mean training loss of its last epoch."""
        found = np.zeros(len(self._names))
        for block, local in zip(self._blocks, self.memories, strict=True):
            found[list(block.parties)] = np.asarray(local.loss)[: len(block.parties)]
        return found

    def predict(self, ask: Ask, *, common: bool = False, on: Sees | None = None) -> list[NDArray[np.float32]]:
        """Return each member's (rows,) predictions on what it sees; on: what else it is to predict on.

        common: all members predict with one model, so that those who see the same share one array.
        """
        found: dict[int, NDArray[np.float32]] = {}
        known: dict[int, NDArray[np.float32]] = {}  # the common model's, by what is seen
        for number, (memory, seen) in enumerate(zip(self.memories, on or self._sights, strict=True)):
            newest = Ask(ask.round, ask.shared, self._addressed(number, ask))
            for sight in seen:
                if not common:
                    own = _predicted(self._algorithm, memory, newest, sight, sight.places)
                    found |= dict(zip(sight.parties, own, strict=True))
                    continue
                if id(sight.x) not in known:
                    (one,) = _predicted(self._algorithm, memory, newest, sight, sight.places[:1])
                    known[id(sight.x)] = one
                found |= dict.fromkeys(sight.parties, known[id(sight.x)])
        return [found[party] for party in sorted(found)]


def exchange_together(
    federations: Sequence[BatchedParties], asks: Sequence[Ask], arrived: Sequence[Arrived]
) -> list[Any]:
    """Return what each federation answers to its ask; all blocks of all of them run side by side."""
    calls = [
        (own, number, ask, here)
        for own, ask, here in zip(federations, asks, arrived, strict=True)
        for number in own.blocks
    ]
    if asks[0].opening in federations[0].met:
        found = machine.side_by_side(lambda call: call[0].answer(*call[1:]), calls)
    else:  # threads that meet a new program would each compile it
        found = [own.answer(number, ask, here) for own, number, ask, here in calls]
        federations[0].met.add(asks[0].opening)
    answered = iter(found)
    return [
        own.total(ask, [next(answered) for _ in own.blocks], here)
        for own, ask, here in zip(federations, asks, arrived, strict=True)
    ]


def _predicted(
    algorithm: Algorithm, memory: Any, ask: Ask, sight: Sight, places: Sequence[int]
) -> NDArray[np.float32]:
    """Return (places, rows) predictions of some places of a block on what they see."""
    made = _predict(algorithm, memory, ask, sight.x, _doubled(places))
    return np.asarray(made)[: len(places), : sight.rows]


def _doubled(places: Sequence[int]) -> NDArray[np.int32]:
    """Return the places, filled up to a power of two with the first: few numbers, few programs."""
    length = 1 << (len(places) - 1).bit_length()
    return np.array([*places, *[places[0]] * (length - len(places))], np.int32)


def _on_host(leaf: jax.Array) -> Any:
    return np.asarray(leaf) if isinstance(leaf.dtype, np.dtype) else leaf  # what is no number is a key


def _copied(leaf: Any) -> Any:
    """Return a leaf that keeps nothing of its block; a key's slice on the device is a copy already."""
    return leaf if isinstance(leaf, jax.Array) else np.array(leaf)


def _one(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf[None], tree)


@partial(jax.jit, static_argnums=(0, 1), donate_argnums=2)
def _answer(  # noqa: PLR0913 - both sides' state, the rows, and who is there
    algorithm: Algorithm, how: tuple[int, bool], memories: Any, own: Table, present: Any, ask: Ask
) -> tuple[Terms, Any]:
    """Return a block's sums, or its terms by place, and its memories.

    how: parties in one step, and whether terms stay apart. present: (places,) who answers;
    None: all. ask: what is addressed is stacked over places.
    """
    streamed, (width, apart) = isinstance(own.rows, Stream), how

    @jax.jit  # traced once, for the shape of what it returns and for the loop
    def answer(local: Any, rows: Any, addressed: Any, here: Any) -> tuple[Terms, Any]:
        def answered() -> tuple[Terms, Any]:
            asked = Ask(ask.round, ask.shared, addressed, ask.opening)
            return algorithm.answer(local, own.rows if streamed else rows, asked)

        return answered() if here is None else _if_here(here, answered, local)

    def there(memories: Any) -> Any:
        return memories, () if streamed else own.rows, ask.addressed, present

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
        if apart:
            return jax.tree.map(put, kept, terms), memories
        for place in range(width):
            kept = _added(kept, arrays.take(terms, place), first + place < own.count)
        return kept, memories

    one = jax.eval_shape(lambda: answer(*arrays.take(there(memories), 0))[0])
    axis = own.places if apart else ()
    nothing = jax.tree.map(lambda leaf: jnp.zeros((*axis, *leaf.shape), leaf.dtype), one)
    steps = -(-own.count // width)
    return jax.lax.fori_loop(0, steps, step, (nothing, memories))


def _if_here(here: jax.Array, answered: Callable[[], tuple[Terms, Any]], local: Any) -> tuple[Terms, Any]:
    """Return a party's answer and next memory; nothing and its old memory where it is not here."""
    like = jax.eval_shape(answered)[0]
    nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), like)
    return jax.lax.cond(here, answered, lambda: (nothing, local))


def _added(sums: Terms, terms: Terms, real: jax.Array) -> Terms:
    """Return the sums with one party's terms; real: whether there is a party."""
    weight = jnp.where(real, terms.weight, 0.0)
    values = jax.tree.map(lambda total, own: total + weight * own, sums.values, terms.values)
    return Terms(values, sums.weight + weight)


def _slice(first: jax.Array, width: int, leaf: jax.Array) -> jax.Array:
    return jax.lax.dynamic_slice_in_dim(leaf, first, width)


def _put(first: jax.Array, leaf: jax.Array, new: jax.Array) -> jax.Array:
    return jax.lax.dynamic_update_slice_in_dim(leaf, new, first, 0)


@jax.jit
def _total(blocks: Sequence[Terms]) -> Totals:
    """Return the sums over blocks, added in their order."""
    total = blocks[0]
    for other in blocks[1:]:
        total = jax.tree.map(jnp.add, total, other)
    return Totals(total.values, total.weight)


@partial(jax.jit, static_argnums=0)
def _predict(algorithm: Algorithm, memories: Any, ask: Ask, x: jax.Array, places: Any) -> jax.Array:
    """Return (places, rows) predictions of some places on x."""

    def one(place: jax.Array) -> jax.Array:
        own = Ask(ask.round, ask.shared, arrays.take(ask.addressed, place))
        return algorithm.network(arrays.take(memories, place), own)(x)

    return jax.lax.map(one, places)


@partial(jax.jit, static_argnums=0)
def _join(algorithm: Algorithm, networks: Any, rows: Any, keys: jax.Array) -> Any:
    if isinstance(rows, Stream):
        return _one(algorithm.join(arrays.take(networks, 0), rows, keys[0]))
    return jax.vmap(algorithm.join)(networks, rows, keys)
