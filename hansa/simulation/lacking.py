"""The second exchange of statistics of aligned averaging: what stands for the sensors that a party lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hansa.algorithms import components, lacking
from hansa.algorithms.components import Products
from hansa.data.prepare import Inputs
from hansa.runtime.holdings import Holding
from hansa.simulation.components import added, terms_of
from hansa.simulation.protected import ProtectedSums


def with_fill(
    holdings: Sequence[Holding], inputs: Sequence[Inputs], sums: ProtectedSums | None
) -> tuple[list[Inputs], Products | None]:
    """Return inputs in which a party's own sensors speak for those that it lacks, and the sums that say how.

    sums: what adds up; None: in the clear.
    Inputs are returned as they are where no party lacks a sensor of the frame.
    """
    frame = inputs[0].frame
    if all(len(one.sensors) == len(frame) for one in inputs):
        return list(inputs), None
    pairs = components.pairs_of(np.zeros(len(frame), np.int64))
    totals = added("products", terms_of(holdings, inputs, frame, pairs), sums)
    own = [[frame.index(name) for name in one.sensors] for one in inputs]
    return [
        replace(one, fill=lacking.fill(totals, pairs, len(frame), columns))
        for one, columns in zip(inputs, own, strict=True)
    ], totals
