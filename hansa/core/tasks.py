"""What can be learned, said once: what each task is called, and which figures judge its predictions.

Rules, words, reports and the simulation look here; labels are made in `hansa.data.targets`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PRICE_KEYS = 64  # labels of prices: steps of equal ratio over the target's range
UNCHOSEN = 0.5  # threshold of failures where there is nobody to choose it by


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of a prediction."""

    title: str  # as tables head it
    unit: str = ""  # "time": the charter's time unit; "price": the unit of the target column; empty: none
    higher: bool = False  # whether more is better


@dataclass(frozen=True, slots=True)
class Task:
    """One kind of thing to learn."""

    title: str  # as sentences call it
    measures: Mapping[str, Measure]
    compared: str  # the measure by which scenarios and parties are compared
    protocols: tuple[str, ...] = ("test",)  # under which the measures are taken
    needs_time: bool = False  # whether a table needs a column of times
    classes: bool = False  # whether a label is a class: 0 or 1
    digits: int = 3  # of a figure behind the point


TASKS: Mapping[str, Task] = {
    "rul": Task(
        "remaining useful life",
        {
            "rmse": Measure("RMSE", "time"),
            "mae": Measure("MAE", "time"),
            "nasa": Measure("NASA score"),
        },
        "rmse",
        ("all_cycle", "last_cycle"),
        needs_time=True,
        digits=2,
    ),
    "failure": Task(
        "failure",
        {
            "auprc": Measure("AUPRC", higher=True),
            "mcc": Measure("MCC", higher=True),
            "macro_f": Measure("macro-F", higher=True),
            "f_failed": Measure("F, failed", higher=True),
            "f_good": Measure("F, good", higher=True),
            "accuracy": Measure("accuracy", higher=True),
        },
        "auprc",
        classes=True,
    ),
    "price": Task(
        "price",
        {
            "rmsle": Measure("RMSLE"),
            "mae": Measure("MAE", "price"),
            "median_share": Measure("median miss, share of the price"),
        },
        "rmsle",
    ),
}
