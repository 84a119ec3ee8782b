"""A party's side of a round: its rows stay here, its terms go out through one gate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from hansa.algorithms.contract import Algorithm
from hansa.core.errors import PartyError
from hansa.core.messages import Ask, Terms
from hansa.models.rows import Rows, Stream
from hansa.protection.packing import check_finite


@dataclass(slots=True)
class Member:
    """One party at work: what it learns from, and what it remembers between rounds."""

    name: str
    algorithm: Algorithm
    rows: Rows | Stream
    network: Any  # freshly drawn
    key: jax.Array  # its stream of chance
    local: Any = None  # what it remembers; None: it has not joined yet

    def join(self) -> None:
        """Join with what it has, unless it has joined."""
        if self.local is None:
            self.local = self.algorithm.join(self.network, self.rows, self.key)

    def rehearse(self, ask: Ask) -> None:
        """Compile what an ask of this kind takes, and forget what came out, so that no round waits for it."""
        jax.block_until_ready(_answer(self.algorithm, self.local, self.rows, ask))  # type: ignore[no-untyped-call]

    def answer(self, ask: Ask, *, judged: bool = False) -> Terms:
        """Return this party's terms of the sums that the coordinator asks for.

        judged: whether somebody checks them; else PartyError is raised for numbers that are not finite.
        """
        known = ("", *self.algorithm.openings, *self.algorithm.preludes)
        if ask.opening not in known:
            raise PartyError(
                f"asked for {ask.opening!r}, which the charter's algorithm does not send",
                do="refuse this coordinator",
                where=self.name,
            )
        self.join()
        terms, local = _answer(self.algorithm, self.local, self.rows, ask)
        if not judged:
            check_finite(terms, self.name)
        self.local = local
        return terms

    def predict(self, ask: Ask, x: Any) -> NDArray[np.float32]:
        """Return (rows,) what its network says of (rows, features), after the newest ask."""
        return np.asarray(_predict(self.algorithm, self.local, ask, x))


@partial(jax.jit, static_argnums=0)
def _predict(algorithm: Algorithm, local: Any, ask: Ask, x: Any) -> jax.Array:
    found: jax.Array = algorithm.network(local, ask)(x)
    return found


@partial(jax.jit, static_argnums=0)
def _answer(algorithm: Algorithm, local: Any, rows: Rows | Stream, ask: Ask) -> tuple[Terms, Any]:
    return algorithm.answer(local, rows, ask)
