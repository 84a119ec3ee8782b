"""What the messages of a run look like: every exchange once, with numbers that mean nothing.

Whoever gets a message knows from here which arrays it has to hold, of which shapes and number types, and
takes nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hansa.algorithms.contract import Algorithm
from hansa.core import arrays
from hansa.core.messages import Ask, Terms, Totals
from hansa.models.rows import Rows
from hansa.transport.memory import ask_of


@dataclass(frozen=True, slots=True, eq=False)
class Exchange:
    """One kind of exchange."""

    ask: Ask
    terms: Sequence[Terms]  # of each party


def rehearsed(
    algorithm: Algorithm, common: Any, network: Any, features: int, sizes: Sequence[int]
) -> tuple[Mapping[str, Exchange], Any]:
    """Return each exchange by what it opens, that of training under "", and the State after a round.

    common: the coordinator's network. network: a party's. sizes: how many rows each party has, where an
    algorithm shows rows one by one; else any.
    """
    alike = {size: _blank_rows(size, features) for size in set(sizes)}
    key = jax.random.key(0)
    locals_ = {size: jax.eval_shape(algorithm.join, network, rows, key) for size, rows in alike.items()}
    state, found = algorithm.start(common), dict[str, Exchange]()
    for _ in range(len(algorithm.openings) + len(algorithm.preludes) + 1):
        ask = algorithm.ask(state)
        terms = []
        for party, size in enumerate(sizes):
            own = ask_of(ask, party)
            shapes, _ = jax.eval_shape(partial(_answered, algorithm), locals_[size], alike[size], own)
            terms.append(arrays.blank(shapes))
        found[ask.opening] = Exchange(arrays.blank(ask), terms)
        state = algorithm.absorb(state, terms if algorithm.addressed else _of(terms[0]))
    return found, arrays.blank(state)


@partial(jax.jit, static_argnums=0)
def _answered(algorithm: Algorithm, local: Any, rows: Rows, ask: Ask) -> tuple[Terms, Any]:
    """Return an answer; jitted, so that parties of one size are traced once."""
    return algorithm.answer(local, rows, ask)


def _of(terms: Terms) -> Totals:
    return Totals(terms.values, jnp.ones_like(terms.weight))


def _blank_rows(count: int, features: int) -> Rows:
    columns: tuple[Any, ...] = (
        np.zeros((count, features), np.float32),
        np.zeros(count, np.float32),
        np.ones(count, np.float32),
        np.zeros(count, np.int32),
    )
    return Rows(*columns)
