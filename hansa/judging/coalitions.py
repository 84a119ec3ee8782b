"""What the model of each coalition of a round is worth: the game that the Shapley value is taken of.

The model of a coalition is the common model plus its members' shares of the round's mean update. Shares are
of the whole round's weight, whoever is in the coalition: a party that stays out, and one that sends no
change, leave the same model, to the bit.

Whoever predicts with the models is passed in, so that this room knows no network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hansa.core.errors import PartyError
from hansa.judging.shapley import check_few

Floats = NDArray[np.float64]
Numbers = NDArray[np.float32]

Losses = Callable[[Numbers], Floats]
"""(models, dim) weights, a flat model a row, 64 rows at most -> (models,) the validation loss of each.

Where there are several validators, (models, validators); so are then the utilities.
"""

_LOW = 6  # parties whose coalitions make one block of models: 2.4 MB of a network of 9,400 weights
_BLOCK = 1 << _LOW


@dataclass(frozen=True, slots=True, eq=False)
class Game:
    """The coalitions of one round; a coalition is a bit mask, and worth minus its model's loss."""

    common: Numbers  # (dim,) the model before the round
    terms: Numbers  # (parties, dim) what each party adds to it
    losses: Losses

    def utility(self, masks: Sequence[int]) -> Floats:
        """Return (masks,) what these coalitions are worth.

        Raises PartyError, by places of parties, where the loss of a coalition's model is not finite.
        """
        found = [
            self._worth(self._models(masks[start : start + _BLOCK]), masks[start : start + _BLOCK])
            for start in range(0, len(masks), _BLOCK)
        ]
        return np.concatenate(found)  # (masks,)

    def utilities(self) -> Floats:
        """Return (2^parties,) what every coalition is worth, by mask; the same numbers as `utility`.

        Raises PartyError where the loss of a coalition's model is not finite, and CharterError for more than
        14 parties.
        """
        parties = len(self.terms)
        check_few(parties)
        low = self._models(range(1 << min(parties, _LOW)))  # (models, dim)
        models = np.empty_like(low)
        found = []
        for start in range(0, 1 << parties, len(low)):
            np.copyto(models, low)
            for party in _members(start):
                models += self.terms[party]
            found.append(self._worth(models, range(start, start + len(low))))
        return np.concatenate(found)  # (2^parties,)

    def _models(self, masks: Sequence[int]) -> Numbers:
        """Return (masks, dim) models; terms are added in party order, for the same bits."""
        models = np.tile(self.common, (len(masks), 1))  # (masks, dim)
        for row, mask in zip(models, masks, strict=True):
            for party in _members(mask):
                row += self.terms[party]
        return models

    def _worth(self, models: Numbers, masks: Sequence[int]) -> Floats:
        losses = np.asarray(self.losses(models), np.float64)  # (masks,)
        if not np.isfinite(losses).all():
            wrong = [mask for mask, loss in zip(masks, losses, strict=True) if not np.isfinite(loss).all()]
            members = _members(min(wrong, key=int.bit_count))
            raise PartyError(
                "the model of its coalition has no finite loss",
                do="refuse updates that are too long before they are judged",
                where=f"parties {', '.join(str(party) for party in members)}"
                if members
                else "the common model",
            )
        return -losses


def terms_of(updates: Sequence[Numbers] | Numbers, weights: Floats) -> Numbers:
    """Return (parties, dim) each party's share of the round's mean update.

    updates: (dim,) each. weights: (parties,), not negative, not all 0.
    """
    shares = (weights / weights.sum()).astype(np.float32)  # (parties,)
    return np.stack([share * update for share, update in zip(shares, updates, strict=True)])


def _members(mask: int) -> list[int]:
    """Return the parties in a coalition, in their order."""
    return [party for party in range(mask.bit_length()) if mask >> party & 1]
