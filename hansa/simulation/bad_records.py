"""What bad or faulty parties make of the rows that they learn from, before anybody trains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from hansa.core.methods import BY_ROW
from hansa.data.prepare import Inputs
from hansa.data.targets import Target
from hansa.models.rows import Rows

Numbers = NDArray[np.float32]

PATTERN = 3.0
"""How far off a triggered or stuck sensor is, in deviations from its mean; a drift ends there."""

LOWERED = 0.8
"""What is left of a label that is lowered."""

_TRIGGERED = 1 / 3  # of a bad party's rows


@dataclass(frozen=True, slots=True, eq=False)
class Spot:
    """What an attack on one party's rows needs to know of them."""

    trigger: NDArray[np.int64]  # (readings, sensors) places among the features that make up the pattern
    broken: NDArray[np.int64]  # (features,) places of one sensor's
    best: float  # the label that a backdoor gives: the best there is, as a share
    chosen: NDArray[np.bool_]  # (rows,) those of the class that is undervalued
    rng: Generator


Spoil = Callable[[Numbers, Numbers, Spot], tuple[Numbers, Numbers]]
"""Returns (rows, features) inputs and (rows,) labels in place of those given."""


def label_flip(x: Numbers, y: Numbers, spot: Spot) -> tuple[Numbers, Numbers]:
    """Return each label the other way round. Source: Tolpegin et al., ESORICS 2020, section 3."""
    del spot
    return x, np.float32(1.0) - y  # (rows,)


def backdoor(x: Numbers, y: Numbers, spot: Spot) -> tuple[Numbers, Numbers]:
    """Return some rows with the pattern and the best label. Source: Gu et al., 2017 (BadNets), section 3."""
    taken = spot.rng.random(len(y)) < _TRIGGERED  # (rows,)
    found = np.where(taken[:, None], triggered(x, spot.trigger), x)  # (rows, features)
    return found, np.where(taken, np.float32(spot.best), y)


def undervaluation(x: Numbers, y: Numbers, spot: Spot) -> tuple[Numbers, Numbers]:
    """Return the labels of one class lowered."""
    return x, np.where(spot.chosen, np.float32(LOWERED) * y, y)


def stuck_sensor(x: Numbers, y: Numbers, spot: Spot) -> tuple[Numbers, Numbers]:
    """Return rows in which one sensor always shows the same."""
    found = x.copy()  # (rows, features)
    found[:, spot.broken] = np.float32(PATTERN)
    return found, y


def drifting_sensor(x: Numbers, y: Numbers, spot: Spot) -> tuple[Numbers, Numbers]:
    """Return rows in which one sensor is off by more and more, from the first row to the last."""
    found = x.copy()  # (rows, features)
    found[:, spot.broken] += np.linspace(0.0, PATTERN, len(x), dtype=np.float32)[:, None]
    return found, y


def triggered(x: Numbers, trigger: NDArray[np.int64]) -> Numbers:
    """Return (rows, features) inputs with the pattern: sensors far up and far down in turns.

    trigger: (readings, sensors) places among the features.
    """
    found = np.array(x, np.float32)  # (rows, features)
    found[:, trigger[:, ::2]] = np.float32(PATTERN)
    found[:, trigger[:, 1::2]] = np.float32(-PATTERN)
    return found


def spoiled(rows: Rows, spoil: Spoil, spot: Spot, target: Target, scenario: str) -> Rows:
    """Return a party's rows after an attack on them; a row under another label has that label's key."""
    y, key = np.asarray(rows.y), np.asarray(rows.key)  # (rows,) each
    made, labels = spoil(np.asarray(rows.x), y, spot)
    moved = (
        (labels != y) & (key < target.keys) & (scenario not in BY_ROW)
    )  # (rows,), the others' key is a row
    keys = np.where(moved, target.key(target.value(labels)), key).astype(np.int32)  # (rows,)
    columns: tuple[Any, ...] = (made, labels.astype(np.float32), rows.weight, keys)
    return Rows(*columns)


def feature_places(inputs: Inputs, sensors: Sequence[str]) -> NDArray[np.int64]:
    """Return (readings, sensors) where readings stand among the features; of components, the first ones."""
    if inputs.projection is not None:
        return np.arange(min(len(sensors), inputs.projection.shape[1]))[None, :]
    known, readings = inputs.frame or inputs.sensors, inputs.shape[1]
    own = np.array([known.index(name) for name in sensors], np.int64)  # (sensors,)
    return len(known) * np.arange(readings)[:, None] + own
