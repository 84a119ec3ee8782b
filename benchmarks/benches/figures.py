"""What a benchmark found: a figure's median and spread, and how near the machine's limit it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from benchmarks.peers.meter import Meter


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over rounds: the middle one, and the quartiles below and above it."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Roofline:
    """Arithmetic of a round beside the fastest that one thread of the machine does, a matrix product."""

    gflop: float  # floating-point operations of a round, 1e9
    gflops: float  # the same over the round's CPU seconds
    matmul_gflops: float  # of a 1024 x 1024 product in float32, measured before and after the rounds
    share: float


@dataclass(frozen=True, slots=True)
class Case:
    """One benchmark."""

    name: str
    wall_ms: Spread  # of one round
    cpu_ms: Spread  # of one round, all threads
    peak_mb: float | None  # MiB of the whole process, from its start on; None: shared with other cases
    rounds: int  # that were measured
    threads: int  # that compute
    note: str = ""
    roofline: Roofline | None = None


@dataclass(frozen=True, slots=True)
class Laps:
    """Rounds as measured, the first one left out: it compiles."""

    wall_ms: list[float]
    cpu_ms: list[float]
    peak_mb: float

    def case(self, name: str, threads: int, note: str = "", roofline: Roofline | None = None) -> Case:
        """Return the benchmark of these rounds."""
        wall, cpu = spread(self.wall_ms), spread(self.cpu_ms)
        return Case(name, wall, cpu, round(self.peak_mb, 1), len(self.wall_ms), threads, note, roofline)


def laps_of(meter: Meter) -> Laps:
    """Return the rounds that a meter has seen, without the first."""
    return Laps(meter.wall_ms[1:], meter.cpu_ms[1:], meter.peak_mb)


def laps(call: Callable[[], object], count: int, inside: int = 1) -> Laps:
    """Return `count` laps of a call, after one that is not counted.

    inside: calls a lap; the figures are of one call. The call has to wait for its own result.
    """
    meter = Meter()
    meter.lap()
    for _ in range(count + 1):
        for _ in range(inside):
            call()
        meter.lap()
    return per(laps_of(meter), inside)


def per(found: Laps, parts: int) -> Laps:
    """Return the laps of one part where a lap measured several."""
    wall, cpu = [one / parts for one in found.wall_ms], [one / parts for one in found.cpu_ms]
    return Laps(wall, cpu, found.peak_mb)


def spread(values: Sequence[float]) -> Spread:
    """Return the median and the quartiles of one value or more."""
    low, _, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
    return Spread(round(median(values), 4), round(low, 4), round(high, 4))


def cpu_ms() -> float:
    """Return the CPU time of this process so far."""
    return 1000 * time.process_time()
