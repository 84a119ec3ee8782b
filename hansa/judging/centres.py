"""Rules that look for a point in the middle of the updates, or make long updates shorter.

Each returns (parties,) weights w >= 0 of sum 1 at most: what lacks counts for no change.
"""

from __future__ import annotations

from statistics import median

import numpy as np
from numpy.typing import NDArray

from hansa.judging.table import Floats, Table

_STEPS = 10  # of centered clipping: each leaves at most the bad parties' share of the way
_WEISZFELD_STEPS = 10_000
_FAR = 1e4
_SAME = 1e-14  # squared distance, by the mean one, below which an update is at a point
_STILL = 1e-16  # squared length of a step, by the mean squared distance, after which the median stands


def mean(table: Table) -> Floats:
    """Return the weights of the plain mean."""
    return np.full(table.parties, 1 / table.parties)  # (parties,)


def clipped(table: Table) -> Floats:
    """Return the mean of updates, each made as short as the median one where it is longer.

    Source: Sun et al., arXiv 1911.07963, section 5.2; the median norm as in FLAME, USENIX Security 2022.
    """
    norms = np.sqrt(table.lengths)  # (parties,)
    return shrunk(norms, median(norms.tolist())) / table.parties  # (parties,)


def centered_clipping(table: Table) -> Floats:
    """Return the point reached from no change by mean steps to the updates, each clipped.

    A step goes no further than the median distance: more than half the parties are honest, so that the bad
    cannot lengthen it past what an honest party is away, and no scale need be agreed. Source: Karimireddy et
    al., ICML 2021, section 4, whose radius is fixed.
    """
    factors = _not_too_far(table)  # (parties,)
    seen = table.scaled(factors)
    point = np.zeros(table.parties)  # (parties,)
    for _ in range(_STEPS):
        apart = np.sqrt(seen.from_point(point))  # (parties,)
        steps = shrunk(apart, median(apart.tolist())) / table.parties  # (parties,)
        point = point * (1.0 - steps.sum()) + steps  # (parties,)
    return factors * point  # (parties,)


def geometric_median(table: Table) -> Floats:
    """Return the point whose distances to the updates, not squared, have the least sum.

    Weiszfeld's steps from the mean, as Vardi and Zhang mended them for a point that is one of the updates
    (PNAS 2000). That the median is an update is seen first, as the steps would come to it slowly. Source:
    Pillutla et al., IEEE TSP 2022, section III, without smoothing.
    """
    middle = int(np.median(table.between, axis=1).argmin())
    about = Table(table.between, table.between[middle])  # as if that one had changed nothing
    factors = _not_too_far(about)  # (parties,)
    weights = factors * _weiszfeld(about.scaled(factors))  # (parties,)
    weights[middle] += 1.0 - weights.sum()
    return weights


def _weiszfeld(table: Table) -> Floats:
    """Return (parties,) weights of sum 1 of the geometric median."""
    scale = float(table.between.mean())
    point = mean(table)  # (parties,)
    if scale == 0.0:
        return point
    same = table.between <= _SAME * scale  # (points, parties): every update is tried
    count = same.sum(axis=1)  # (points,)
    medians = same[_pull(table, same / count[:, None], same)[1] <= count]  # (medians, parties)
    if len(medians):
        return (medians / medians.sum(axis=1, keepdims=True)).mean(axis=0)  # of two halves none comes first
    reached = table.between @ point  # (parties,)
    for _ in range(_WEISZFELD_STEPS):
        apart = reached - point @ reached / 2  # (parties,), squared distances from the point
        if apart.min() > _SAME * scale:
            pulls = 1.0 / np.sqrt(apart)  # (parties,)
            following = pulls / pulls.sum()  # (parties,)
        else:
            here = apart <= _SAME * scale  # (parties,)
            towards, pull = _pull(table, point, here)
            stays = min(1.0, float(here.sum() / pull))
            following = stays * point + (1 - stays) * towards  # (parties,)
        there = table.between @ following  # (parties,)
        moved = (following - point) @ (reached - there) / 2  # (), squared
        point, reached = following, there
        if moved <= _STILL * scale:
            break
    return point


def _pull(table: Table, point: Floats, here: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return (..., parties) where the updates pull points, and (...) how hard, without those that are there.

    point: (..., parties) weights of sum 1. here: (..., parties) flags, not all of a point.
    """
    reached = point @ table.between  # (..., parties)
    apart = reached - (point * reached).sum(axis=-1, keepdims=True) / 2  # (..., parties), squared
    pulls = np.where(here, 0.0, 1 / np.sqrt(np.where(here, 1.0, np.maximum(apart, 0.0))))  # (..., parties)
    total = pulls.sum(axis=-1, keepdims=True)  # (..., 1)
    towards = pulls / total  # (..., parties)
    step = towards - point  # (..., parties), of sum 0
    squared = -(step * (step @ table.between)).sum(axis=-1) / 2  # (...)
    return towards, total[..., 0] * np.sqrt(np.maximum(squared, 0.0))


def _not_too_far(table: Table) -> Floats:
    """Return (parties,) factors that bring in what is ten thousand times further out than the median update.

    It pulls no other way from there, and the digits of the others' distances would be lost beside its own.
    """
    norms = np.sqrt(table.lengths)  # (parties,)
    return shrunk(norms, _FAR * median(norms.tolist()))  # (parties,)


def shrunk(norms: Floats, radius: float) -> Floats:
    """Return (parties,) factors that make norms at most the radius."""
    return np.divide(radius, norms, out=np.ones_like(norms), where=norms > radius)  # (parties,)
