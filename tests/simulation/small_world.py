"""A world of a few dozen rows for tests of whole scenarios, and a charter that compares all of them."""

from dataclasses import replace
from typing import Any

import numpy as np

from hansa.core.charter import Charter
from hansa.core.methods import BY_ROW, METHODS
from hansa.data.fleet import Fleet
from hansa.runtime.world import World
from tests.batteries.fleets import charter, fleet

COMPARED = tuple(
    name
    for name, method in METHODS.items()
    if name in ("centralised", "isolated", "isolated_mean", "fedavg", "aligned")
    or (method.exchanges == "predictions" and name not in BY_ROW - {"vertical"})  # they: test_exchanges.py
)
LENGTHS = [20, 24, 18, 22, 26, 19, 21]
SENSORS = 4


def world() -> World:
    """Return 7 assets to learn from and 3 to be judged on, one of them with an unknown end."""
    return World("small", fleet(LENGTHS, SENSORS), _cut_short(fleet([18, 25, 15], SENSORS, seed=9)))


def small(**changes: Any) -> Charter:
    """Return a charter for it: 3 parties, 3 sensors each, 3 rounds, scenarios of every kind of exchange."""
    settings: dict[str, Any] = {
        "compare": tuple(name for name in COMPARED if name != "labsync_mean"),
        "partition": {"sensors_per_party": 3, "shared_assets": 0.3},
        "training": {"batch_size": 32, "learning_rate": 0.02},
    }
    return charter(3, SENSORS, **(settings | changes))


def _cut_short(test: Fleet) -> Fleet:
    """Return the fleet with 4 cycles more to live at the end, and the last asset's end unknown."""
    return replace(test, remaining=np.where(test.asset == 2, np.nan, test.remaining + 4))
