"""How far predictions are from the truth: remaining life in time units, classes, prices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hansa.core.tasks import UNCHOSEN


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


def class_figures(
    chance: NDArray[np.floating], failed: NDArray[np.bool_], threshold: float
) -> dict[str, float]:
    """Return the figures of a classifier; chance: (rows,) of failure; a row fails from the threshold on.

    F of a class that nobody predicted and nobody is: 0. MCC where a margin is empty: 0.
    """
    said = np.asarray(chance) >= threshold  # (rows,)
    hits, misses = float((said & failed).sum()), float((~said & failed).sum())
    alarms, rests = float((said & ~failed).sum()), float((~said & ~failed).sum())
    f_failed, f_good = _f(hits, alarms, misses), _f(rests, misses, alarms)
    margins = (hits + alarms) * (hits + misses) * (rests + alarms) * (rests + misses)
    return {
        "auprc": average_precision(chance, failed),
        "mcc": (hits * rests - alarms * misses) / margins**0.5 if margins else 0.0,
        "macro_f": (f_failed + f_good) / 2.0,
        "f_failed": f_failed,
        "f_good": f_good,
        "accuracy": (hits + rests) / len(failed),
    }


def average_precision(chance: NDArray[np.floating], failed: NDArray[np.bool_]) -> float:
    """Return the area under precision over recall, as a sum of steps; 0 where nothing failed.

    Rows of equal chance are one step. Source: Davis and Goadrich, ICML 2006, section 3 (no interpolation).
    """
    if not np.any(failed):
        return 0.0
    hits, said = _cumulated(chance, failed)
    gained = np.diff(hits, prepend=0) / hits[-1]  # (steps,), of recall
    return float((gained * hits / said).sum())


def best_threshold(chance: NDArray[np.floating], failed: NDArray[np.bool_]) -> float:
    """Return the chance from which on rows are said to fail, so that MCC is largest; 0.5 for one class alone.

    It lies halfway to the next lower chance, so that a like row on the other side of rounding stays there.
    """
    hits, said = _cumulated(chance, failed)  # (steps,)
    fails, rows = hits[-1], len(failed)
    if not 0 < fails < rows:
        return UNCHOSEN
    margins = said * fails * (rows - said) * float(rows - fails)
    mcc = np.where(margins > 0, (hits * rows - said * fails), -np.inf) / np.sqrt(np.maximum(margins, 1.0))
    steps = -np.sort(-np.unique(np.asarray(chance, np.float64)))  # (steps,), falling
    best = int(mcc.argmax())
    return float((steps[best] + steps[min(best + 1, len(steps) - 1)]) / 2.0)


def price_figures(predicted: NDArray[np.floating], true: NDArray[np.floating]) -> dict[str, float]:
    """Return root mean squared logarithmic error, mean absolute error, and the median miss as a share."""
    miss = np.asarray(predicted, np.float64) - true  # (rows,)
    ratio = np.log1p(predicted) - np.log1p(true)  # (rows,)
    return {
        "rmsle": float(np.sqrt(np.mean(ratio**2))),
        "mae": float(np.mean(np.abs(miss))),
        "median_share": float(np.median(np.abs(miss) / true)),
    }


def _f(hits: float, alarms: float, misses: float) -> float:
    every = 2.0 * hits + alarms + misses
    return 2.0 * hits / every if every else 0.0


def _cumulated(
    chance: NDArray[np.floating], failed: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (steps,) failures among, and number of, the rows of at least each chance, the highest first."""
    values, place = np.unique(-np.asarray(chance, np.float64), return_inverse=True)  # (steps,), (rows,)
    said = np.bincount(place, minlength=len(values)).cumsum().astype(np.float64)  # (steps,)
    hits = np.bincount(place, failed, minlength=len(values)).cumsum()  # (steps,)
    return hits, said
