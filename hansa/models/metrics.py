"""Errors of predicted remaining life, in the label's time unit, and the NASA score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Errors:
    """The three figures of one protocol."""

    rmse: float
    mae: float
    nasa: float


def errors(predicted: NDArray[np.floating], true: NDArray[np.floating]) -> Errors:
    """Return RMSE, MAE and the NASA score; predicted, true: (rows,) in time units.

    The score is a sum, so it grows with the rows. Source: Saxena et al., PHM 2008, section 5.
    """
    miss = np.asarray(predicted, np.float64) - np.asarray(true, np.float64)  # (rows,), positive is late
    exponent = np.where(miss < 0, -miss / 13.0, miss / 10.0)  # (rows,)
    penalty = np.expm1(np.minimum(exponent, 600.0))  # (rows,), 600: a sum of exp(709) is no float
    return Errors(
        rmse=float(np.sqrt(np.mean(miss**2))), mae=float(np.mean(np.abs(miss))), nasa=float(penalty.sum())
    )
