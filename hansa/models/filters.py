"""Filters along each asset's history: Algorithm 4, and one that knows that life runs out.

Source: Llasag Rosero et al., 2024, Algorithm 4 (constants of Olivares et al., 2019). The drift-aware
filter is an interacting multiple model of two modes (Blom and Bar-Shalom, IEEE TAC 33(8), 1988):
healthy, where the capped label stands still, and degrading, where it falls by one per unit of time.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

PROCESS_NOISE = 1.0 / 209.0  # Q
SENSOR_NOISE = 0.09  # R
_DRIFT_NOISE = 1e-4  # process noise once the drift is modelled
_ONSET = 0.01  # chance per row that a healthy asset starts to degrade


@dataclass(frozen=True, slots=True, eq=False)
class Histories:
    """Where the rows of each asset stand in a padded (assets, steps) grid."""

    row: NDArray[np.int32]  # (assets, steps), index of the row; padding repeats the last row
    step: NDArray[np.float32]  # (assets, steps), time since the row before, as a share of the cap
    place: NDArray[np.int32]  # (rows,), where each row stands in the flattened grid

    def last_rows(self) -> NDArray[np.int32]:
        """Return (assets,) the index of each asset's last row."""
        return self.row[:, -1]


def histories(asset: NDArray[np.integer], time: NDArray[np.floating], cap: float) -> Histories:
    """Return the grid of rows that are sorted by asset and time; asset, time: (rows,)."""
    starts = np.flatnonzero(np.r_[True, asset[1:] != asset[:-1]])  # (assets,)
    lengths = np.diff(np.r_[starts, len(asset)])  # (assets,)
    steps = np.arange(lengths.max())  # (steps,)
    real = steps[None, :] < lengths[:, None]  # (assets, steps)
    row = starts[:, None] + np.minimum(steps[None, :], lengths[:, None] - 1)  # (assets, steps)
    step = np.diff(time[row], axis=1, prepend=time[row[:, :1]]) / cap  # (assets, steps)
    place = np.flatnonzero(real)  # (rows,), rows follow each other as the grid does
    return Histories(row.astype(np.int32), step.astype(np.float32), place.astype(np.int32))


def filtered(predictions: jax.Array, grid: Histories, kind: str) -> jax.Array:
    """Return (..., rows) filtered predictions; predictions: (..., rows), shares of the cap.

    kind: kalman (Algorithm 4), drift or none.
    """
    if kind == "none":
        return predictions
    z = predictions[..., grid.row]  # (..., assets, steps)
    smooth = {"kalman": _kalman, "drift": _drift}[kind](z, jnp.asarray(grid.step))  # (..., assets, steps)
    return smooth.reshape(*predictions.shape[:-1], -1)[..., grid.place]  # (..., rows)


def gains(steps: int) -> NDArray[np.float64]:
    """Return (steps,) the Kalman gains of Algorithm 4; they do not depend on the data."""
    result = np.empty(steps)
    variance = 0.0  # P_0
    for k in range(steps):
        predicted = variance + PROCESS_NOISE
        result[k] = predicted / (predicted + SENSOR_NOISE)
        variance = (1.0 - result[k]) * predicted
    return result


def _kalman(z: jax.Array, step: jax.Array) -> jax.Array:
    del step
    per_step = jnp.moveaxis(z, -1, 0)  # (steps, ..., assets)
    gain = jnp.asarray(gains(z.shape[-1]), z.dtype)  # (steps,)

    def advance(x: jax.Array, now: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        x = x + now[1] * (now[0] - x)
        return x, x

    _, smooth = jax.lax.scan(advance, jnp.ones(per_step.shape[1:], z.dtype), (per_step, gain))
    return jnp.moveaxis(smooth, 0, -1)


def _drift(z: jax.Array, step: jax.Array) -> jax.Array:
    per_step = jnp.moveaxis(z, -1, 0)  # (steps, ..., assets)
    shape = (2, *per_step.shape[1:])  # modes: 0 healthy, 1 degrading
    falls = jnp.moveaxis(step, -1, 0)  # (steps, assets)
    start = (jnp.ones(shape, z.dtype), jnp.full(shape, 1e-6, z.dtype), _first_odds(shape, z.dtype))
    _, smooth = jax.lax.scan(_advance_modes, start, (per_step, falls))
    return jnp.moveaxis(smooth, 0, -1)


def _first_odds(shape: tuple[int, ...], dtype: jnp.dtype) -> jax.Array:
    return jnp.stack([jnp.full(shape[1:], 1.0 - _ONSET, dtype), jnp.full(shape[1:], _ONSET, dtype)])


def _advance_modes(
    state: tuple[jax.Array, jax.Array, jax.Array], now: tuple[jax.Array, jax.Array]
) -> tuple[tuple[jax.Array, jax.Array, jax.Array], jax.Array]:
    x, variance, odds = state  # (2, ..., assets) each
    z, fall = now
    # Mixing: a healthy asset may start to degrade; a degrading one never heals.
    onset = _ONSET * odds[0] / (_ONSET * odds[0] + odds[1])  # share of mode 1 that comes from mode 0
    mixed = x[1] + onset * (x[0] - x[1])
    spread = onset * (variance[0] + (x[0] - mixed) ** 2) + (1 - onset) * (variance[1] + (x[1] - mixed) ** 2)
    odds = jnp.stack([(1.0 - _ONSET) * odds[0], odds[1] + _ONSET * odds[0]])
    x = jnp.stack([x[0], mixed - fall])
    variance = jnp.stack([variance[0], spread]) + _DRIFT_NOISE
    # Update each mode and weigh the modes by how well they foresaw the prediction.
    expected = variance + SENSOR_NOISE
    miss = z - x
    x = x + variance / expected * miss
    variance = variance * SENSOR_NOISE / expected
    odds = odds * jnp.exp(-0.5 * miss**2 / expected) / jnp.sqrt(expected)
    odds = jnp.maximum(odds / odds.sum(axis=0), 1e-6)
    return (x, variance, odds), (odds * x).sum(axis=0) / odds.sum(axis=0)
