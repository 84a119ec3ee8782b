"""Single computations: the maps of FedLabSync, and gradients example by example."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.benches.figures import Case, laps
from benchmarks.peers.work import BATCH_SIZE, FEATURES, HIDDEN
from hansa.algorithms.labsync import label_maps
from hansa.models.network import Perceptron, perceptron
from hansa.simulation.machine import threads


def maps(rows: str) -> list[Case]:
    """Return the time of all eight maps of eight parties with so many rows together."""
    total = int(rows)
    rng = np.random.default_rng(0)
    labels = [rng.integers(0, 121, size=total // 8) for _ in range(8)]
    found = laps(lambda: label_maps(labels), 9 if total <= 1_000_000 else 3)
    return [found.case(f"LabSync map, 8 parties, {total:,} rows together, all maps", 1)]


def gradients(count: int = 50) -> list[Case]:
    """Return a batch's mean gradient, and the gradients of its rows one by one; count: laps of each."""
    rng = np.random.default_rng(0)
    network = perceptron(rng, FEATURES, HIDDEN, "relu", "linear")
    x = jnp.asarray(rng.standard_normal((BATCH_SIZE, FEATURES), np.float32))
    y = jnp.asarray(rng.standard_normal(BATCH_SIZE, np.float32))
    together = jax.jit(jax.grad(lambda one: _losses(one, x, y).mean()))
    row = jax.grad(lambda one, x, y: _losses(one, x[None], y[None])[0])
    each = jax.jit(lambda one: jax.vmap(row, in_axes=(None, 0, 0))(one, x, y))

    batch = laps(lambda: jax.block_until_ready(together(network)), count, inside=50)
    apart = laps(lambda: jax.block_until_ready(each(network)), count, inside=10)
    title = f"of a batch of {BATCH_SIZE}, 10k-parameter network"
    mean = batch.case(f"Gradient {title}", threads())
    found = apart.case(f"Per-example gradients {title}", threads())
    note = f"{found.cpu_ms.median / mean.cpu_ms.median:.1f} times the CPU of the batch's gradient"
    return [mean, apart.case(found.name, threads(), note)]


def _losses(network: Perceptron, x: jax.Array, y: jax.Array) -> jax.Array:
    return 0.5 * (network(x) - y) ** 2  # (rows,)
