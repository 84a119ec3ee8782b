"""What a masked sum is for, and terms for it."""

from __future__ import annotations

import numpy as np

from hansa.protection.fixed_point import FixedPoint
from hansa.protection.occasion import Occasion
from hansa.simulation.nodes import Nodes


def occasion(world: Nodes, size: int = 5, **changes: object) -> Occasion:
    """Return what a sum is for."""
    form = FixedPoint(len(world.names), 10.0)
    plain = {"round": 1, "number": 0, "kind": "values", "model": "m", "form": form, "size": size, "cohort": 3}
    return Occasion(roster=world.roster.digest, **(plain | changes))  # type: ignore[arg-type]


def words_of(world: Nodes, what: Occasion, seed: int = 0) -> dict[str, np.ndarray]:
    """Return each party's words: of numbers in the range."""
    rng = np.random.default_rng(seed)
    return {
        name: what.form.encoded(rng.uniform(-10, 10, what.size // what.form.words)) for name in world.names
    }
