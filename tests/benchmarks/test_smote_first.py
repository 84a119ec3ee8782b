"""The re-enactment keeps the paper's order apart from ours: made-up parts reach its test alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.smote_first import ORDERS, _both, _with_made
from hansa.runtime.world import World
from tests.batteries.fleets import fleet


def _world() -> World:
    parts = fleet([1] * 40, 3)
    sensors = parts.sensors.copy()
    sensors[3, 1] = np.nan
    parts = replace(parts, sensors=sensors, remaining=(np.arange(40) % 8 == 0).astype(float))
    other = replace(parts, asset_names=tuple(f"test {name}" for name in parts.asset_names))
    return World("parts", parts, other)


def test_the_whole_table_is_balanced_by_parts_that_are_named_as_made() -> None:
    whole = _both(_world())
    leaked = _with_made(whole, np.random.default_rng(0))
    failed = leaked.remaining > 0
    assert failed.sum() == (~failed).sum() == 70
    assert [name.startswith("made ") for name in leaked.asset_names] == [False] * 80 + [True] * 60
    assert np.isfinite(leaked.sensors).all()
    known = np.isfinite(whole.sensors)
    np.testing.assert_array_equal(leaked.sensors[:80][known], whole.sensors[known])
    assert ORDERS[0].startswith("the paper's order")
