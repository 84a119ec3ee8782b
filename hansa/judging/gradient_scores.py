"""Scores of parties from inner products alone: what can be told where no coalition's model may be opened.

One more row joins the parties' updates in the table: a target, the change that would help most. It is minus
the gradient of the validation loss at the common model, or the update that a trusted party's records ask for.
With a_i the party's share of the round's weight, u_i its update, t the target and s = sum_j a_j u_j, the
round's step:

- first order: a_i <t, u_i>, what the party takes off the loss if the loss were linear along t;
- quadratic: v(S) = |t|^2 - |t - sum_S a_i u_i|^2, how much nearer to the target a coalition comes. It holds
  2 a_i <t, u_i> - a_i^2 |u_i|^2 for each party alone, of which the party gets all, and -2 a_i a_j <u_i, u_j>
  for each pair, of which it gets half: its Shapley value is a_i <u_i, 2 t - s>.

Source: Wang et al., "Efficient participant contribution evaluation for horizontal and vertical federated
learning" (DIG-FL), ICDE 2022; the second is derived here and tested against all coalitions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hansa.judging.table import Table, table_of_products

Floats = NDArray[np.float64]

_LONGEST = 3.0  # steps

NOT_MEASURED = (
    "These scores are made of inner products of updates with one target: no coalition's model was opened or"
    " tried on records, so that the loss where it is no straight line and no bowl, what updates bring only"
    " together, and how the model predicts are not measured."
)
"""What a report says beside the scores of this module."""


def first_order(table: Table, weights: Floats) -> Floats:
    """Return (parties,) a_i <t, u_i>; table: of the parties' updates and, as the last row, the target.

    weights: (parties,), not negative, not all 0.
    """
    return _shares(weights) * table.products[-1, :-1]


def quadratic(table: Table, weights: Floats) -> Floats:
    """Return (parties,) Shapley values of v(S) = |t|^2 - |t - sum_S a_i u_i|^2, in closed form.

    table: of the parties' updates and, as the last row, the target. weights: (parties,), not negative, not
    all 0. The target's length matters, and the loss should be of the size of a squared distance: a gradient
    is to be scaled to a step first.
    """
    shares = _shares(weights)  # (parties,)
    products = table.products  # (points, points)
    return shares * (2.0 * products[-1, :-1] - products[:-1, :-1] @ shares)


def at_step(table: Table, weights: Floats) -> Table:
    """Return the table with its last row, the target, as long as makes the round's step the best along it.

    A direction has no length: of this one the quadratic utility of the whole step is |s|^2. No target is
    longer than 3 steps, or one that the step hardly goes along would decide on all values.
    """
    products, shares = table.products, _shares(weights)  # (points, points), (parties,)
    toward = float(products[-1, :-1] @ shares)  # <t, s>
    square = float(shares @ products[:-1, :-1] @ shares)  # |s|^2
    length = float(table.lengths[-1]) ** 0.5
    factors = np.ones(table.parties)  # (points,)
    step = max(square, 0.0) ** 0.5
    if length:
        factors[-1] = min(square / toward if toward > 0 else step / length, _LONGEST * step / length)
    return table_of_products(products * np.outer(factors, factors))


def _shares(weights: Floats) -> Floats:
    """Return (parties,) shares of the round's weight."""
    return weights / weights.sum()
