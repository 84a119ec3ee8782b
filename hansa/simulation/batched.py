"""All parties at once: their answers compiled together and batched over the party axis.

Parties whose networks and rows have the same shapes share one batch; others form batches of their
own. The algorithm is the one that a deployed party runs, and so are the numbers, to float tolerance.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hansa.algorithms.contract import Algorithm
from hansa.core import arrays
from hansa.core.messages import Ask, Terms, Totals
from hansa.models.training import Rows
from hansa.runtime.party import Member


class BatchedParties:
    """An exchange over all members at once; rows are padded to the largest fleet."""

    def __init__(self, algorithm: Algorithm, members: Sequence[Member], seen: Sequence[Any]) -> None:
        """Take the members in roster order, and each one's (rows, features) inputs to predict on."""
        self._algorithm = algorithm
        padded = _padded([member.rows for member in members])
        self._groups = _alike(
            [(member.network, rows, x) for member, rows, x in zip(members, padded, seen, strict=True)]
        )
        self._rows = [_stacked([padded[j] for j in group]) for group in self._groups]
        self._seen = [_stacked([seen[j] for j in group]) for group in self._groups]
        self._memories = [
            _join_all(
                algorithm,
                _stacked([members[j].network for j in group]),
                rows,
                _keys([members[j] for j in group]),
            )
            for group, rows in zip(self._groups, self._rows, strict=True)
        ]

    def __call__(self, ask: Ask) -> Totals | Sequence[Terms]:
        """Return the weighted sums of all members' terms, or the terms where totals are addressed."""
        answered = _answer_all(self._algorithm, self._groups, self._memories, self._rows, ask)
        self._memories = answered[1]
        return answered[0]

    @property
    def memories(self) -> list[Any]:
        """Return what members remember, stacked by group."""
        return self._memories

    @memories.setter
    def memories(self, value: list[Any]) -> None:
        self._memories = value

    def each(self) -> list[Any]:
        """Return each member's Local, in roster order."""
        found: dict[int, Any] = {}
        for group, local in zip(self._groups, self._memories, strict=True):
            found |= {party: arrays.take(local, place) for place, party in enumerate(group)}
        return [found[party] for party in sorted(found)]

    def loss(self) -> float:
        """Return the mean over members of their last epoch's training loss."""
        return float(np.mean(np.concatenate([np.asarray(local.loss) for local in self._memories])))

    def predict(self, ask: Ask) -> list[jax.Array]:
        """Return each member's (rows,) predictions on what it sees."""
        return _predict_all(self._algorithm, self._groups, self._memories, ask, self._seen)


def _padded(rows: Sequence[Rows]) -> list[Rows]:
    longest = max(one.y.shape[0] for one in rows)

    def pad(leaf: Any) -> Any:
        return np.pad(leaf, [(0, longest - leaf.shape[0])] + [(0, 0)] * (leaf.ndim - 1))

    return [jax.tree.map(pad, one) for one in rows]


def _stacked(trees: Sequence[Any]) -> Any:
    return jax.tree.map(lambda *leaves: jnp.asarray(np.stack(leaves)), *trees)


def _keys(members: Sequence[Member]) -> jax.Array:
    return jax.random.wrap_key_data(jnp.asarray(np.stack([jax.random.key_data(one.key) for one in members])))


def _alike(trees: Sequence[Any]) -> tuple[tuple[int, ...], ...]:
    groups: dict[Any, list[int]] = {}
    for party, tree in enumerate(trees):
        leaves, structure = jax.tree.flatten(tree)
        shapes = tuple((leaf.shape, str(leaf.dtype)) for leaf in leaves)
        groups.setdefault((structure, shapes), []).append(party)
    return tuple(map(tuple, groups.values()))


@partial(jax.jit, static_argnums=(0, 1))
def _answer_all(
    algorithm: Algorithm, groups: tuple[tuple[int, ...], ...], memories: list[Any], rows: list[Rows], ask: Ask
) -> tuple[Any, list[Any]]:
    terms: dict[int, Terms] = {}
    kept = []
    for group, local, own in zip(groups, memories, rows, strict=True):
        addressed = None if ask.addressed is None else arrays.stack([ask.addressed[j] for j in group])

        def answer(local: Any, own: Rows, addressed: Any) -> tuple[Terms, Any]:
            return algorithm.answer(local, own, Ask(ask.round, ask.shared, addressed, ask.opening))

        together, after = jax.vmap(answer)(local, own, addressed)
        terms |= {party: arrays.take(together, place) for place, party in enumerate(group)}
        kept.append(after)
    in_order = [terms[party] for party in sorted(terms)]
    if algorithm.addressed:
        return in_order, kept
    weights = [term.weight for term in in_order]
    values = arrays.weighted_sum([term.values for term in in_order], weights)
    return Totals(values, sum(weights[1:], weights[0])), kept


@partial(jax.jit, static_argnums=(0, 1))
def _predict_all(
    algorithm: Algorithm,
    groups: tuple[tuple[int, ...], ...],
    memories: list[Any],
    ask: Ask,
    seen: list[jax.Array],
) -> list[jax.Array]:
    found: dict[int, jax.Array] = {}
    for group, local, x in zip(groups, memories, seen, strict=True):
        together = jax.vmap(lambda one, own: algorithm.network(one, ask)(own))(local, x)
        found |= {party: together[place] for place, party in enumerate(group)}
    return [found[party] for party in sorted(found)]


@partial(jax.jit, static_argnums=0)
def _join_all(algorithm: Algorithm, networks: Any, rows: Rows, keys: jax.Array) -> Any:
    return jax.vmap(algorithm.join)(networks, rows, keys)
