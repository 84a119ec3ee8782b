"""The second exchange of statistics: principal components, where a charter asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from hansa.algorithms import components
from hansa.algorithms.components import Products
from hansa.core.charter import Charter
from hansa.data.columns import column_of
from hansa.data.prepare import Inputs
from hansa.runtime.holdings import Holding
from hansa.simulation.protected import ProtectedSums

Floats = NDArray[np.float64]


def with_components(
    charter: Charter,
    holdings: Sequence[Holding],
    inputs: Sequence[Inputs],
    sums: ProtectedSums | None,
    *,
    alone: bool,
) -> tuple[list[Inputs], Products | None]:
    """Return inputs that end in components, and the sums over the cohort; alone: whether each sums alone.

    sums: what adds up; None: in the clear.

    Inputs are returned as they are where the charter asks for none.
    """
    if charter.preparation.features != "pca":
        return list(inputs), None
    union = sorted({name for one in inputs for name in one.sensors})
    group = groups(charter, union)  # (sensors,)
    pairs = components.pairs_of(group)
    places = [[union.index(name) for name in one.sensors] for one in inputs]
    most = charter.preparation.components
    terms = terms_of(holdings, inputs, union, pairs)
    if alone:
        return [
            replace(one, projection=components.directions(term, pairs, group, columns, most))
            for one, term, columns in zip(inputs, terms, places, strict=True)
        ], None
    totals = added("products", terms, sums)
    known: dict[tuple[int, ...], Floats] = {}  # parties with the same sensors have the same components
    for own in map(tuple, places):
        if own not in known:
            known[own] = components.directions(totals, pairs, group, own, most)
    joint = [
        replace(one, projection=known[tuple(columns)]) for one, columns in zip(inputs, places, strict=True)
    ]
    return joint, totals


def added(kind: str, terms: Iterator[Products], sums: ProtectedSums | None) -> Products:
    """Return the sums over parties, in the order of the roster; 0 for a pair that too few have.

    sums: what adds up, under the name of a kind; None: in the clear.
    """
    if sums is None:
        return reduce(components.added, terms)
    own = list(terms)
    enough = sums.enough(kind, [term.count > 0 for term in own])  # (pairs,)
    rows = [np.append(term.count * enough, term.total * enough) for term in own]  # (2 pairs,) each
    return Products(*np.split(sums.statistics(kind, rows), 2))


def terms_of(
    holdings: Sequence[Holding],
    inputs: Sequence[Inputs],
    sensors: Sequence[str],
    pairs: NDArray[np.int64],
) -> Iterator[Products]:
    """Yield each party's term over all sensors and their pairs, in the order of the roster."""
    for held, one in zip(holdings, inputs, strict=True):
        columns = [sensors.index(name) for name in one.sensors]
        yield components.term(*held.products(one), columns, pairs, len(sensors))


def groups(charter: Charter, names: Sequence[str]) -> NDArray[np.int64]:
    """Return (sensors,) the number of each sensor's group of columns, by the order of the groups' names."""
    named = {column.name: column.group for column in charter.data.columns}
    own = [named[column_of(name, named)] for name in names]
    order = sorted(set(own))
    return np.array([order.index(one) for one in own], np.int64)
