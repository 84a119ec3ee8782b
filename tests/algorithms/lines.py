"""Parties with networks that have no hidden layer, and the same parties for the loops written by hand."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hansa.core import seeds
from hansa.models.training import Recipe
from tests.batteries.roster import BY_LABEL, LABELS, Seat
from tests.oracles import orders
from tests.oracles.straight_line import Holding, Line

LINES = (
    *(Seat(seat.name, seat.rows, 2, (), seat.keys) for seat in BY_LABEL[:2]),
    Seat("e", 12, 2, (), LABELS[::-1]),
)


def line_of(network: Any) -> Line:
    """Return the line of a network without hidden layers, in float64."""
    return Line(np.asarray(network.weights[0], np.float64)[:, 0], float(network.biases[0][0]))


def holdings(seats: Sequence[Seat], rounds: int, recipe: Recipe) -> list[Holding]:
    """Return what the parties hold, with the orders in which they will go through their rows."""
    held = []
    for seat in seats:
        rows = seat.learnt_from()
        key = seeds.key(1, seat.name, "batches")
        held.append(
            Holding(
                np.asarray(rows.x, np.float64),
                np.asarray(rows.y, np.float64),
                np.asarray(rows.key, np.int64),
                orders.rounds(key, seat.rows, rounds, recipe.local_epochs),
            )
        )
    return held
