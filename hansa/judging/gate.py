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


def agrees(charter: Charter, loss: float, adopted: float) -> bool:
    """Return a party's vote, by what the new model and the one adopted last lose on its own assets.

    A loss that is not finite is a vote against the model.
    """
    return math.isfinite(loss) and loss <= (1.0 + charter.gate.tolerance) * adopted


def vote(charter: Charter, round_: int, votes: Mapping[str, bool]) -> Vote:
    """Return the vote on a new model; votes: of the parties that have assets to test it on."""
    ayes = tuple(name for name, aye in votes.items() if aye)
    noes = tuple(name for name in votes if name not in ayes)
    return Vote(round_, len(ayes) >= quorum(charter), ayes, noes)
