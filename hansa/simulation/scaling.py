"""The first exchange of statistics: what scales each party's readings, summed over all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hansa.algorithms import statistics
from hansa.algorithms.statistics import Moments
from hansa.core.charter import Charter
from hansa.data.prepare import Inputs
from hansa.runtime.holdings import Holding
from hansa.runtime.scaling import Flags, Union, check_sums, scales_alone, values_of
from hansa.simulation.protected import ProtectedSums


def scaled_inputs(
    charter: Charter, scenario: str, holdings: Sequence[Holding], sums: ProtectedSums | None = None
) -> tuple[list[Inputs], Moments | None]:
    """Return each party's preparation and the sums over the cohort; isolated parties sum alone.

    sums: what adds up; None: in the clear. A sensor that too few parties have in a regime is scaled there as
    in its other regimes. One that too few have in all of them is scaled by each party alone where networks
    are its own, and is no input where they are common.
    """
    shares = [own.share for own in holdings]
    names = union(holdings)
    places = [[names.index(name) for name in share.fleet.sensor_names] for share in shares]
    terms = [
        statistics.spread(own.moments(), columns, len(names))
        for own, columns in zip(holdings, places, strict=True)
    ]
    for share, term, columns in zip(shares, terms, places, strict=True):
        check_sums(share, term.square[:, columns])
    if scales_alone(charter, scenario):
        every, totals = Union(charter, scenario, names, np.ones(len(names), bool)), None
        scales = [statistics.scale(term) for term in terms]
    else:
        values = np.isin(names, values_of(charter))  # (sensors,)
        totals, known = _summed(terms, values, sums)
        every = Union(charter, scenario, names, known)
        scales = [every.scale(totals, term) for term in terms]
    inputs = [
        every.inputs(share, one, columns) for share, one, columns in zip(shares, scales, places, strict=True)
    ]
    return inputs, totals


def union(holdings: Sequence[Holding]) -> tuple[str, ...]:
    """Return the sensors of all parties, in the order in which statistics have them."""
    return tuple(sorted({name for own in holdings for name in own.share.fleet.sensor_names}))


def _summed(terms: Sequence[Moments], values: Flags, sums: ProtectedSums | None) -> tuple[Moments, Flags]:
    """Return the sums over parties, and (sensors,) which sensors they tell of.

    values: (sensors,) which sensors are values of a category: who never saw one has nothing of it.
    """
    if sums is None:
        return statistics.total(terms), np.ones(len(values), bool)
    has = [np.where(values, term.square, term.count) > 0 for term in terms]  # (regimes, sensors) each
    shape = has[0].shape
    enough = sums.enough("statistics", [own.reshape(-1) for own in has]).reshape(shape)  # (regimes, sensors)
    rows = [np.stack([one.count, one.total, one.square]) * enough for one in terms]  # (3, regimes, sensors)
    found = sums.statistics("statistics", [row.reshape(-1) for row in rows]).reshape(3, *shape)
    return statistics.completed(Moments(*found), enough), np.any(enough, axis=0)
