"""The vote on a new model: each party tests it on assets of its own before it adopts it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hansa.core.charter import Charter


@dataclass(frozen=True, slots=True)
class Vote:
    """How parties voted on the model of a round; who has no assets of its own to test it on abstains."""

    round: int
    promoted: bool
    ayes: tuple[str, ...]
    noes: tuple[str, ...]

    def value(self) -> dict[str, Any]:
        """Return the plain value."""
        return {
            "round": self.round,
            "promoted": self.promoted,
            "ayes": list(self.ayes),
            "noes": list(self.noes),
        }

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Vote:
        """Return the vote of `value()`."""
        return cls(value["round"], value["promoted"], tuple(value["ayes"]), tuple(value["noes"]))


def quorum(charter: Charter) -> int:
    """Return how many parties must vote for a model."""
    return charter.gate.quorum or charter.parties // 2 + 1


def vote(charter: Charter, round_: int, new: Mapping[str, float], adopted: Mapping[str, float]) -> Vote:
    """Return the vote on a new model.

    new, adopted: by party, what the new model and the one adopted last lose on its own assets; a loss that is
    not finite is a vote against the model.
    """
    bound = 1.0 + charter.gate.tolerance
    ayes = tuple(name for name, loss in new.items() if math.isfinite(loss) and loss <= bound * adopted[name])
    noes = tuple(name for name in new if name not in ayes)
    return Vote(round_, len(ayes) >= quorum(charter), ayes, noes)
