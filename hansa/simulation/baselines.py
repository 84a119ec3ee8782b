"""What needs no federation and no network: always the cap, and a linear regression on pooled records.

A figure that is no better than these was not worth training for; the paper shows neither of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hansa.models.rows import held
from hansa.runtime.exam import LifeExam
from hansa.runtime.result import Protocol
from hansa.simulation.cohort import Cohort

BASELINES = ("constant", "linear")


def constant(exam: LifeExam) -> tuple[Protocol, Protocol]:
    """Return the all-cycle and last-cycle errors of predicting the cap for every row."""
    return exam.score(np.ones(exam.fleet.rows, np.float32))


def linear(pooled: Cohort, exam: LifeExam) -> tuple[Protocol, Protocol]:
    """Return the all-cycle and last-cycle errors of a linear regression.

    pooled: the centralised scenario, one party with all records. Inputs, labels and filter are those
    of the networks; the fit is ordinary least squares in float64.
    """
    rows, inputs = held(pooled.members[0].rows), pooled.inputs[0]
    weights = least_squares(np.asarray(rows.x, np.float64), np.asarray(rows.y, np.float64))
    predicted = _with_one(inputs.of(exam.fleet).astype(np.float64)) @ weights  # (rows,)
    return exam.score(predicted.astype(np.float32))


def least_squares(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (features + 1,) the weights of the least squares fit, the intercept last.

    x: (rows, features), y: (rows,). Of many fits, which a constant feature allows, the shortest.
    """
    weights = np.linalg.lstsq(_with_one(x), y, rcond=None)[0]  # (features + 1,)
    return weights.astype(np.float64, copy=False)


def _with_one(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([x, np.ones(len(x))])  # (rows, features + 1)
