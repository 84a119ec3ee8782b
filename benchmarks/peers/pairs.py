"""What runs of a peer and of Hansa say side by side: ratios, and whether both did the same work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.peers.meter import Report

SAME_MSE = 0.10  # relative: other orders of the rows move it by 1 to 6 %, half the learning rate by 20 %
SAME_EXACT_MSE = 1e-4  # relative: the exact work leaves nothing to chance


@dataclass(frozen=True, slots=True)
class Ratio:
    """A figure of the peer over the same of Hansa: above 1, Hansa is the better."""

    median: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Run:
    """One process of each, one after the other."""

    hansa: Report
    peer: Report


@dataclass(frozen=True, slots=True)
class Pair:
    """A peer beside Hansa on one size of work."""

    size: str
    peer: str
    rounds: int
    cpu: Ratio  # of the median round; the first round of a process is left out
    wall: Ratio
    same_work: bool
    note: str  # what to say of the row, empty where there is nothing
    runs: tuple[Run, ...]


def pair_of(size: str, peer: str, runs: Sequence[Run], exact: Run) -> Pair:
    """Return the row of a peer and a size; `exact` is one run of both on the exact work."""
    note = _other_work(runs, exact)
    return Pair(
        size=size,
        peer=peer,
        rounds=runs[0].peer.rounds,
        cpu=ratio([_median_round(run.peer.cpu_ms) / _median_round(run.hansa.cpu_ms) for run in runs]),
        wall=ratio([_median_round(run.peer.wall_ms) / _median_round(run.hansa.wall_ms) for run in runs]),
        same_work=not note,
        note=note,
        runs=tuple(runs),
    )


def ratio(values: Sequence[float]) -> Ratio:
    """Return the median of the ratios and their spread."""
    return Ratio(round(median(values), 3), round(min(values), 3), round(max(values), 3))


def _median_round(figures: Sequence[float]) -> float:
    return median(figures[1:])


def _other_work(runs: Sequence[Run], exact: Run) -> str:
    checks = [("test MSE", run, SAME_MSE) for run in runs] + [
        ("test MSE of the exact work", exact, SAME_EXACT_MSE)
    ]
    for figure, run, tolerance in checks:
        ours, theirs = run.hansa.test_mse, run.peer.test_mse
        # Negated, so that a figure that is not a number fails too.
        if run.hansa.rounds != run.peer.rounds or not abs(theirs - ours) <= tolerance * ours:
            return (
                f"did other work: {figure} {theirs:.6g} after {run.peer.rounds} rounds,"
                f" Hansa's {ours:.6g} after {run.hansa.rounds}"
            )
    return ""
