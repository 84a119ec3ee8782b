"""Small worlds for masked sums: nodes that know one another, and terms that can be added by a loop."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np

from hansa.protection.fixed_point import FixedPoint
from hansa.protection.occasion import Occasion
from hansa.simulation.masked_sums import Nodes
from hansa.simulation.masked_sums import enrolled as enrolled_under


def enrolled(parties: int) -> Nodes:
    """Return parties p0, p1 and so on that have exchanged their keys."""
    return enrolled_under([f"p{number}" for number in range(parties)], "task", os.urandom)


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


def plain_sum(words: Mapping[str, np.ndarray], cohort: tuple[str, ...]) -> np.ndarray:
    """Return the sum as a loop over the cohort finds it."""
    total = np.zeros_like(words[cohort[0]])
    for name in cohort:
        total = total + words[name]
    return total
