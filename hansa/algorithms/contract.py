"""What every federated algorithm is: six pure functions, both sides of a round in one file.

An algorithm is a frozen dataclass of hyper-parameters. State belongs to the coordinator, Local to a
party; both are trees of arrays, so a round can be stored, resumed and replayed. An algorithm never
learns which party sent what: `absorb` gets sums. The exceptions say so with `addressed = True`
and get the parties' terms one by one (FedLabSync to the letter, clustered FedAvg).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol, runtime_checkable

import jax

from hansa.core.messages import Ask, Terms, Totals
from hansa.models.rows import Rows, Stream


@runtime_checkable
class Algorithm(Protocol):
    """One federated learning method."""

    preludes: ClassVar[tuple[str, ...]]  # exchanges of each round before parties train, likewise
    addressed: ClassVar[bool]  # whether totals are made for each party (open secrecy only)

    @property
    def openings(self) -> tuple[str, ...]:
        """Return the exchanges before round 1, by what they exchange."""

    def start(self, network: Any) -> Any:
        """Coordinator: return the State before the first exchange; network: freshly drawn."""

    def ask(self, state: Any) -> Ask:
        """Coordinator: return what this exchange sends out."""

    def join(self, network: Any, rows: Rows | Stream, key: jax.Array) -> Any:
        """Party: return its Local before the first exchange; network: freshly drawn, its own."""

    def answer(self, local: Any, rows: Rows | Stream, ask: Ask) -> tuple[Terms, Any]:
        """Party: return its terms of this exchange's sums and its next Local."""

    def absorb(self, state: Any, totals: Totals | Sequence[Terms]) -> Any:
        """Coordinator: return the next State from the sums (from all terms where `addressed`)."""

    def network(self, local: Any, ask: Ask) -> Any:
        """Party: return the network it predicts with, given the newest ask."""
