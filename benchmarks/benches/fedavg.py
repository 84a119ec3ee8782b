"""One round of FedAvg on the work that peers do too, and how near the machine's limit it is."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.benches.figures import Case, Roofline, laps_of
from benchmarks.peers.hansa.peer import train
from benchmarks.peers.meter import Meter
from benchmarks.peers.work import FEATURES, HIDDEN, SIZES, Size, Work, read_work, write_work
from hansa.simulation.machine import threads

_SIZES = SIZES | {"10000x20": Size(parties=10_000, rows=20, spread=8, rounds=6)}
_SIDE = 1024  # of the matrices of the product that the machine is measured by
_PRODUCTS = 20


def rounds(size: str) -> list[Case]:
    """Return the rounds of a size, computed on as many threads as Hansa takes."""
    meter = Meter()
    train(_work(size), _SIZES[size].rounds, meter)
    return [laps_of(meter).case(_name(size), threads())]


def roofline(size: str) -> list[Case]:
    """Return the rounds of a size with their share of the matrix-multiply rate; to be run on one thread."""
    work, meter = _work(size), Meter()
    rates = matmul_gflops()
    train(work, _SIZES[size].rounds, meter)
    rate, found = median(rates + matmul_gflops()), laps_of(meter)
    gflop = operations(sum(map(len, work.y))) / 1e9
    done = gflop / (median(found.cpu_ms) / 1000)
    limit = Roofline(round(gflop, 4), round(done, 2), round(rate, 2), round(done / rate, 4))
    return [found.case(f"{_name(size)}, one thread", threads(), "", limit)]


def operations(rows: int, layers: Sequence[int] = (FEATURES, *HIDDEN, 1)) -> int:
    """Return the multiplications and additions of one epoch, counted from shapes.

    Per row and weight 2 forward and 4 backward, but for the inputs' own gradient, which nobody needs.
    Biases, activations, the loss and the step itself are not counted.
    """
    sizes = [inputs * outputs for inputs, outputs in pairwise(layers)]
    return rows * (6 * sum(sizes) - 2 * sizes[0])


def matmul_gflops() -> list[float]:
    """Return the rates of some products of two square matrices, by CPU time."""
    rng = np.random.default_rng(0)
    a, b = (jnp.asarray(rng.standard_normal((_SIDE, _SIDE), np.float32)) for _ in range(2))
    product = jax.jit(jnp.matmul)
    jax.block_until_ready(product(a, b))
    found = []
    for _ in range(_PRODUCTS):
        began = time.process_time()
        jax.block_until_ready(product(a, b))
        found.append(2 * _SIDE**3 / 1e9 / (time.process_time() - began))
    return found


def _work(size: str) -> Work:
    with tempfile.TemporaryDirectory() as folder:
        write_work(Path(folder) / "work.npz", _SIZES[size], seed=1)
        return read_work(Path(folder) / "work.npz")


def _name(size: str) -> str:
    return f"FedAvg round, {_SIZES[size].parties:,} parties x {_SIZES[size].rows:,} rows"
