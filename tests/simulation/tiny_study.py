"""A study that is trained in seconds, and one that was never trained."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from hansa.core.charter import Charter
from hansa.models.metrics import Errors
from hansa.runtime.result import Protocol
from hansa.simulation.baselines import BASELINES
from hansa.simulation.study_book import PROTOCOLS, Book, Entry, Solo
from hansa.simulation.study_plan import Plan, base_charter


def tiny_charter(*, as_printed: bool = False, rounds: int = 2) -> Charter:
    """Return the charter of a study on eight simulated engines."""
    charter = base_charter("simulated", as_printed=as_printed, rounds=rounds)
    return replace(charter, data=replace(charter.data, engines=8, test_engines=4))


def made_book(
    rmse: Mapping[tuple[int, str], Sequence[float]], *, constant: float = 26.0, stuck: int = 0
) -> Book:
    """Return a book of made-up figures; rmse: by parties and scenario, one a seed from 1.

    Centralised stands under 0 parties. `stuck` is said of every entry whose error is above the constant.
    """
    count = len(next(iter(rmse.values())))
    parties = tuple(sorted({place[0] for place in rmse} - {0}))
    scenarios = tuple(dict.fromkeys(place[1] for place in rmse))
    base = base_charter("fd004", as_printed=False)
    plan = Plan("fd004", base, parties, tuple(range(1, count + 1)), scenarios)
    about = {"data": "C-MAPSS FD004", "data_digest": "ab" * 32, "time_unit": "cycles"}
    flat = dict(zip(BASELINES, (constant, 16.6), strict=True))
    every = dict(rmse) | {(0, name): [value] * count for name, value in flat.items()}
    entries = [
        _entry((number, place[0], place[1]), value, stuck if value > constant else 0)
        for place, values in every.items()
        for number, value in enumerate(values, 1)
    ]
    return Book(plan.value() | about, entries)


def _entry(place: tuple[int, int, str], rmse: float, stuck: int) -> Entry:
    readings = {"isolated": "mean of parties", "fedavg": "one model"}
    reading = readings.get(place[2], "joined" if place[1] else "one model")
    figures = {name: _protocol(rmse * scale) for name, scale in zip(PROTOCOLS, (1.0, 1.3), strict=True)}
    solo = {name: Solo(rmse * 1.02, rmse * 1.1) for name in PROTOCOLS}
    baseline = place[2] in BASELINES
    return Entry(*place, reading, figures, {} if baseline else solo, 0 if baseline else 4096, 2048, stuck)


def _protocol(rmse: float) -> Protocol:
    nasa = rmse**2 if math.isfinite(rmse) else math.nan
    return Protocol(Errors(rmse, 0.7 * rmse, nasa), Errors(1.2 * rmse, 0.8 * rmse, 2.0 * nasa), "kalman")
