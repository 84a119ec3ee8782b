"""How the cost of a round grows: ten times the rows, the parties or the weights, and steps between.

All sizes of a curve take turns in one process, so that they meet the same machine; its peak memory is
nobody's own, and is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

import jax
import numpy as np

from benchmarks.benches.figures import Case, Laps, laps_of
from benchmarks.peers.meter import Meter
from hansa.algorithms.fedavg import FedAvg
from hansa.core import seeds
from hansa.models.network import Perceptron, perceptron
from hansa.models.rows import Rows
from hansa.models.training import Recipe
from hansa.runtime.coordinator import run_round
from hansa.runtime.party import Member
from hansa.simulation.batched import BatchedParties
from hansa.simulation.machine import threads

_FEATURES = 16
_TURNS = 3  # each size comes round so often, so that a busy machine slows all of them alike
_ROUNDS = 3  # of a turn


@dataclass(frozen=True, slots=True)
class Size:
    """One point of a curve."""

    parties: int
    rows: int  # of each
    hidden: tuple[int, ...] = (96, 84)
    ragged: bool = False  # whether parties hold from three fifths to seven fifths of these rows

    @property
    def weights(self) -> int:
        """Return how many numbers the network has."""
        return sum(a * b + b for a, b in pairwise((_FEATURES, *self.hidden, 1)))

    @property
    def words(self) -> str:
        """Return the size in words."""
        if self.ragged:
            return f"{self.parties:,} small parties x about {self.rows:,} rows, {self.weights:,} weights"
        return f"{self.parties:,} parties x {self.rows:,} rows, {self.weights:,} weights"

    def lengths(self) -> list[int]:
        """Return the rows of each party."""
        if not self.ragged:
            return [self.rows] * self.parties
        low, high = 3 * self.rows // 5, 7 * self.rows // 5
        return np.random.default_rng(0).integers(low, high + 1, self.parties).tolist()


CURVES = {
    "rows": (Size(8, 4000), Size(8, 12_600), Size(8, 40_000)),
    "parties": (Size(100, 100), Size(316, 100), Size(1000, 100)),
    "small parties": tuple(Size(parties, 20, ragged=True) for parties in (1000, 3160, 10_000)),
    "weights": (Size(8, 4000), Size(8, 4000, (178, 156)), Size(8, 4000, (320, 290))),
}
"""By what grows; the last point is ten times the first."""


def growth(what: str) -> list[Case]:
    """Return the rounds of each point of a curve; the last one's note says how much more it costs."""
    curve = CURVES[what]
    federations = [_Federation(size) for size in curve]
    turns = [[_turn(federation) for federation in federations] for _ in range(_TURNS)]
    found = [_together([turn[place] for turn in turns]) for place in range(len(curve))]
    ratio = median(found[-1].cpu_ms) / median(found[0].cpu_ms)
    notes = [""] * (len(curve) - 1) + [f"{ratio:.2f} times the CPU of a tenth of the {what}"]
    return [
        replace(laps.case(f"Growth in {what}: {size.words}", threads(), note), peak_mb=None)
        for laps, size, note in zip(found, curve, notes, strict=True)
    ]


def ratio_of(cases: Sequence[Case]) -> float:
    """Return the CPU time of a curve's last point over that of its first."""
    return cases[-1].cpu_ms.median / cases[0].cpu_ms.median


def _turn(federation: _Federation) -> Laps:
    """Return some rounds; one before them warms the caches and is not counted."""
    meter = Meter()
    meter.lap()
    for _ in range(1 + _ROUNDS):
        federation.round()
        meter.lap()
    return laps_of(meter)


def _together(turns: Sequence[Laps]) -> Laps:
    wall = [one for turn in turns for one in turn.wall_ms]
    cpu = [one for turn in turns for one in turn.cpu_ms]
    return Laps(wall, cpu, max(turn.peak_mb for turn in turns))


class _Federation:
    """FedAvg over parties of one size, at a round of its own."""

    def __init__(self, size: Size) -> None:
        self._algorithm = FedAvg(Recipe("sgd", 0.1, 128, 1))
        network = perceptron(np.random.default_rng(0), _FEATURES, size.hidden, "relu", "linear")
        members = [
            _member(self._algorithm, party, rows, network) for party, rows in enumerate(size.lengths())
        ]
        seen = np.zeros((1, _FEATURES), np.float32)
        self._parties = BatchedParties(self._algorithm, members, [seen] * size.parties)
        self._state = self._algorithm.start(network)
        self.round()  # compiles

    def round(self) -> None:
        self._state = jax.block_until_ready(run_round(self._algorithm, self._state, self._parties))


def _member(algorithm: FedAvg, party: int, count: int, network: Perceptron) -> Member:
    rng = np.random.default_rng(party)
    x = rng.standard_normal((count, _FEATURES), np.float32)  # (rows, features)
    y = np.tanh(x[:, 0]) + 0.1 * rng.standard_normal(count, np.float32)  # (rows,)
    rows = Rows(x, y.astype(np.float32), np.ones(count, np.float32), np.zeros(count, np.int32))
    return Member(f"party-{party}", algorithm, rows, network, seeds.key(0, party))
