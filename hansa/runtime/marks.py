"""What validators' records say of each party's part of a round's step: coalitions tried, or directions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import jax
import numpy as np
from numpy.typing import NDArray

from hansa.core import seeds
from hansa.core.charter import Charter
from hansa.core.messages import Ask
from hansa.judging import gradient_scores
from hansa.judging.coalitions import Game
from hansa.judging.shapley import MOST_EXACT, estimated, exact
from hansa.judging.table import Table, table_of
from hansa.runtime.validators import Validators

Floats = NDArray[np.float64]
Numbers = NDArray[np.float32]

_A_PARTY = 6  # coalitions that a guided estimate may try for each party


def marks(charter: Charter, validators: Validators, ask: Ask, terms: Numbers) -> Floats:
    """Return (validators, parties) what each validator's rows say of what parties added to a model.

    ask: with the model before the round. terms: (parties, dim).
    Raises PartyError where a coalition's model has no finite loss.
    """
    if charter.reward.measure == "shapley":
        game = Game(_flat(ask), terms, partial(validators.losses, ask.shared))
        return _shapley(charter, len(validators.owners), game, int(ask.round))
    table = table_of(np.concatenate([terms, validators.downhill(ask.shared)]))
    return scores(charter, table, np.ones(len(terms)))


def scores(charter: Charter, table: Table, weights: Floats) -> Floats:
    """Return (validators, parties) scores by directions; table: of the parties, then of these."""
    rows, whole = np.arange(len(weights), table.parties), weights.sum()
    found = []
    for row in rows:
        one = table.without(rows[rows != row].tolist())  # of the parties and one direction
        if charter.reward.measure == "quadratic":
            bowl = gradient_scores.at_step(one, weights)
            found.append(whole**2 * gradient_scores.quadratic(bowl, weights))
        else:
            found.append(whole * gradient_scores.first_order(one, weights))
    return np.stack(found)  # of the step itself: scores are of shares of it


def _shapley(charter: Charter, validators: int, game: Game, round_: int) -> Floats:
    """Return (validators, parties) Shapley values, exact where parties are few."""
    parties = len(game.terms)
    if parties <= MOST_EXACT:
        return exact(game.utilities().T)
    known: dict[int, Floats] = {}

    def utility(validator: int, masks: Sequence[int]) -> Floats:
        new = [mask for mask in masks if mask not in known]
        known.update(zip(new, game.utility(new), strict=True) if new else ())
        return np.array([known[mask][validator] for mask in masks])

    found = []
    for validator in range(validators):  # the same orders for all: few models besides
        rng = seeds.generator(charter.seed, "coalitions", round_)
        found.append(estimated(parties, partial(utility, validator), coalitions(parties), rng).values)
    return np.stack(found)


def coalitions(parties: int) -> int:
    """Return how many coalitions a guided estimate may try."""
    return _A_PARTY * parties


def size_of(ask: Ask) -> int:
    """Return how many numbers a model has."""
    return sum(int(leaf.size) for leaf in jax.tree.leaves(ask.shared))


def _flat(ask: Ask) -> Numbers:
    """Return (dim,) the common model before the round."""
    leaves = jax.tree.leaves(ask.shared)
    return np.concatenate([np.asarray(leaf, np.float32).reshape(-1) for leaf in leaves])
